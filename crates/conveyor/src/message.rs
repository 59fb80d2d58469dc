//! Owns the step from librdkafka's borrowed message to our owned record.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use proto::{Topic, UnixMillis};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

use crate::epoch::Epochs;
use crate::record::Record;

/// Returns the record; none if it is not of a topic of ours.
pub(crate) fn record_of(message: &BorrowedMessage<'_>, epochs: &Epochs) -> Option<Record> {
    let topic = Topic::parse(message.topic())?;
    Some(Record {
        topic,
        partition: message.partition(),
        offset: message.offset(),
        epoch: epochs.of(topic),
        key: message.key().map(<[u8]>::to_vec),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        headers: headers_of(message),
        timestamp: UnixMillis(message.timestamp().to_millis().unwrap_or(0)),
        attempts: 0,
    })
}

/// Returns the headers. rdkafka panics on a name that is not UTF-8: whoever sends one must not stop the belt, so such a
/// record comes without its headers.
fn headers_of(message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let read = catch_unwind(AssertUnwindSafe(|| {
        let owned = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
        };
        headers.iter().map(owned).collect()
    }));
    read.unwrap_or_default()
}
