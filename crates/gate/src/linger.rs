//! Refusing in good manners: what is left of a refused request's body is read and dropped, for a bounded while, before
//! the refusal goes out.
//!
//! A server that answers and closes while the client still sends resets the connection, and the client may never read
//! why it was refused (RFC 9112, 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::CONNECTION;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// A client that needs longer than this to hear a refusal may see a reset instead.
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// Somewhat more than the largest image that is taken: a client hears 413 even over a body it has half sent.
const LINGER_BYTES_MAX: u64 = 32 << 20;

/// Reads on after a refusal, so that the client hears it; closes the connection where the body is longer than that.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let body = Arc::new(Mutex::new(Body::empty()));
    let request = request.map(|whole| {
        *body.lock().expect("nobody panics with the lock") = whole;
        Body::new(Lent(Arc::clone(&body)))
    });
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        let rest = std::mem::replace(&mut *body.lock().expect("nobody panics with the lock"), Body::empty());
        let drained = tokio::time::timeout(LINGER_TIME_MAX, drain(rest)).await;
        if drained != Ok(true) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// Reads and drops a body; says whether it came to its end.
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

/// A body that can be taken back from whoever reads it.
struct Lent(Arc<Mutex<Body>>);

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock().expect("nobody panics with the lock")).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().expect("nobody panics with the lock").is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().expect("nobody panics with the lock").size_hint()
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
