//! The claim check: what Kafka carries instead of bytes.

use serde::{Deserialize, Serialize};

use crate::{ObjectKey, Sha256};

/// Says where an object lies, which version of it, how long it is and what it hashes to.
///
/// Whoever redeems it verifies length and hash, so an object swapped meanwhile is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimCheck {
    /// The S3 bucket.
    pub bucket: String,
    /// The object's key.
    pub key: ObjectKey,
    /// The S3 version id; none on a bucket without versioning.
    pub version: Option<String>,
    /// The ETag as S3 gave it, quotes included.
    pub etag: String,
    /// The object's length.
    pub bytes: u64,
    /// The whole object's SHA-256.
    pub sha256: Sha256,
}
