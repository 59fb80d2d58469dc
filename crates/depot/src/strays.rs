//! Uploads that nobody will finish: the process that began them was killed, and S3 keeps their parts. Owns finding and
//! aborting them. Relies on no lifecycle rule: versitygw has none, and MinIO refuses this kind.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::MultipartUpload;
use proto::{ObjectKey, UnixMillis};

use crate::client::{Bucket, Depot};
use crate::error::{Meaning, Unavailable, meaning, unavailable};
use crate::metrics::{Operation, Outcome, ended};

const PREFIX: &str = "original/";
/// Pages of a thousand uploads that one look reads at most; the next one goes on.
const PAGES_MAX: u32 = 100;

impl Depot {
    /// Aborts the uploads of originals that began longer than `age` ago and are still unfinished, and returns how many. `age`
    /// is more than any upload may take, or it aborts those that are under way. Aborting twice is aborting once. Fails if S3
    /// is away; what was aborted by then stays so.
    pub async fn abort_strays(&self, age: Duration) -> Result<usize, Unavailable> {
        let (mut after, mut aborted, mut last_failure) = (None, 0, None);
        for _ in 0..PAGES_MAX {
            let (uploads, next) = self.list_unfinished(after).await?;
            for upload in uploads.iter().filter(|upload| is_stray(upload, age)) {
                match self.abort_stray(upload).await {
                    Ok(()) => aborted += 1,
                    // One that cannot be aborted does not keep the others.
                    Err(error) => last_failure = Some(error),
                }
            }
            if next.is_none() {
                break;
            }
            after = next;
        }
        last_failure.map_or(Ok(aborted), Err)
    }

    /// Lists a page of uploads and the key that the next one begins behind. A key alone says where: versitygw refuses to
    /// go on behind an upload that has been aborted meanwhile. What a page leaves of a key's uploads the next look finds.
    async fn list_unfinished(
        &self,
        after: Option<String>,
    ) -> Result<(Vec<MultipartUpload>, Option<String>), Unavailable> {
        let begun = Instant::now();
        let list = self
            .s3
            .list_multipart_uploads()
            .bucket(self.bucket(Bucket::Originals))
            .prefix(PREFIX)
            .set_key_marker(after);
        let result = list.send().await.map_err(unavailable);
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        ended(Operation::List, outcome, begun);
        let output = result?;
        let next = output.next_key_marker.filter(|_| output.is_truncated == Some(true));
        Ok((output.uploads.unwrap_or_default(), next))
    }

    async fn abort_stray(&self, upload: &MultipartUpload) -> Result<(), Unavailable> {
        let begun = Instant::now();
        let abort = self
            .s3
            .abort_multipart_upload()
            .bucket(self.bucket(Bucket::Originals))
            .set_key(upload.key.clone())
            .set_upload_id(upload.upload_id.clone());
        let result = match abort.send().await {
            // Another instance was faster.
            Err(error) if meaning(&error) != Meaning::Missing => Err(unavailable(error)),
            _ => Ok(()),
        };
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        ended(Operation::AbortStray, outcome, begun);
        result
    }
}

/// Says whether it is one of ours and began that long ago.
fn is_stray(upload: &MultipartUpload, age: Duration) -> bool {
    let key = upload.key().and_then(|key| key.parse::<ObjectKey>().ok());
    let is_original = key.is_some_and(|key| key.image_id().is_some());
    let began_ms = upload.initiated().and_then(|time| time.to_millis().ok());
    is_original && began_ms.is_some_and(|ms| UnixMillis::now().since(UnixMillis(ms)) >= age)
}
