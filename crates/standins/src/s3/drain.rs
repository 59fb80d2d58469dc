//! Owns what is left of a request's body when the answer is ready before all of it was read.
//!
//! A refusal comes early (a wrong key, a malformed checksum). Closing the connection on unread bytes would
//! reset it, and the client would see a broken pipe instead of the refusal.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::service::S3Service;
use s3s::{Body, HttpError};

const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;
const DRAIN_SECS_MAX: u64 = 5;

/// Answers a request, then reads what the answer did not need of its body, within bounds.
pub(super) async fn answer(
    service: S3Service,
    request: Request<Incoming>,
) -> Result<Response<Body>, HttpError> {
    let (head, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(body)));
    let left = shared.clone();
    let request = Request::from_parts(head, Body::http_body(shared));
    let mut response = service.call(request).await?;
    if !left.is_end_stream() && !drain(left).await {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

/// Says whether the end was reached.
async fn drain(mut body: Shared) -> bool {
    let rest = async move {
        let mut drained = 0;
        while drained < DRAINED_BYTES_MAX {
            match std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                Some(Ok(frame)) => drained += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        false
    };
    tokio::time::timeout(Duration::from_secs(DRAIN_SECS_MAX), rest).await.unwrap_or(false)
}

/// A body that can still be read when the protocol crate has let go of it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Incoming>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http_body::Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
