//! Owns the way of a body to the disk: read in bounded pieces, hashed and written off the async threads,
//! compared with what the client declared, synced and placed.
//!
//! Never holds more than two pieces of a body, refuses nothing but broken bodies and wrong checksums.

use std::fs::File;
use std::io::{Read, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::{BoxFuture, ready};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};

use super::blobs::{Blobs, Draft, Placed};
use super::checks::{Declared, Hashed, Hasher};
use super::refusal::refusal;

const PIECE_BYTES: usize = 512 * 1024;
const BODY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// A body that lies whole and synced among the blobs, though the index does not name it yet.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) placed: Placed,
    pub(super) size: u64,
    pub(super) hashed: Hashed,
}

/// Stores `body` as a fresh blob. A body that breaks off or disagrees with `declared` leaves nothing behind.
pub(super) async fn receive(
    blobs: &Arc<Blobs>,
    body: Option<StreamingBlob>,
    declared: Declared,
) -> S3Result<Received> {
    let sink = Sink { blobs: Arc::clone(blobs), draft: None, hasher: declared.hasher(), size: 0 };
    let Some(mut body) = body else {
        return off_thread(move || sink.finish(&[])).await;
    };
    // One piece is hashed and written while the next one is read: two pieces in memory at most.
    let mut written: BoxFuture<'static, S3Result<Sink>> = Box::pin(ready(Ok(sink)));
    loop {
        let (piece, sink) = futures::try_join!(read_piece(&mut body), written)?;
        if piece.is_last {
            return off_thread(move || sink.finish(&piece.chunks)).await;
        }
        // Spawned, not merely made: it runs while the next piece is read.
        let writing = tokio::task::spawn_blocking(move || sink.absorb(&piece.chunks));
        written = Box::pin(async { writing.await.map_err(S3Error::internal_error)? });
    }
}

/// Joins the files of `source` into a fresh blob, hashing on the way. Blocks.
pub(super) fn copy(
    blobs: &Arc<Blobs>,
    source: impl IntoIterator<Item = std::io::Result<File>>,
    declared: Declared,
) -> S3Result<Received> {
    let mut sink = Sink { blobs: Arc::clone(blobs), draft: None, hasher: declared.hasher(), size: 0 };
    let mut buffer = vec![0; PIECE_BYTES];
    for file in source {
        let mut file = file.map_err(S3Error::internal_error)?;
        loop {
            let read = file.read(&mut buffer).map_err(S3Error::internal_error)?;
            if read == 0 {
                break;
            }
            sink.write(&buffer[..read])?;
        }
    }
    sink.finish(&[])
}

struct Piece {
    chunks: Vec<Bytes>,
    is_last: bool,
}

async fn read_piece(stream: &mut StreamingBlob) -> S3Result<Piece> {
    let mut piece = Piece { chunks: Vec::new(), is_last: false };
    let mut length = 0;
    while length < PIECE_BYTES {
        match stream.next().await {
            Some(Ok(chunk)) => {
                length += chunk.len();
                piece.chunks.push(chunk);
            }
            Some(Err(error)) => return Err(broken_body(error)),
            None => {
                piece.is_last = true;
                break;
            }
        }
    }
    Ok(piece)
}

struct Sink {
    blobs: Arc<Blobs>,
    draft: Option<Draft>,
    hasher: Hasher,
    size: u64,
}

impl Sink {
    fn absorb(mut self, chunks: &[Bytes]) -> S3Result<Self> {
        for chunk in chunks {
            self.write(chunk)?;
        }
        Ok(self)
    }

    fn write(&mut self, bytes: &[u8]) -> S3Result<()> {
        self.size += bytes.len() as u64;
        if self.size > BODY_BYTES_MAX {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
        }
        self.hasher.update(bytes);
        let draft = match &mut self.draft {
            Some(draft) => draft,
            None => self.draft.insert(self.blobs.draft().map_err(S3Error::internal_error)?),
        };
        draft.file().write_all(bytes).map_err(S3Error::internal_error)
    }

    fn finish(self, chunks: &[Bytes]) -> S3Result<Received> {
        let sink = self.absorb(chunks)?;
        // Compare before the sync: a refusal costs no flush.
        let hashed = sink.hasher.finish()?;
        let draft = match sink.draft {
            Some(draft) => draft,
            None => sink.blobs.draft().map_err(S3Error::internal_error)?,
        };
        let placed = draft.place().map_err(S3Error::internal_error)?;
        Ok(Received { placed, size: sink.size, hashed })
    }
}

/// Runs blocking work off the async threads.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?
}

/// The protocol crate checks the signed hash, the length and the chunks' signatures while the body is
/// read; it keeps the error types to itself, so that their names are all there is to go by.
fn broken_body(error: StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        return refusal(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        );
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch);
    }
    if text.contains("FormatError") || text.contains("TooLarge") || text.contains("TooMany") {
        return s3_error!(InvalidRequest, "The chunked body is malformed.");
    }
    S3Error::with_source(S3ErrorCode::IncompleteBody, error)
}
