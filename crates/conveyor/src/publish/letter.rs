//! Owns the dead letter: how a rejected record is kept on `images.failed.v1`. Decides nothing about what is rejected.

use proto::{
    Codec, DeadRecord, DecodeError, Event, ImageFailed, ImageProcessed, ImageUploaded, Topic, UnixMillis,
};

use super::headers::{Headers, with};
use super::publisher::{Outgoing, PublishError, Publisher};
use crate::handler::{Rejection, Subject};
use crate::record::Record;

/// What a letter needs beside the record it holds: its own fields, frame and headers.
const ENVELOPE_BYTES_MAX: usize = 64 << 10;
/// What is kept of a record that is too large to be kept whole beside its headers.
const CUT_BYTES: usize = 64 << 10;
/// Detail is for people: a sentence, not a dump.
const DETAIL_BYTES_MAX: usize = 2048;

/// Publishes the letter about `record` and returns once all replicas have it. The key is kept; the record is kept whole,
/// else cut, else without its headers.
pub(crate) async fn post(
    publisher: &Publisher,
    record: &Record,
    rejection: &Rejection,
) -> Result<(), PublishError> {
    if is_about_a_letter_about_a_letter(record) {
        // One more letter would be read by whoever could not read this one, without end.
        tracing::error!(
            kafka.partition = record.partition,
            kafka.offset = record.offset,
            "drop a dead letter about a dead letter that cannot be read: {}",
            rejection.detail
        );
        return Ok(());
    }
    let subject = match &rejection.subject {
        Some(subject) => Some(subject.clone()),
        None => subject_of(publisher.codec(), record)
            .await
            .map_err(|away| PublishError::Unavailable { topic: Topic::Failed, cause: away.into() })?,
    };
    let mut sent = Ok(());
    for kept in records_to_keep(record) {
        let letter = letter(rejection, subject.as_ref(), kept);
        sent = post_one(publisher, record, rejection, &letter).await;
        if !matches!(sent, Err(PublishError::Rejected { .. })) {
            break;
        }
    }
    sent
}

fn is_about_a_letter_about_a_letter(record: &Record) -> bool {
    record.topic == Topic::Failed && record.header("dlq_topic") == Some(Topic::Failed.name().as_bytes())
}

/// Reads the image that the record is about, for a rejection by someone who did not get that far. None when the record
/// does not tell; fails only when the registry is away, because a letter without its image ends nobody's upload.
async fn subject_of(codec: &Codec, record: &Record) -> Result<Option<Subject>, DecodeError> {
    let read = match record.topic {
        Topic::Uploaded => {
            let fact = codec.decode::<ImageUploaded>(&record.value).await;
            fact.map(|fact| Subject { source: fact.source, attempt: fact.attempt })
        }
        Topic::Processed => {
            let fact = codec.decode::<ImageProcessed>(&record.value).await;
            fact.map(|fact| Subject { source: fact.source, attempt: fact.attempt })
        }
        _ => return Ok(None),
    };
    match read {
        Ok(subject) => Ok(Some(subject)),
        Err(DecodeError::Malformed(_) | DecodeError::SchemaUnknown(_)) => Ok(None),
        Err(away @ DecodeError::Unavailable(_)) => Err(away),
    }
}

fn records_to_keep(record: &Record) -> impl Iterator<Item = DeadRecord> + '_ {
    let headers_bytes: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let whole_max = Topic::Failed.message_bytes_max().saturating_sub(ENVELOPE_BYTES_MAX + headers_bytes);
    [
        (record.headers.as_slice(), whole_max),
        (record.headers.as_slice(), CUT_BYTES),
        (&[], CUT_BYTES),
        (&[], 0),
    ]
    .into_iter()
    .map(|(headers, bytes_max)| DeadRecord::keep(&record.value, headers.to_vec(), bytes_max))
}

fn letter(rejection: &Rejection, subject: Option<&Subject>, original: DeadRecord) -> ImageFailed {
    ImageFailed {
        source: subject.map(|subject| subject.source.clone()),
        attempt: subject.map_or(0, |subject| subject.attempt),
        reason: rejection.reason,
        detail: cut(&rejection.detail).to_owned(),
        failed_at: UnixMillis::now(),
        original,
    }
}

async fn post_one(
    publisher: &Publisher,
    record: &Record,
    rejection: &Rejection,
    letter: &ImageFailed,
) -> Result<(), PublishError> {
    let value = publisher.encode(letter).await?;
    let mut headers = Headers::following(record).of_event::<ImageFailed>(&letter.key());
    for (name, value) in [
        ("dlq_reason", rejection.reason.name()),
        ("dlq_detail", cut(&rejection.detail)),
        ("dlq_topic", record.topic.name()),
        ("dlq_partition", &record.partition.to_string()),
        ("dlq_offset", &record.offset.to_string()),
        ("dlq_attempts", &record.attempts.to_string()),
    ] {
        headers = with(headers, name, value.as_bytes());
    }
    let outgoing = Outgoing { topic: Topic::Failed, key: record.key.as_deref(), value: &value, headers };
    publisher.send(outgoing).await.map(drop)
}

/// Cuts a text to `DETAIL_BYTES_MAX` at a character's border.
fn cut(detail: &str) -> &str {
    let mut end = detail.len().min(DETAIL_BYTES_MAX);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    &detail[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use proto::Reason;

    use super::*;
    use crate::{Fault, KafkaArgs};

    fn record(value: usize, headers: Vec<(String, Vec<u8>)>) -> Record {
        Record {
            topic: Topic::Uploaded,
            partition: 0,
            offset: 0,
            epoch: Arc::from("e"),
            key: None,
            value: Bytes::from(vec![7; value]),
            headers,
            timestamp: UnixMillis(0),
            attempts: 1,
        }
    }

    #[test]
    fn a_record_is_kept_whole_as_long_as_the_letter_fits() {
        let kept = records_to_keep(&record(1_500_000, Vec::new())).next().unwrap();
        assert!(!kept.is_cut());
        let kept = records_to_keep(&record(3 << 20, Vec::new())).next().unwrap();
        assert!(kept.is_cut() && kept.value_bytes == 3 << 20 && kept.value_sha256.is_some());
        assert!(kept.value.len() < Topic::Failed.message_bytes_max());
    }

    #[test]
    fn what_no_letter_can_hold_is_named_by_its_hash_alone_in_the_end() {
        let huge = vec![("h".to_owned(), vec![0; 3 << 20])];
        let last = records_to_keep(&record(10, huge)).last().unwrap();
        assert!(last.headers.is_empty() && last.value.is_empty() && last.value_bytes == 10);
    }

    #[tokio::test]
    async fn a_registry_that_is_away_is_no_letter_without_its_image() {
        let codec = Arc::new(Codec::new("http://127.0.0.1:1", Duration::from_secs(1)).unwrap());
        let publisher = Publisher::open(&KafkaArgs::plaintext("127.0.0.1:1"), codec).unwrap();
        let framed = Record { value: Bytes::from_static(b"\0\0\0\0\x01\0"), ..record(0, Vec::new()) };
        let Fault::Reject(rejection) = Fault::reject(Reason::Corrupt, "as it is") else { unreachable!() };
        let error = post(&publisher, &framed, &rejection).await.unwrap_err();
        let PublishError::Unavailable { cause, .. } = error else { panic!("{error:?}") };
        assert!(cause.is::<DecodeError>(), "{cause:?}");
        let unframed = record(5, Vec::new());
        assert_eq!(subject_of(publisher.codec(), &unframed).await.unwrap(), None);
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ä".repeat(3000);
        assert!(cut(&long).len() <= DETAIL_BYTES_MAX);
        let odd = format!("x{long}");
        assert_eq!(cut(&odd).len(), DETAIL_BYTES_MAX - 1);
    }
}
