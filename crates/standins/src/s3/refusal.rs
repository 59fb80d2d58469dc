//! Refusals that the protocol crate does not know.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// An S3 error whose code the protocol crate does not list.
pub(super) fn refusal(code: &'static str, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(StatusCode::BAD_REQUEST);
    error
}
