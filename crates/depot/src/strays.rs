//! Uploads that nobody will finish: the process that began them was killed, and S3 keeps their parts. Owns finding and
//! aborting them. Relies on no lifecycle rule: versitygw has none, and MinIO refuses this kind.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::MultipartUpload;
use proto::{ObjectKey, UnixMillis};

use crate::client::{Bucket, Depot};
use crate::error::{Answer, Unavailable, answer, unavailable};
use crate::metrics::{Operation, Outcome, ended};

const PREFIX: &str = "original/";
/// Pages of a thousand uploads that one look reads at most; the next one goes on.
const PAGES_MAX: u32 = 100;

/// Where the next page begins.
#[derive(Default)]
struct Markers {
    key: Option<String>,
    upload: Option<String>,
}

impl Depot {
    /// Aborts the uploads of originals that began longer than `age` ago and are still unfinished, and returns how many. `age`
    /// is more than any upload may take, or it aborts those that are under way. Aborting twice is aborting once. Fails if S3
    /// is away; what was aborted by then stays so.
    pub async fn abort_strays(&self, age: Duration) -> Result<usize, Unavailable> {
        let (mut markers, mut aborted, mut last_failure) = (Markers::default(), 0, None);
        for _ in 0..PAGES_MAX {
            let (uploads, next) = self.list_unfinished(markers).await?;
            for upload in uploads.iter().filter(|upload| is_stray(upload, age)) {
                match self.abort_stray(upload).await {
                    Ok(()) => aborted += 1,
                    // One that cannot be aborted does not keep the others.
                    Err(error) => last_failure = Some(error),
                }
            }
            let Some(next) = next else { break };
            markers = next;
        }
        last_failure.map_or(Ok(aborted), Err)
    }

    async fn list_unfinished(
        &self,
        markers: Markers,
    ) -> Result<(Vec<MultipartUpload>, Option<Markers>), Unavailable> {
        let begun = Instant::now();
        let list = self
            .s3
            .list_multipart_uploads()
            .bucket(self.bucket(Bucket::Originals))
            .prefix(PREFIX)
            .set_key_marker(markers.key)
            .set_upload_id_marker(markers.upload);
        let result = list.send().await.map_err(unavailable);
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        ended(Operation::List, outcome, begun);
        let output = result?;
        let next = output
            .is_truncated
            .unwrap_or(false)
            .then_some(Markers { key: output.next_key_marker, upload: output.next_upload_id_marker });
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
            Err(error) if answer(&error) != Answer::Missing => Err(unavailable(error)),
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
