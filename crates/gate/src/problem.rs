//! Refusals: RFC 9457 problem details. Owns the stable codes that are the same in every station.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// A refusal, as it goes to the client: `application/problem+json` with a `code` that never changes its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
}

/// The JSON of a refusal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// `urn:safelight:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short text, the same for every occurrence of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable name of what is wrong, to be matched by programs.
    pub code: String,
    /// What is wrong with this request in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Problem {
    /// Makes a refusal with a code of the caller's own.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Problem {
        Problem { status, code, title, detail: None, retry_after: None }
    }

    /// Adds what is wrong with this request in particular. Never put a token, a secret or another customer's text here.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.detail = Some(detail.into());
        self
    }

    /// Adds `Retry-After`, rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Problem {
        self.retry_after = Some(wait);
        self
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read").detail(detail)
    }

    /// 401: no token, or one that proves nothing. Says no more on purpose.
    pub fn unauthenticated() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "A valid bearer token is needed")
    }

    /// 403: the caller's role does not allow it.
    pub fn forbidden() -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "The caller's role does not allow this")
    }

    /// 404: unknown, or another customer's: the answers are the same byte for byte.
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing here")
    }

    /// 405: the path is known, the method is not.
    pub fn method_not_allowed() -> Problem {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "The path does not take this method",
        )
    }

    /// 408: the body came too slowly.
    pub fn too_slow() -> Problem {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body came too slowly")
    }

    /// 413: the body is longer than accepted.
    pub fn too_large(bytes_max: u64) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large")
            .detail(format!("at most {bytes_max} bytes are accepted"))
    }

    /// 417: the request expects what nobody here knows.
    pub fn expectation_failed() -> Problem {
        let title = "No expectation but `100-continue` is known here";
        Problem::new(StatusCode::EXPECTATION_FAILED, "expectation_failed", title)
    }

    /// 429: the caller asks too often.
    pub fn too_many_requests(wait: Duration) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests")
            .retry_after(wait)
    }

    /// 500: a mistake of ours.
    pub fn internal() -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
    }

    /// 503: refused before anything was stored; try again later.
    pub fn overloaded(wait: Duration) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Refused before anything was stored")
            .retry_after(wait)
    }

    /// 503: it may have been stored or not; a retry with the same `Idempotency-Key` never makes a second one.
    pub fn outcome_unknown(wait: Duration) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", "It may have been stored or not")
            .detail("retry with the same Idempotency-Key")
            .retry_after(wait)
    }

    /// 503: a read that cannot be answered now.
    pub fn unavailable(wait: Duration) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "This cannot be answered right now")
            .retry_after(wait)
    }

    fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:safelight:problem:{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.as_deref().map(str::to_owned),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body()).expect("strings and a number serialize");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_secs(wait)));
        }
        response
    }
}

fn whole_secs(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_says_its_code_and_when_to_come_back() {
        let response = Problem::overloaded(Duration::from_millis(1200)).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], "overloaded");
        assert_eq!(json["status"], 503);
        assert_eq!(json["type"], "urn:safelight:problem:overloaded");
    }

    #[test]
    fn a_401_asks_for_a_bearer_token() {
        assert_eq!(Problem::unauthenticated().into_response().headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
