//! The dead letter: the end of an image, or of a record, that cannot be processed.

use crate::{Reason, Sha256, Source, UnixMillis};

/// An image, or a record, that failed for good, with the record that led here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFailed {
    /// The original; none when the record could not be read far enough.
    pub source: Option<Source>,
    /// The attempt that this is the end of.
    pub attempt: u32,
    /// Why.
    pub reason: Reason,
    /// One sentence for people.
    pub detail: String,
    /// When it was given up.
    pub failed_at: UnixMillis,
    /// The record as it was.
    pub original: DeadRecord,
}

/// A record that could not be processed, kept whole for the eyes of an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadRecord {
    /// The value; cut when it was too large for a letter.
    pub value: Vec<u8>,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The value's whole length.
    pub value_bytes: u64,
    /// The whole value's SHA-256; none where no record is kept.
    pub value_sha256: Option<Sha256>,
}

impl DeadRecord {
    /// Keeps a record: whole up to `value_bytes_max`, else its beginning with the whole one's length and hash.
    pub fn keep(value: &[u8], headers: Vec<(String, Vec<u8>)>, value_bytes_max: usize) -> DeadRecord {
        DeadRecord {
            value: value[..value.len().min(value_bytes_max)].to_vec(),
            headers,
            value_bytes: value.len() as u64,
            value_sha256: Some(Sha256::of(value)),
        }
    }

    /// Says whether the value is only the beginning of what it was.
    pub fn is_cut(&self) -> bool {
        (self.value.len() as u64) < self.value_bytes
    }
}
