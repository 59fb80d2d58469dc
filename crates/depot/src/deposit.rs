//! Putting an object where none is. Owns `If-None-Match: *`, the SHA-256 that S3 verifies, and what a second deposit
//! under the same key means.

use std::time::{Duration, Instant};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use proto::{ClaimCheck, ObjectKey, Sha256};

use aws_sdk_s3::config::http::HttpResponse;

use crate::client::{Bucket, Depot};
use crate::error::{Meaning, Unavailable, meaning, unavailable};
use crate::metrics::{Operation, Outcome, ended};

/// How often a conditional write is tried again while another one on the same key is in flight (S3 answers 409).
pub(crate) const CONFLICTS_MAX: u32 = 5;
const CONFLICT_PAUSE: Duration = Duration::from_millis(40);

/// What is to be stored, apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Deposit<'a> {
    /// Where it goes.
    pub bucket: Bucket,
    /// Its key.
    pub key: &'a ObjectKey,
    /// Its media type.
    pub content_type: &'a str,
    /// User metadata: names without the `x-amz-meta-` prefix, values in visible ASCII.
    pub metadata: &'a [(&'a str, String)],
}

/// Says why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum DepositError {
    /// Other bytes lie under the key; this is their claim check.
    #[error("find other bytes under `{}`", .0.key)]
    Taken(Box<ClaimCheck>),
    /// S3 is away. The object may have been stored nevertheless.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a conditional write came to.
pub(crate) enum Put {
    Stored { etag: String, version: Option<String> },
    Exists,
}

impl Depot {
    /// Stores `bytes` under the deposit's key and returns the claim check. A second deposit of the same bytes changes
    /// nothing and returns the first one's check. Fails if other bytes lie there, or if S3 stays unreachable past the
    /// retry budget.
    pub async fn deposit(&self, deposit: Deposit<'_>, bytes: Bytes) -> Result<ClaimCheck, DepositError> {
        let begun = Instant::now();
        let result = self.deposit_unmetered(deposit, bytes).await;
        ended(Operation::Deposit, outcome(&result), begun);
        result
    }

    pub(crate) async fn deposit_unmetered(
        &self,
        deposit: Deposit<'_>,
        bytes: Bytes,
    ) -> Result<ClaimCheck, DepositError> {
        let (length, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
        match self.put_if_absent(&deposit, bytes, sha256).await? {
            Put::Stored { etag, version } => Ok(ClaimCheck {
                bucket: self.bucket(deposit.bucket).to_owned(),
                key: deposit.key.clone(),
                version,
                etag,
                bytes: length,
                sha256,
            }),
            Put::Exists => self.adopt(&deposit, length, sha256).await,
        }
    }

    /// Writes the object unless one is there. Waits out other writers' conflicts, a bounded number of times.
    pub(crate) async fn put_if_absent(
        &self,
        deposit: &Deposit<'_>,
        bytes: Bytes,
        sha256: Sha256,
    ) -> Result<Put, Unavailable> {
        for attempt in 1..=CONFLICTS_MAX {
            let put = self
                .s3
                .put_object()
                .bucket(self.bucket(deposit.bucket))
                .key(deposit.key.to_string())
                .content_type(deposit.content_type)
                .set_metadata(Some(owned(deposit.metadata)))
                .checksum_sha256(sha256.to_base64())
                .if_none_match("*")
                .body(ByteStream::from(bytes.clone()))
                .customize()
                // The checksum is signed and S3 verifies it: a second hash of the body would say nothing more.
                .disable_payload_signing();
            match put.send().await {
                Ok(output) => {
                    let version = real_version(output.version_id);
                    return Ok(Put::Stored { etag: output.e_tag.unwrap_or_default(), version });
                }
                Err(error) => match write_refused(error) {
                    Ok(Meaning::Conflict) => tokio::time::sleep(pause(attempt)).await,
                    Ok(_) => return Ok(Put::Exists),
                    Err(away) => return self.exists_after_all(deposit, away).await,
                },
            }
        }
        Err(Unavailable::of_key("another write on the same key stays in flight"))
    }

    /// Looks whether the object lies there although the write found S3 away. An answer may be lost after the write, and a
    /// server that refuses a large body without reading it resets the connection before the refusal is heard.
    pub(crate) async fn exists_after_all(
        &self,
        deposit: &Deposit<'_>,
        away: Unavailable,
    ) -> Result<Put, Unavailable> {
        match self.head(deposit.bucket, deposit.key).await {
            Ok(Some(_)) => Ok(Put::Exists),
            Ok(None) | Err(_) => Err(away),
        }
    }

    /// Returns the check of the object that lies under the key already, if its bytes are the same ones.
    pub(crate) async fn adopt(
        &self,
        deposit: &Deposit<'_>,
        length: u64,
        sha256: Sha256,
    ) -> Result<ClaimCheck, DepositError> {
        let Some((check, _)) = self.find(deposit.bucket, deposit.key).await? else {
            return Err(Unavailable::of_key("the object under the key vanished while it was read").into());
        };
        if check.bytes == length && check.sha256 == sha256 {
            return Ok(check);
        }
        Err(DepositError::Taken(Box::new(check)))
    }
}

/// Keeps the two answers that say the key is or may soon be taken; everything else means that S3 is away.
pub(crate) fn write_refused<E>(error: SdkError<E, HttpResponse>) -> Result<Meaning, Unavailable>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match meaning(&error) {
        kept @ (Meaning::PreconditionFailed | Meaning::Conflict) => Ok(kept),
        _ => Err(unavailable(error)),
    }
}

/// Returns how long to wait before the attempt after `attempt`.
pub(crate) fn pause(attempt: u32) -> Duration {
    CONFLICT_PAUSE * attempt
}

pub(crate) fn owned(metadata: &[(&str, String)]) -> std::collections::HashMap<String, String> {
    metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// S3 says `null` for objects written while versioning was off or suspended.
pub(crate) fn real_version(version: Option<String>) -> Option<String> {
    version.filter(|version| version != "null" && !version.is_empty())
}

fn outcome(result: &Result<ClaimCheck, DepositError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(DepositError::Taken(_)) => Outcome::Taken,
        Err(DepositError::Unavailable(_)) => Outcome::Unavailable,
    }
}
