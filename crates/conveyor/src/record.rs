//! Owns what a consumed record is to the rest of the house: owned bytes and where they came from. Knows no client.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proto::{Coordinates, ImageId, Topic, UnixMillis};

/// A place in Kafka: one partition of one topic.
pub type Place = (Topic, i32);

/// The next offset of each partition.
pub type Offsets = BTreeMap<Place, i64>;

/// One consumed record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
    /// Which life of the topic the offset belongs to.
    pub epoch: Arc<str>,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value; empty for a tombstone.
    pub value: Bytes,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// When the broker appended it.
    pub timestamp: UnixMillis,
    /// Which try this is; the first is 1, a tail's is 0.
    pub attempts: u32,
}

impl Record {
    /// Returns the record's place in the log.
    pub fn coordinates(&self) -> Coordinates {
        Coordinates {
            epoch: self.epoch.as_ref().to_owned(),
            topic: self.topic,
            partition: self.partition,
            offset: self.offset,
        }
    }

    /// Returns the partition it came from.
    pub fn place(&self) -> Place {
        (self.topic, self.partition)
    }

    /// Returns the first header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// Returns the W3C `traceparent` that came with the record, if it is one.
    pub fn traceparent(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.header("traceparent")?).ok()?;
        trace_id(text).map(|_| text)
    }

    /// Returns the image that the key names; inbound records have other keys.
    pub(crate) fn image_id(&self) -> Option<ImageId> {
        std::str::from_utf8(self.key.as_deref()?).ok()?.parse().ok()
    }
}

/// Returns the trace id of a `traceparent` (`00-<32 hex>-<16 hex>-<2 hex>`); none if the text is not one.
pub(crate) fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let mut part = |length: usize| {
        let hex = |part: &&str| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
        parts.next().filter(hex)
    };
    let (_version, trace, _span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    Some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_taken_from_a_well_formed_traceparent_only() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(good), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in ["", "00", "00-4bf9-00f067aa0ba902b7-01", &good.replace('b', "x"), &good[..52]] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
