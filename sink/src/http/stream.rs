//! The live stream over HTTP: Server-Sent Events. Owns their text and until when a token opens a stream.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate::{Caller, Problem, ProblemBody};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use proto::UnixMillis;
use serde::Deserialize;
use tokio::time::Instant;

use super::views::Views;
use crate::stream::{Feed, Frame, Refused};

const TOO_MANY_RETRY: Duration = Duration::from_secs(10);
const NOT_YET_RETRY: Duration = Duration::from_secs(2);
/// How long a client waits before it comes back by itself.
const RETRY_FIELD: &str = "retry: 1000\n\n";

/// Streams what happens to the caller's images: events `image` (data as of `GET /v1/images/{id}`) and `reset` (reload the
/// list). `Last-Event-ID` goes on where another stream ended, on any instance.
#[utoipa::path(
    get,
    operation_id = "follow_stream",
    path = "/v1/stream",
    tag = "images",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(super) async fn get(
    caller: Caller,
    State(views): State<Views>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last_id =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
    let ends_at = Instant::now() + remaining(&headers).ok_or_else(Problem::unauthenticated)?;
    let feed = views.live.open(caller.customer, last_id, ends_at).await.map_err(refusal)?;
    let begin = futures::stream::iter([Ok(Bytes::from_static(RETRY_FIELD.as_bytes()))]);
    let frames = futures::stream::unfold(feed, async |mut feed: Feed| {
        let frame = feed.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text(&frame))), feed))
    });
    let response = Response::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .header(CACHE_CONTROL, "private, no-store")
        // A proxy that collects the answer first would make the live stream a late one.
        .header("x-accel-buffering", "no")
        .body(Body::from_stream(futures::StreamExt::chain(begin, frames)));
    Ok(response.expect("the headers are ours and valid"))
}

/// A line with an id and no data sets the client's place without an event (HTML, 9.2.6).
fn text(frame: &Frame) -> String {
    match frame {
        Frame::Image { json, id } => format!("event: image\nid: {id}\ndata: {json}\n\n"),
        Frame::Reset { id } => format!("event: reset\nid: {id}\ndata: {{}}\n\n"),
        Frame::Position { id } => format!(": alive\nid: {id}\n\n"),
    }
}

fn refusal(refused: Refused) -> Problem {
    match refused {
        Refused::TooManyOfCustomer => {
            Problem::too_many_requests(TOO_MANY_RETRY).detail("too many open streams")
        }
        Refused::TooMany => Problem::unavailable(TOO_MANY_RETRY),
        Refused::NotYet => Problem::unavailable(NOT_YET_RETRY),
    }
}

/// Returns how long the token still counts. [`Caller`] has verified it; here only its end is read.
fn remaining(headers: &HeaderMap) -> Option<Duration> {
    #[derive(Deserialize)]
    struct End {
        exp: f64,
    }
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?.1;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let End { exp } = serde_json::from_slice(&claims).ok()?;
    let left_secs = exp - UnixMillis::now().0 as f64 / 1000.0;
    // The verifier bears some skew; a stream of no length would only come back at once.
    Duration::try_from_secs_f64(left_secs.clamp(1.0, DAY_SECS)).ok()
}

/// A stream ends once a day in any case.
const DAY_SECS: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> HeaderMap {
        let token = format!("Bearer x.{}.y", URL_SAFE_NO_PAD.encode(claims));
        HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())])
    }

    #[test]
    fn a_stream_lives_as_long_as_its_token_and_a_day_at_most() {
        let soon = UnixMillis::now().0 / 1000 + 100;
        let left = remaining(&token(&format!("{{\"exp\":{soon}}}"))).unwrap();
        assert!((90..=100).contains(&left.as_secs()), "{left:?}");
        assert_eq!(remaining(&token("{\"exp\":99999999999}")).unwrap().as_secs(), 86_400);
        assert!(remaining(&token("{}")).is_none());
    }

    #[test]
    fn an_event_is_one_block_whatever_the_data() {
        let json = serde_json::to_string("a\nb\r\n\n").unwrap();
        let block = text(&Frame::Image { json: json.into(), id: "x".to_owned() });
        assert_eq!(block.matches("\n\n").count(), 1);
        assert!(block.ends_with("\n\n") && !block.contains('\r'));
    }
}
