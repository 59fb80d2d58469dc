//! The bytes of a rendition. Owns how they are cached: by the caller's own browser only, and asked about before every use.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use depot::RedeemError;
use gate::{Caller, Problem, ProblemBody};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE, VARY,
};
use http::{HeaderMap, HeaderName, StatusCode, response};
use proto::{ImageId, RenditionFact};
use utoipa::ToSchema;

use super::image::find;
use super::range::{Part, none_match_names, part_of};
use super::views::{Views, not_a_name, unavailable};
use crate::fact;

/// An image file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the bytes are streamed")]
pub(crate) struct ImageBytes(Vec<u8>);

/// Returns a rendition's bytes.
#[utoipa::path(
    get,
    operation_id = "get_rendition",
    path = "/v1/images/{id}/renditions/{name}",
    tag = "images",
    params(
        ("id" = String, Path, description = "The image's id"),
        ("name" = String, Path, description = "The rendition's name"),
        ("If-None-Match" = Option<String>, Header, description = "Answers 304 when the ETag is among these"),
        ("Range" = Option<String>, Header, description = "One byte range"),
    ),
    responses(
        (status = 200, content((ImageBytes = "image/jpeg"), (ImageBytes = "image/webp")), description = "The bytes, with a strong ETag"),
        (status = 206, content((ImageBytes = "image/jpeg"), (ImageBytes = "image/webp")), description = "One range of the bytes"),
        (status = 304, description = "The ETag is among those of If-None-Match"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(super) async fn get(
    caller: Caller,
    State(views): State<Views>,
    names: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((id, name)) = names.map_err(not_a_name)?;
    let id: ImageId = id.parse().map_err(|_| Problem::not_found())?;
    let row = find(&views, &caller, id).await?.ok_or_else(Problem::not_found)?;
    let fact::State::Processed { renditions, .. } = row.fact.state else { return Err(Problem::not_found()) };
    let rendition = renditions.into_iter().find(|one| one.name == name).ok_or_else(Problem::not_found)?;
    let etag = format!("\"{}\"", rendition.object.sha256);
    if text(&headers, IF_NONE_MATCH).is_some_and(|header| none_match_names(header, &etag)) {
        return Ok(finish(head(StatusCode::NOT_MODIFIED, &etag), Body::empty()));
    }
    let part = match text(&headers, RANGE) {
        Some(range) if text(&headers, IF_RANGE).is_none_or(|wanted| wanted == etag) => {
            part_of(range, rendition.object.bytes)
        }
        _ => Part::Whole,
    };
    send(&views, &rendition, &etag, part).await
}

async fn send(views: &Views, rendition: &RenditionFact, etag: &str, part: Part) -> Result<Response, Problem> {
    let bytes = rendition.object.bytes;
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, None),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Part::Unsatisfiable => {
            let mut response = axum::response::IntoResponse::into_response(unsatisfiable());
            let value = format!("bytes */{bytes}").parse().expect("a number is a header value");
            response.headers_mut().insert(CONTENT_RANGE, value);
            return Ok(response);
        }
    };
    let stream = views.depot.open_object(&rendition.object, range).await.map_err(refusal)?;
    let mut head = head(status, etag)
        .header(CONTENT_TYPE, rendition.format.media_type())
        .header(CONTENT_LENGTH, stream.bytes());
    if let Some(range) = range {
        head = head.header(CONTENT_RANGE, format!("bytes {}-{}/{bytes}", range.first, range.last));
    }
    Ok(finish(head, Body::from_stream(stream)))
}

fn head(status: StatusCode, etag: &str) -> response::Builder {
    Response::builder()
        .status(status)
        .header(ETAG, etag)
        .header(ACCEPT_RANGES, "bytes")
        // Nobody shows a kept copy without asking whether it is still there and still the caller's.
        .header(CACHE_CONTROL, "private, no-cache")
        .header(VARY, "Authorization")
}

fn finish(head: response::Builder, body: Body) -> Response {
    head.body(body).expect("the headers are ours and valid")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn unsatisfiable() -> Problem {
    let code = "range_not_satisfiable";
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, code, "The range begins after the end")
}

/// A rendition that the row names and S3 has lost, or holds damaged, is our fault and not an unknown thing.
fn refusal(error: RedeemError) -> Problem {
    match error {
        RedeemError::Unavailable(cause) => unavailable(cause),
        error @ (RedeemError::Missing | RedeemError::Corrupt(_)) => {
            tracing::error!("answer 500 for a rendition that its row names: {error}");
            Problem::internal()
        }
    }
}
