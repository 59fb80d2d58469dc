//! Getting an object back for its claim check. Owns the proof that the bytes are the ones deposited: pinned version or
//! ETag, length, SHA-256. Refuses buckets that are not ours, whatever a record says.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::stream::BoxStream;
use proto::{ClaimCheck, Hasher, Sha256};

use crate::client::Depot;
use crate::error::{Meaning, Unavailable, meaning, unavailable};
use crate::metrics::{Operation, Outcome, ended};

/// Says why a claim check could not be redeemed.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// There is no such object any more, or never was.
    #[error("find the object")]
    Missing,
    /// What lies there is not what the check describes: `0` says how it differs.
    #[error("verify the object: {0}")]
    Corrupt(&'static str),
    /// S3 is away; the object may be there.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Bytes `first` to `last` of an object, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte's position, from 0.
    pub first: u64,
    /// The last byte's position.
    pub last: u64,
}

/// An object's bytes as they arrive. A whole object is verified while it passes: its last chunk is held back until length
/// and SHA-256 are right, so that wrong bytes never make a complete answer.
pub struct ObjectStream {
    bytes: u64,
    chunks: BoxStream<'static, Result<Bytes, RedeemError>>,
}

impl ObjectStream {
    /// Returns how many bytes will come.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl std::fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectStream").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Stream for ObjectStream {
    type Item = Result<Bytes, RedeemError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.as_mut().poll_next(context)
    }
}

impl Depot {
    /// Returns the bytes that the check stands for, verified. An object longer than `bytes_max` is not read.
    pub async fn redeem(&self, check: &ClaimCheck, bytes_max: u64) -> Result<Bytes, RedeemError> {
        let begun = Instant::now();
        let result = self.redeem_unmetered(check, bytes_max).await;
        ended(Operation::Redeem, outcome(&result), begun);
        result
    }

    async fn redeem_unmetered(&self, check: &ClaimCheck, bytes_max: u64) -> Result<Bytes, RedeemError> {
        if check.bytes > bytes_max {
            return Err(RedeemError::Corrupt("it is longer than accepted here"));
        }
        let mut body = self.fetch(check, None).await?;
        let mut whole = BytesMut::with_capacity(usize::try_from(check.bytes).unwrap_or(0));
        while let Some(chunk) = next(&mut body, self.attempt_time).await? {
            if (whole.len() + chunk.len()) as u64 > check.bytes {
                return Err(RedeemError::Corrupt("it is longer than its claim check says"));
            }
            whole.extend_from_slice(&chunk);
        }
        verify(check, whole.len() as u64, Sha256::of(&whole))?;
        Ok(whole.freeze())
    }

    /// Opens the object for reading, whole or one range of it. A range is pinned to the version but not hashed.
    pub async fn open_object(
        &self,
        check: &ClaimCheck,
        range: Option<ByteRange>,
    ) -> Result<ObjectStream, RedeemError> {
        let begun = Instant::now();
        let result = self.fetch(check, range).await;
        ended(Operation::Open, outcome(&result), begun);
        let (body, time_max) = (result?, self.attempt_time);
        Ok(match range {
            Some(range) => {
                let chunks = futures::stream::try_unfold(body, move |mut body| async move {
                    Ok(next(&mut body, time_max).await?.map(|chunk| (chunk, body)))
                });
                ObjectStream { bytes: range.last - range.first + 1, chunks: Box::pin(chunks) }
            }
            None => {
                let reading = Reading { body, held: None, bytes: 0, hasher: Sha256::hasher(), time_max };
                let chunks = futures::stream::try_unfold(
                    (reading, check.clone()),
                    |(mut reading, check)| async move {
                        Ok(reading.next(&check).await?.map(|chunk| (chunk, (reading, check))))
                    },
                );
                ObjectStream { bytes: check.bytes, chunks: Box::pin(chunks) }
            }
        })
    }

    async fn fetch(&self, check: &ClaimCheck, range: Option<ByteRange>) -> Result<ByteStream, RedeemError> {
        if !self.owns(&check.bucket) {
            return Err(RedeemError::Corrupt("its claim check names a bucket that is not ours"));
        }
        let mut get = self.s3.get_object().bucket(&check.bucket).key(check.key.to_string());
        get = match &check.version {
            Some(version) => get.version_id(version),
            None if check.etag.is_empty() => get,
            None => get.if_match(&check.etag),
        };
        if let Some(ByteRange { first, last }) = range {
            get = get.range(format!("bytes={first}-{last}"));
        }
        match get.send().await {
            Ok(output) => Ok(output.body),
            Err(error) => Err(match meaning(&error) {
                Meaning::Missing => RedeemError::Missing,
                // A version id that S3 cannot even parse names no object either.
                Meaning::ArgumentInvalid if check.version.is_some() => RedeemError::Missing,
                Meaning::RangeInvalid => RedeemError::Corrupt("it is shorter than its claim check says"),
                Meaning::PreconditionFailed => RedeemError::Corrupt("another object lies under the key"),
                _ => unavailable(error).into(),
            }),
        }
    }
}

/// A whole object on its way through.
struct Reading {
    body: ByteStream,
    held: Option<Bytes>,
    bytes: u64,
    hasher: Hasher,
    time_max: Duration,
}

impl Reading {
    async fn next(&mut self, check: &ClaimCheck) -> Result<Option<Bytes>, RedeemError> {
        loop {
            let Some(chunk) = next(&mut self.body, self.time_max).await? else {
                let hasher = std::mem::replace(&mut self.hasher, Sha256::hasher());
                let Some(last) = self.held.take() else { return Ok(None) };
                verify(check, self.bytes, hasher.finish())?;
                return Ok(Some(last));
            };
            self.bytes += chunk.len() as u64;
            self.hasher.update(&chunk);
            if let Some(ready) = self.held.replace(chunk) {
                return Ok(Some(ready));
            }
        }
    }
}

/// The SDK's time-outs end with the response's head; this one bounds each wait for more of the body.
pub(crate) async fn next(body: &mut ByteStream, time_max: Duration) -> Result<Option<Bytes>, Unavailable> {
    match tokio::time::timeout(time_max, body.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => Err(Unavailable::away(error)),
        Ok(None) => Ok(None),
        Err(_) => Err(Unavailable::away("the body stalls")),
    }
}

fn verify(check: &ClaimCheck, bytes: u64, sha256: Sha256) -> Result<(), RedeemError> {
    if bytes != check.bytes {
        return Err(RedeemError::Corrupt("its length is not the claim check's"));
    }
    if sha256 != check.sha256 {
        return Err(RedeemError::Corrupt("its SHA-256 is not the claim check's"));
    }
    Ok(())
}

fn outcome<T>(result: &Result<T, RedeemError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(RedeemError::Missing) => Outcome::Missing,
        Err(RedeemError::Corrupt(_)) => Outcome::Corrupt,
        Err(RedeemError::Unavailable(_)) => Outcome::Unavailable,
    }
}
