//! What the client is told: the receipt, and each refusal with its stable code.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use gate::Problem;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::intake::{Accepted, IntakeError};
use crate::metrics::{self, Outcome};
use crate::screen::Refused;

const RETRY_UNKNOWN: Duration = Duration::from_secs(5);

/// The receipt of an upload: its bytes are stored and its fact is published.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// UUIDv7.
    id: String,
    /// Always `uploaded`.
    status: &'static str,
    /// SHA-256 of the bytes received: 64 hexadecimal digits.
    sha256: String,
    /// How many bytes were received.
    bytes: u64,
    links: ReceiptLinks,
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptLinks {
    /// The image's own path on this origin.
    #[serde(rename = "self")]
    own: String,
}

/// Turns what became of an upload into an answer, and counts it.
pub(crate) fn answer(result: Result<Accepted, IntakeError>, bytes_max: u64) -> Response {
    match result {
        Ok(accepted) => {
            metrics::uploaded(if accepted.is_repeat { Outcome::Repeated } else { Outcome::Accepted });
            metrics::took(accepted.bytes);
            tracing::info!(image.id = %accepted.id, image.bytes = accepted.bytes, "accepted");
            receipt(&accepted)
        }
        Err(error) => {
            metrics::uploaded(outcome(&error));
            problem(error, bytes_max).into_response()
        }
    }
}

fn receipt(accepted: &Accepted) -> Response {
    let own = format!("/v1/images/{}", accepted.id);
    let location = HeaderValue::from_str(&own).expect("an id is visible ASCII");
    let receipt = Receipt {
        id: accepted.id.to_string(),
        status: "uploaded",
        sha256: accepted.sha256.to_hex(),
        bytes: accepted.bytes,
        links: ReceiptLinks { own },
    };
    (StatusCode::ACCEPTED, [(LOCATION, location)], Json(receipt)).into_response()
}

fn outcome(error: &IntakeError) -> Outcome {
    match error {
        IntakeError::Refused(_) => Outcome::Refused,
        IntakeError::InFlight(_) | IntakeError::OtherBody | IntakeError::KeyExpired => Outcome::Conflict,
        IntakeError::OutcomeUnknown(_) => Outcome::Unknown,
        IntakeError::Failed(_) => Outcome::Failed,
    }
}

fn problem(error: IntakeError, bytes_max: u64) -> Problem {
    match error {
        IntakeError::Refused(refused) => refusal(&refused, bytes_max),
        IntakeError::InFlight(wait) => Problem::new(
            StatusCode::CONFLICT,
            "upload_in_flight",
            "An upload with this Idempotency-Key is under way",
        )
        .retry_after(wait),
        IntakeError::OtherBody => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "This Idempotency-Key stands for another body",
        ),
        IntakeError::KeyExpired => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_expired",
            "This Idempotency-Key stands for an image whose time is over",
        ),
        IntakeError::OutcomeUnknown(cause) => {
            tracing::warn!(error = format!("{cause:#}"), "answer 503: it may have been stored or not");
            Problem::outcome_unknown(RETRY_UNKNOWN)
        }
        IntakeError::Failed(cause) => {
            tracing::error!(error = format!("{cause:#}"), "answer 500: an upload failed on our side");
            Problem::internal()
        }
    }
}

/// The refusals that depend on the body alone.
pub(crate) fn refusal(refused: &Refused, bytes_max: u64) -> Problem {
    match refused {
        Refused::Empty => {
            Problem::new(StatusCode::BAD_REQUEST, "empty_body", "There is no image in the body")
        }
        Refused::Malformed(how) => Problem::malformed(*how),
        Refused::TooSlow => Problem::too_slow(),
        Refused::TooLarge => Problem::too_large(bytes_max),
        Refused::UnsupportedFormat => unsupported("accepted are JPEG, PNG, GIF and WebP, by their bytes"),
        Refused::PixelsTooMany => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "pixels_too_many",
            "The image's header announces more pixels than accepted",
        ),
    }
}

/// 415, whatever is wrong with the bytes' kind.
pub(crate) fn unsupported(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_format", "This is not an accepted image")
        .detail(detail)
}
