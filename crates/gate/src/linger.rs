//! Refusing in good manners: a client that waits for 100 is answered at once and asked for nothing; what is left of any other
//! refused request's body is read and dropped, for a bounded while, before the refusal goes out.
//!
//! A server that answers and closes while the client still sends resets the connection, and the client may never read
//! why it was refused (RFC 9112, 9.6).

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::connection::{LINGER_BYTES_MAX, LINGER_TIME_MAX, Unread};
use crate::expect::Expectation;
use crate::problem::Problem;

/// Answers, and sees to it that the client hears a refusal: reads on where the body comes unasked, closes the connection where
/// it is not read to its end.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    let expectation = Expectation::of(request.version(), request.headers());
    if request.body().is_end_stream() {
        return answer(expectation, request, next).await;
    }
    let unread = request.extensions().get::<Unread>().cloned().unwrap_or_default();
    let body = Arc::new(Shared::default());
    let request = request.map(|whole| {
        body.put(whole);
        Body::new(Lent(Arc::clone(&body)))
    });
    let mut response = answer(expectation, request, next).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        // Asking for what is left would tell a client that waits to send it.
        let is_held_back = expectation != Expectation::None && !body.is_asked_for.load(Ordering::Relaxed);
        if is_held_back || !drained(body.take()).await {
            unread.set();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

async fn answer(expectation: Expectation, request: Request, next: Next) -> Response {
    match expectation {
        Expectation::None | Expectation::Continue => next.run(request).await,
        Expectation::Unknown => Problem::expectation_failed().into_response(),
    }
}

/// Reads and drops a body; says whether it came to its end in time.
async fn drained(body: Body) -> bool {
    tokio::time::timeout(LINGER_TIME_MAX, drain(body)).await == Ok(true)
}

async fn drain(mut body: Body) -> bool {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > LINGER_BYTES_MAX {
            return false;
        }
    }
    true
}

/// A body that can be taken back from whoever reads it, and whether anybody has begun to.
#[derive(Default)]
struct Shared {
    body: Mutex<Body>,
    is_asked_for: AtomicBool,
}

impl Shared {
    fn put(&self, whole: Body) {
        *self.body.lock().expect("nobody panics with the lock") = whole;
    }

    fn take(&self) -> Body {
        std::mem::take(&mut *self.body.lock().expect("nobody panics with the lock"))
    }
}

struct Lent(Arc<Shared>);

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.is_asked_for.store(true, Ordering::Relaxed);
        Pin::new(&mut *self.0.body.lock().expect("nobody panics with the lock")).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.body.lock().expect("nobody panics with the lock").is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.body.lock().expect("nobody panics with the lock").size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    async fn refused_after(body: Body) -> Response {
        let refuse = || async { StatusCode::SERVICE_UNAVAILABLE };
        let router = Router::new().route("/", post(refuse)).layer(from_fn(linger));
        router.oneshot(Request::post("/").body(body).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_short_body_is_read_to_its_end_and_the_connection_is_kept() {
        let response = refused_after(Body::from(vec![0; 100_000])).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!response.headers().contains_key(CONNECTION));
    }

    #[tokio::test]
    async fn a_body_without_end_is_given_up() {
        let endless =
            futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65536])));
        let response = refused_after(Body::from_stream(endless)).await;
        assert_eq!(response.headers()[CONNECTION], "close");
    }
}
