//! How S3's answers are told apart: by status and code, never by text.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::metadata::ErrorMetadata;

use aws_sdk_s3::config::http::HttpResponse;

/// Says that S3 did not do its work within time-outs and retries; the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("reach S3")]
pub struct Unavailable(#[source] pub(crate) Box<dyn Error + Send + Sync>);

impl Unavailable {
    pub(crate) fn because(text: &'static str) -> Unavailable {
        Unavailable(text.into())
    }
}

/// What an S3 error means, as far as any caller here cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The condition of a conditional request does not hold.
    PreconditionFailed,
    /// Another conditional write on the key is in flight.
    Conflict,
    /// There is no such object or version.
    Missing,
    /// The request itself is wrong: nothing will make it right.
    Invalid,
    /// The credentials or their rights do not suffice, or there is no such bucket.
    Refused,
    /// Anything else: S3 is away, slow or ill.
    Away,
}

/// Reads what `error` means.
pub(crate) fn answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Answer {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let code = error.as_service_error().map(ProvideErrorMetadata::meta).and_then(ErrorMetadata::code);
    match (status, code) {
        (_, Some("NoSuchBucket")) | (301 | 401 | 403, _) => Answer::Refused,
        (404, _) => Answer::Missing,
        (412, _) => Answer::PreconditionFailed,
        (409, _) => Answer::Conflict,
        (400 | 405 | 416, code) if code != Some("RequestTimeout") => Answer::Invalid,
        _ => Answer::Away,
    }
}

/// Wraps an SDK error whose meaning is that S3 is away.
pub(crate) fn unavailable<E>(error: SdkError<E, HttpResponse>) -> Unavailable
where
    E: Error + Send + Sync + 'static,
{
    Unavailable(Box::new(error))
}
