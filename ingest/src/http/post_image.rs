//! `POST /v1/images`. Owns what of a request's head is looked at, in which order, before the first byte of its body is read.

use axum::body::Body as HttpBody;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use gate::{Caller, Problem, ProblemBody, TraceParent};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Uri};
use proto::ImageId;
use serde::Deserialize;
use tracing::Instrument as _;
use utoipa::ToSchema;

use crate::admission::NoRoom;
use crate::filename;
use crate::http::Desk;
use crate::http::answer::{Receipt, answer, refusal, unsupported};
use crate::http::body;
use crate::http::form::{self, FORM_BYTES_MAX};
use crate::intake::Upload;
use crate::metrics::{self, Outcome};

const KEY_BYTES_MAX: usize = 255;

/// What the query may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadQuery {
    filename: Option<String>,
}

/// An image file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the body is read as a stream")]
pub(crate) struct ImageBytes(Vec<u8>);

/// A form with the image in its one file. Text fields beside it, of 64 KiB at most, are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in OpenAPI; the body is read as a stream")]
pub(crate) struct UploadForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Takes an image in.
///
/// 202 means that its bytes are stored and its processing is on the way. 4xx and 503 `overloaded` mean that nothing was
/// stored; after 503 `outcome_unknown` or a lost connection, retry with the same `Idempotency-Key`: it never makes a second one.
#[utoipa::path(
    post,
    path = "/v1/images",
    tag = "images",
    params(
        ("filename" = Option<String>, Query, description = "The file's name at home; a form's own file name counts where this is absent"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters; the same key and body give the same id back")
    ),
    request_body(
        description = "The image's bytes, or a form with one file, in the field `file` or any other",
        content(
            (ImageBytes = "image/jpeg"), (ImageBytes = "image/png"), (ImageBytes = "image/gif"), (ImageBytes = "image/webp"),
            (UploadForm = "multipart/form-data")
        )
    ),
    responses(
        (status = 202, description = "Stored and on its way", body = Receipt, headers(("Location" = String, description = "The image's path"))),
        (status = 400, description = "`malformed`, `empty_body`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "`too_slow`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`upload_in_flight`: another upload with this key is under way", body = ProblemBody, content_type = "application/problem+json"),
        (status = 411, description = "`length_required`: neither a length nor chunks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_format`: by its bytes, never by its header", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`pixels_too_many`, `idempotency_key_reused`, `idempotency_key_expired`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_requests`: at once or in a short time", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`overloaded` (nothing stored) or `outcome_unknown` (retry with the same key)", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn post_image(State(desk): State<Desk>, caller: Caller, request: Request) -> Response {
    // Minted before the first body byte: the id's own time is the upload's.
    let id = ImageId::mint();
    let (parts, body) = request.into_parts();
    let head = match Head::read(&parts.uri, &parts.headers, desk.file_bytes_max) {
        Ok(head) => head,
        Err(problem) => return refused(problem),
    };
    let pass = match desk.admission.enter(&caller.customer, head.length) {
        Ok(pass) => pass,
        Err(no_room) => return turned_away(no_room),
    };
    let upload = Upload {
        customer: caller.customer,
        id,
        filename: head.filename,
        idempotency_key: head.idempotency_key,
        traceparent: parts.extensions.get::<TraceParent>().map(TraceParent::to_string),
    };
    let uploads = desk.uploads.clone();
    let taking = async move {
        let response = take(desk, upload, head.boundary, body).await;
        drop(pass);
        response
    };
    match uploads.spawn(taking.in_current_span()).await {
        Ok(response) => response,
        Err(_) => Problem::internal().into_response(),
    }
}

async fn take(desk: Desk, mut upload: Upload, boundary: Option<String>, body: HttpBody) -> Response {
    let bytes_max = desk.file_bytes_max;
    let body = match boundary {
        None => body::raw(body, desk.body),
        Some(boundary) => match form::open(body, &boundary, desk.body).await {
            Ok((name, body)) => {
                upload.filename = upload.filename.or_else(|| filename::tidy(&name?));
                body
            }
            Err(why) => return refused(refusal(&why, bytes_max)),
        },
    };
    answer(desk.intake.accept(upload, body).await, bytes_max)
}

fn refused(problem: Problem) -> Response {
    metrics::uploaded(Outcome::Refused);
    problem.into_response()
}

fn turned_away(no_room: NoRoom) -> Response {
    let (outcome, problem) = match no_room {
        NoRoom::Overloaded(wait) => (Outcome::Overloaded, Problem::overloaded(wait)),
        NoRoom::ShareHeld(wait) => (
            Outcome::ShareHeld,
            Problem::too_many_requests(wait).detail("too many of this customer's uploads are in hand"),
        ),
    };
    metrics::uploaded(outcome);
    problem.into_response()
}

/// What a request says before its body.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    filename: Option<String>,
    idempotency_key: Option<String>,
    /// None where the body comes in chunks.
    length: Option<u64>,
    /// Set where the body is a form.
    boundary: Option<String>,
}

impl Head {
    fn read(uri: &Uri, headers: &HeaderMap, bytes_max: u64) -> Result<Head, Problem> {
        let Query(query) = Query::<UploadQuery>::try_from_uri(uri)
            .map_err(|_| Problem::malformed("the query takes `filename` alone"))?;
        if headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            return Err(unsupported("a body with a Content-Encoding is not accepted"));
        }
        let boundary = boundary(headers)?;
        let around = if boundary.is_some() { FORM_BYTES_MAX } else { 0 };
        let length = length(headers)?;
        if length.is_some_and(|length| length > bytes_max.saturating_add(around)) {
            return Err(Problem::too_large(bytes_max));
        }
        Ok(Head {
            filename: query.filename.as_deref().and_then(filename::tidy),
            idempotency_key: idempotency_key(headers)?,
            length,
            boundary,
        })
    }
}

/// A body needs a length or chunks: without either HTTP/1.1 has no body at all.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Ok(None);
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else {
        let code = StatusCode::LENGTH_REQUIRED;
        return Err(Problem::new(code, "length_required", "Send a Content-Length or chunks"));
    };
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| Problem::malformed("`Content-Length` is no number"))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let is_valid = (1..=KEY_BYTES_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    if !is_valid || values.next().is_some() {
        return Err(Problem::malformed(
            "`Idempotency-Key` is one value of 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(String::from_utf8_lossy(text).into_owned()))
}

/// What else the type says does not matter: the bytes decide.
fn boundary(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    form::boundary(content_type.as_bytes()).map_err(Problem::malformed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<Head, &'static str> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Head::read(&Uri::from_static("/v1/images"), &map, 1000).map_err(|problem| problem.code())
    }

    const HEAD: Head = Head { filename: None, idempotency_key: None, length: Some(5), boundary: None };

    #[test]
    fn a_plain_head_passes_whatever_its_type() {
        for kind in ["image/png", "text/plain", "multipart/mixed"] {
            assert_eq!(read(&[("content-length", "5"), ("content-type", kind)]), Ok(HEAD));
        }
        assert_eq!(read(&[("transfer-encoding", "chunked")]), Ok(Head { length: None, ..HEAD }));
        let key = Some("k-1".to_owned());
        let keyed = read(&[("content-length", "5"), ("idempotency-key", "k-1")]);
        assert_eq!(keyed, Ok(Head { idempotency_key: key, ..HEAD }));
        let form =
            read(&[("content-length", "5"), ("content-type", "Multipart/Form-Data; boundary=\"a b\"")]);
        assert_eq!(form, Ok(Head { boundary: Some("a b".to_owned()), ..HEAD }));
    }

    #[test]
    fn the_query_takes_a_file_name_and_nothing_else() {
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("5"))]);
        let read = |uri: &'static str| Head::read(&Uri::from_static(uri), &headers, 1000);
        let named = read("/v1/images?filename=a%2Fb%20c.jpg").unwrap();
        assert_eq!(named.filename.as_deref(), Some("b c.jpg"));
        for uri in [
            "/v1/images?customer_id=globex",
            "/v1/images?filename=a&filename=b",
            "/v1/images?status=processed",
        ] {
            assert_eq!(read(uri).unwrap_err().code(), "malformed", "{uri}");
        }
    }

    #[test]
    fn each_wrong_head_is_refused_by_its_code() {
        let (long_key, long_boundary) =
            ("k".repeat(256), format!("multipart/form-data; boundary={}", "b".repeat(71)));
        for (headers, code) in [
            (&[][..], "length_required"),
            (&[("content-length", "1001")], "too_large"),
            (&[("content-length", "5"), ("content-encoding", "gzip")], "unsupported_format"),
            (&[("content-length", "5"), ("idempotency-key", "")], "malformed"),
            (&[("content-length", "5"), ("idempotency-key", "a b")], "malformed"),
            (&[("content-length", "5"), ("idempotency-key", &long_key)], "malformed"),
            (&[("content-length", "5"), ("idempotency-key", "a"), ("idempotency-key", "a")], "malformed"),
            (&[("content-length", "5"), ("content-type", "multipart/form-data")], "malformed"),
            (&[("content-length", "5"), ("content-type", &long_boundary)], "malformed"),
        ] {
            assert_eq!(read(headers), Err(code), "{headers:?}");
        }
    }
}
