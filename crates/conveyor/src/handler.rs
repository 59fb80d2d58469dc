//! Owns the one question the belt asks a station: what became of this record? There are three answers and no fourth.

use std::future::Future;

use proto::{DecodeError, Reason, Source};

use crate::record::Record;

/// What a station does with a record. It must be idempotent: a record can come more than once.
pub trait Handler: Send + Sync + 'static {
    /// Handles a record to its end. The future is dropped when the partition is revoked or the drain's time is over.
    fn handle(&self, record: &Record) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Returns how many bytes the record costs while it is handled; counted against `in_flight_bytes_max`.
    fn bytes_of(&self, record: &Record) -> u64 {
        record.value.len() as u64
    }
}

/// Why a record was not handled.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one per record that failed, and gone with it")]
pub enum Fault {
    /// The data is wrong: the record becomes a dead letter, and the partition moves on.
    Reject(Rejection),
    /// The world is wrong: the same record is tried again until the world is right.
    Retry(anyhow::Error),
}

/// Why a record can never be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// From the closed list.
    pub reason: Reason,
    /// One sentence for people; no bytes, no file names.
    pub detail: String,
    /// What this is the end of, where that is known.
    pub subject: Option<Subject>,
}

/// One attempt at an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The image.
    pub source: Source,
    /// The number of the attempt.
    pub attempt: u32,
}

impl Fault {
    /// Rejects a record about which nothing more is known than that it is wrong.
    pub fn reject(reason: Reason, detail: impl Into<String>) -> Fault {
        Fault::Reject(Rejection { reason, detail: detail.into(), subject: None })
    }

    /// Has the record tried again later.
    pub fn retry(cause: impl Into<anyhow::Error>) -> Fault {
        Fault::Retry(cause.into())
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Fault {
        match error {
            DecodeError::Malformed(why) => Fault::reject(Reason::MessageMalformed, why),
            DecodeError::SchemaUnknown(id) => {
                Fault::reject(Reason::SchemaUnknown, format!("the registry does not know schema {id}"))
            }
            DecodeError::Unavailable(_) => Fault::Retry(error.into()),
        }
    }
}
