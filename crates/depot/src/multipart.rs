//! Depositing a body while it arrives. Owns the choice between one PutObject and a multipart upload, and that an upload
//! given up for any reason, a dropped future included, leaves no parts behind.

use std::time::{Duration, Instant};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use proto::{ClaimCheck, Hasher, Sha256};

use crate::chunks::PartBuffer;
use crate::client::Depot;
use crate::deposit::{CONFLICTS_MAX, Deposit, DepositError, Put, owned, real_version, write_refused};
use crate::error::{Meaning, Unavailable, unavailable};
use crate::metrics::{Operation, Outcome, ended};

/// The length of a part; a body up to this length is stored by one PutObject.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

const ABORTS_MAX: u32 = 4;
const ABORT_PAUSE: Duration = Duration::from_millis(500);

/// Says why a streamed body was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StreamError<E> {
    /// The body itself failed or was refused on the way; nothing is stored.
    #[error("read the body")]
    Body(E),
    /// See [`DepositError`].
    #[error(transparent)]
    Deposit(#[from] DepositError),
}

impl<E> From<Unavailable> for StreamError<E> {
    fn from(error: Unavailable) -> StreamError<E> {
        StreamError::Deposit(error.into())
    }
}

impl Depot {
    /// Stores the bytes of `body` under the deposit's key, in memory for one part at most beyond the chunk at hand, and
    /// returns the claim check. Repeats and failures are as in [`Depot::deposit`]; an error of the body leaves nothing.
    pub async fn deposit_stream<S, E>(
        &self,
        deposit: Deposit<'_>,
        mut body: S,
    ) -> Result<ClaimCheck, StreamError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let begun = Instant::now();
        let result = self.deposit_parts(deposit, &mut body).await;
        ended(Operation::Deposit, outcome(&result), begun);
        result
    }

    async fn deposit_parts<S, E>(
        &self,
        deposit: Deposit<'_>,
        body: &mut S,
    ) -> Result<ClaimCheck, StreamError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    {
        let mut buffer = PartBuffer::new(PART_BYTES);
        let mut upload: Option<Upload> = None;
        // A full part is held back until another byte follows, so that a body of exactly one part is one PutObject.
        let mut held: Option<Bytes> = None;
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(StreamError::Body)?;
            while !chunk.is_empty() {
                if let Some(part) = held.take() {
                    self.add_part(&mut upload, &deposit, part).await?;
                }
                buffer.fill(&mut chunk);
                held = buffer.take_full();
            }
        }
        let last = held.unwrap_or_else(|| buffer.finish());
        match upload {
            None => Ok(self.deposit_unmetered(deposit, last).await?),
            Some(mut upload) => {
                upload.add(last).await?;
                Ok(self.complete(upload, &deposit).await?)
            }
        }
    }

    async fn add_part(
        &self,
        upload: &mut Option<Upload>,
        deposit: &Deposit<'_>,
        part: Bytes,
    ) -> Result<(), Unavailable> {
        if let Some(upload) = upload {
            return upload.add(part).await;
        }
        let begun = self.begin(deposit).await?;
        upload.insert(begun).add(part).await
    }

    async fn begin(&self, deposit: &Deposit<'_>) -> Result<Upload, Unavailable> {
        let (bucket, key) = (self.bucket(deposit.bucket).to_owned(), deposit.key.to_string());
        let create = self
            .s3
            .create_multipart_upload()
            .bucket(&bucket)
            .key(&key)
            .content_type(deposit.content_type)
            .set_metadata(Some(owned(deposit.metadata)))
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        let s3 = self.s3.clone();
        // In a task of its own: let go of in this very moment, the upload would exist and nobody would know its id.
        let beginning = tokio::spawn(async move {
            let output = create.send().await.map_err(unavailable)?;
            let id = output.upload_id.ok_or_else(|| Unavailable::away("S3 gave no upload id"))?;
            let open = OpenUpload { s3, bucket, key, id };
            Ok(Upload { open: Some(open), parts: Vec::new(), bytes: 0, hasher: Sha256::hasher() })
        });
        beginning.await.unwrap_or_else(|lost| Err(Unavailable::away(lost)))
    }

    async fn complete(&self, mut upload: Upload, deposit: &Deposit<'_>) -> Result<ClaimCheck, DepositError> {
        let (length, sha256) = (upload.bytes, upload.hash());
        let put = match upload.complete().await {
            Ok(put) => put,
            Err(away) => self.exists_after_all(deposit, away).await?,
        };
        match put {
            Put::Stored { etag, version } => Ok(ClaimCheck {
                bucket: self.bucket(deposit.bucket).to_owned(),
                key: deposit.key.clone(),
                version,
                etag,
                bytes: length,
                sha256,
            }),
            Put::Exists => self.adopt(deposit, length, sha256).await,
        }
    }
}

/// A multipart upload in the making. Dropping it before it is complete aborts it.
#[derive(Debug)]
struct Upload {
    open: Option<OpenUpload>,
    parts: Vec<CompletedPart>,
    bytes: u64,
    hasher: Hasher,
}

#[derive(Clone, Debug)]
struct OpenUpload {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    id: String,
}

impl Upload {
    fn open_upload(&self) -> &OpenUpload {
        self.open.as_ref().expect("taken only when complete or dropped")
    }

    async fn add(&mut self, part: Bytes) -> Result<(), Unavailable> {
        let begun = Instant::now();
        self.bytes += part.len() as u64;
        self.hasher.update(&part);
        let number = i32::try_from(self.parts.len() + 1).expect("bodies are limited far below 2^31 parts");
        let checksum = Sha256::of(&part).to_base64();
        let result = self.open_upload().put_part(number, checksum.clone(), part).await;
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
        ended(Operation::DepositPart, outcome, begun);
        let etag = result?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(etag).checksum_sha256(checksum);
        self.parts.push(part.build());
        Ok(())
    }

    fn hash(&mut self) -> Sha256 {
        std::mem::replace(&mut self.hasher, Sha256::hasher()).finish()
    }

    async fn complete(&mut self) -> Result<Put, Unavailable> {
        let parts = std::mem::take(&mut self.parts);
        let put = self.open_upload().complete(parts).await?;
        if matches!(put, Put::Stored { .. }) {
            self.open = None;
        }
        Ok(put)
    }
}

impl OpenUpload {
    async fn put_part(
        &self,
        number: i32,
        checksum: String,
        part: Bytes,
    ) -> Result<Option<String>, Unavailable> {
        let output = self
            .s3
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_sha256(checksum)
            .body(ByteStream::from(part))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map_err(unavailable)?;
        Ok(output.e_tag)
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<Put, Unavailable> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        for attempt in 1..=CONFLICTS_MAX {
            let complete = self
                .s3
                .complete_multipart_upload()
                .bucket(&self.bucket)
                .key(&self.key)
                .upload_id(&self.id)
                .multipart_upload(parts.clone())
                .if_none_match("*");
            match complete.send().await {
                Ok(output) => {
                    let version = real_version(output.version_id);
                    return Ok(Put::Stored { etag: output.e_tag.unwrap_or_default(), version });
                }
                // A repeat of a completion whose answer was lost finds the upload gone and the object there.
                Err(error) if crate::error::meaning(&error) == Meaning::Missing => return Ok(Put::Exists),
                Err(error) => match write_refused(error)? {
                    Meaning::Conflict => tokio::time::sleep(crate::deposit::pause(attempt)).await,
                    _ => return Ok(Put::Exists),
                },
            }
        }
        Err(Unavailable::of_key("another write on the same key stays in flight"))
    }

    /// Aborts until S3 knows nothing of the upload: a part that was under way may arrive after the first abort.
    async fn abort(self) {
        for attempt in 1..=ABORTS_MAX {
            match self.abort_once().await {
                Ok(()) => tokio::time::sleep(ABORT_PAUSE * attempt).await,
                Err(error) if crate::error::meaning(&error) == Meaning::Missing => return,
                Err(error) => {
                    // It is found again as a stray; nobody has to act.
                    let error = format!("{:#}", anyhow::Error::new(error));
                    tracing::info!(error, "leave an unfinished upload to the next look for strays");
                    return;
                }
            }
        }
    }

    async fn abort_once(&self) -> Result<(), SdkError<AbortMultipartUploadError, HttpResponse>> {
        let abort = self.s3.abort_multipart_upload().bucket(&self.bucket).key(&self.key).upload_id(&self.id);
        abort.send().await.map(drop)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(open), Ok(runtime)) = (self.open.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(open.abort());
        }
    }
}

fn outcome<E>(result: &Result<ClaimCheck, StreamError<E>>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(StreamError::Body(_)) => Outcome::Abandoned,
        Err(StreamError::Deposit(DepositError::Taken(_))) => Outcome::Taken,
        Err(StreamError::Deposit(DepositError::Unavailable(_))) => Outcome::Unavailable,
    }
}
