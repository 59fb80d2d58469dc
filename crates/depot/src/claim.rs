//! Who holds an idempotency key. Owns the claim object: an image id, written once by whoever comes first.

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use proto::{ImageId, ObjectKey, Sha256, UnixMillis};

use crate::client::{Bucket, Depot};
use crate::deposit::{CONFLICTS_MAX, Deposit, Put};
use crate::error::{Meaning, Unavailable, meaning, unavailable};
use crate::metrics::{Operation, Outcome, ended};
use crate::redeem::next;

/// An image id in text; anything longer is no claim of ours.
const CLAIM_BYTES_MAX: usize = 64;

/// Whose the key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is the caller's: no claim was there.
    Won,
    /// Somebody claimed it before.
    Lost {
        /// The id that the first claimant minted.
        id: ImageId,
        /// How long ago that id was minted.
        age: Duration,
    },
}

impl Depot {
    /// Claims `key` for `id`, or says who holds it. Claiming again with the same id wins again.
    pub async fn claim(&self, key: &ObjectKey, id: ImageId) -> Result<Claimed, Unavailable> {
        let begun = Instant::now();
        let result = self.claim_unmetered(key, id).await;
        let outcome = match &result {
            Ok(Claimed::Won) => Outcome::Ok,
            Ok(Claimed::Lost { .. }) => Outcome::Taken,
            Err(_) => Outcome::Unavailable,
        };
        ended(Operation::Claim, outcome, begun);
        result
    }

    async fn claim_unmetered(&self, key: &ObjectKey, id: ImageId) -> Result<Claimed, Unavailable> {
        let body = Bytes::from(id.to_string());
        let deposit = Deposit { bucket: Bucket::Originals, key, content_type: "text/plain", metadata: &[] };
        for _ in 0..CONFLICTS_MAX {
            if let Put::Stored { .. } = self.put_if_absent(&deposit, body.clone(), Sha256::of(&body)).await? {
                return Ok(Claimed::Won);
            }
            match self.claimant(key).await? {
                // Our own claim, whose first answer was lost on the way.
                Some(holder) if holder == id => return Ok(Claimed::Won),
                Some(holder) => {
                    let age = UnixMillis::now().since(holder.uploaded_at());
                    return Ok(Claimed::Lost { id: holder, age });
                }
                // Purged between the two calls: it can be claimed anew.
                None => {}
            }
        }
        Err(Unavailable::of_key("the claim comes and goes"))
    }

    async fn claimant(&self, key: &ObjectKey) -> Result<Option<ImageId>, Unavailable> {
        let get = self.s3.get_object().bucket(self.bucket(Bucket::Originals)).key(key.to_string());
        let body = match get.send().await {
            Ok(output) => output.body,
            Err(error) if meaning(&error) == Meaning::Missing => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let text = self.read_claim(body).await?;
        match std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()) {
            Some(id) => Ok(Some(id)),
            None => Err(Unavailable::of_key("the claim holds no image id")),
        }
    }

    async fn read_claim(&self, mut body: ByteStream) -> Result<Bytes, Unavailable> {
        let mut text = BytesMut::new();
        while let Some(chunk) = next(&mut body, self.attempt_time).await? {
            if text.len() + chunk.len() > CLAIM_BYTES_MAX {
                return Err(Unavailable::of_key("the claim holds no image id"));
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text.freeze())
    }
}
