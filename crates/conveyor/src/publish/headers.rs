//! Owns the headers of what we publish: CloudEvents in binary mode, and the trace. Adds nothing personal.

use proto::{Event, UnixMillis};
use rdkafka::message::{Header, OwnedHeaders};
use uuid::Uuid;

use crate::record::{Record, trace_id};

/// What goes along with a fact beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The W3C `traceparent` of what caused the fact.
    pub traceparent: Option<String>,
}

impl Headers {
    /// Carries this `traceparent`, if it is one.
    pub fn traced(traceparent: Option<&str>) -> Headers {
        Headers { traceparent: traceparent.filter(|text| trace_id(text).is_some()).map(str::to_owned) }
    }

    /// Carries on the trace of the record that caused the fact.
    pub fn following(record: &Record) -> Headers {
        Headers::traced(record.traceparent())
    }

    /// Returns the headers of the fact `E` under `key`, as Kafka takes them.
    pub(crate) fn of_event<E: Event>(&self, key: &str) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new_with_capacity(10);
        for (name, value) in [
            ("ce_specversion", "1.0"),
            ("ce_id", &Uuid::now_v7().to_string()),
            ("ce_type", E::MESSAGE),
            ("ce_source", "/safelight"),
            ("ce_time", &UnixMillis::now().rfc3339()),
            ("content-type", "application/protobuf"),
        ] {
            headers = with(headers, name, value.as_bytes());
        }
        if !key.is_empty() {
            headers = with(headers, "ce_subject", key.as_bytes());
        }
        if let Some(traceparent) = &self.traceparent {
            headers = with(headers, "traceparent", traceparent.as_bytes());
        }
        headers
    }
}

/// Adds one header.
pub(crate) fn with(headers: OwnedHeaders, key: &str, value: &[u8]) -> OwnedHeaders {
    headers.insert(Header { key, value: Some(value) })
}

#[cfg(test)]
mod tests {
    use proto::ImageUploaded;
    use rdkafka::message::Headers as _;

    use super::*;

    #[test]
    fn a_fact_carries_what_cloud_events_ask_for_and_the_trace() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let owned = Headers::traced(Some(trace)).of_event::<ImageUploaded>("key");
        let get = |name: &str| {
            let found = owned.iter().find(|header| header.key == name)?;
            Some(String::from_utf8(found.value?.to_vec()).unwrap())
        };
        assert_eq!(get("ce_type").as_deref(), Some(ImageUploaded::MESSAGE));
        assert_eq!(get("traceparent").as_deref(), Some(trace));
        for name in ["ce_specversion", "ce_id", "ce_source", "ce_time", "ce_subject", "content-type"] {
            assert!(get(name).is_some_and(|value| !value.is_empty()), "{name}");
        }
        assert_eq!(Headers::traced(Some("nonsense")), Headers::default());
    }
}
