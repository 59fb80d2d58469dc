//! Looking at what lies in S3 without taking it: one object's head, one page of originals.

use std::collections::HashMap;
use std::time::Instant;

use aws_sdk_s3::types::ChecksumMode;
use proto::{ClaimCheck, ObjectKey, Sha256};

use crate::client::{Bucket, Depot};
use crate::deposit::real_version;
use crate::error::{Meaning, Unavailable, is_absent, meaning, unavailable};
use crate::metrics::{Operation, Outcome, ended};
use crate::redeem::next;

/// What S3 says about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its length.
    pub bytes: u64,
    /// Its ETag, quotes included.
    pub etag: String,
    /// Its version id, on a bucket with versioning.
    pub version: Option<String>,
    /// The whole object's SHA-256; none after a multipart upload, for which S3 keeps only a composite.
    pub sha256: Option<Sha256>,
    /// User metadata: names without the `x-amz-meta-` prefix.
    pub metadata: HashMap<String, String>,
    /// Its media type.
    pub content_type: String,
}

/// A page of keys in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The keys; what is no key of ours is left out.
    pub keys: Vec<ObjectKey>,
    /// What to pass as `after` for the next page; none at the end.
    pub next: Option<String>,
}

impl Depot {
    /// Returns what S3 says about the object, or none if there is no such object. None is S3's word or a proxy's: a reason
    /// to look again or to deposit, never one to give an image up.
    pub async fn head(&self, bucket: Bucket, key: &ObjectKey) -> Result<Option<Stored>, Unavailable> {
        let begun = Instant::now();
        let result = self.head_unmetered(bucket, key).await;
        let outcome = match &result {
            Ok(Some(_)) => Outcome::Ok,
            Ok(None) => Outcome::Missing,
            Err(_) => Outcome::Unavailable,
        };
        ended(Operation::Head, outcome, begun);
        result
    }

    async fn head_unmetered(&self, bucket: Bucket, key: &ObjectKey) -> Result<Option<Stored>, Unavailable> {
        let head = self
            .s3
            .head_object()
            .bucket(self.bucket(bucket))
            .key(key.to_string())
            .checksum_mode(ChecksumMode::Enabled);
        match head.send().await {
            Ok(output) => Ok(Some(Stored {
                bytes: output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                etag: output.e_tag.unwrap_or_default(),
                version: real_version(output.version_id),
                sha256: output.checksum_sha256.as_deref().and_then(whole_sha256),
                metadata: output.metadata.unwrap_or_default(),
                content_type: output.content_type.unwrap_or_default(),
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Returns the claim check of what lies under the key and what S3 says about it, or none. Reads and hashes the object
    /// where S3 keeps no SHA-256 of the whole.
    pub async fn find(
        &self,
        bucket: Bucket,
        key: &ObjectKey,
    ) -> Result<Option<(ClaimCheck, Stored)>, Unavailable> {
        let Some(stored) = self.head(bucket, key).await? else {
            return Ok(None);
        };
        let sha256 = match stored.sha256 {
            Some(sha256) => Some(sha256),
            None => self.hash_of(bucket, key, &stored).await?,
        };
        let check = sha256.map(|sha256| ClaimCheck {
            bucket: self.bucket(bucket).to_owned(),
            key: key.clone(),
            version: stored.version.clone(),
            etag: stored.etag.clone(),
            bytes: stored.bytes,
            sha256,
        });
        Ok(check.map(|check| (check, stored)))
    }

    async fn hash_of(
        &self,
        bucket: Bucket,
        key: &ObjectKey,
        stored: &Stored,
    ) -> Result<Option<Sha256>, Unavailable> {
        let get = self
            .s3
            .get_object()
            .bucket(self.bucket(bucket))
            .key(key.to_string())
            .set_version_id(stored.version.clone())
            .if_match(&stored.etag);
        let mut body = match get.send().await {
            Ok(output) => output.body,
            Err(error) if meaning(&error) == Meaning::Missing => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let mut hasher = Sha256::hasher();
        while let Some(chunk) = next(&mut body, self.attempt_time).await? {
            hasher.update(&chunk);
        }
        Ok(Some(hasher.finish()))
    }

    /// Returns a page of the originals whose keys begin with `prefix` and come after `after`.
    pub async fn list_originals(&self, prefix: &str, after: Option<&str>) -> Result<Listing, Unavailable> {
        let begun = Instant::now();
        let list = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket(Bucket::Originals))
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned));
        let result = list.send().await.map_err(unavailable);
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        ended(Operation::List, outcome, begun);
        let output = result?;
        let texts: Vec<String> =
            output.contents.unwrap_or_default().into_iter().filter_map(|it| it.key).collect();
        let next = output.is_truncated.unwrap_or(false).then(|| texts.last().cloned()).flatten();
        Ok(Listing { keys: texts.iter().filter_map(|text| text.parse().ok()).collect(), next })
    }
}

/// Parses the base64 SHA-256 of a whole object; a composite (`...-3`) is the hash of hashes and of no use here.
fn whole_sha256(base64: &str) -> Option<Sha256> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    bytes.try_into().ok().map(Sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composite_checksum_is_no_hash_of_the_whole() {
        let whole = Sha256::of(b"abc");
        assert_eq!(whole_sha256(&whole.to_base64()), Some(whole));
        assert_eq!(whole_sha256(&format!("{}-2", whole.to_base64())), None);
    }
}
