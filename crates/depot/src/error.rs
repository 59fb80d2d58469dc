//! How S3's answers are told apart: by status and code, never by text.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::metadata::ErrorMetadata;

use aws_sdk_s3::config::http::HttpResponse;

/// Says that S3 did not do its work within time-outs and retries; the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("reach S3")]
pub struct Unavailable {
    #[source]
    cause: Box<dyn Error + Send + Sync>,
    trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    World,
    Key,
}

impl Unavailable {
    /// S3 is away, slow or ill.
    pub(crate) fn away(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Unavailable {
        Unavailable { cause: cause.into(), trouble: Trouble::World }
    }

    /// S3 answers, but what lies under the key, or who else writes to it, stands in the way.
    pub(crate) fn of_key(text: &'static str) -> Unavailable {
        Unavailable { cause: text.into(), trouble: Trouble::Key }
    }

    /// Says whether S3 answered and the trouble is with one key alone: no reason to doubt S3.
    pub fn is_of_key(&self) -> bool {
        self.trouble == Trouble::Key
    }
}

/// What an S3 error means, as far as any caller here cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The condition of a conditional request does not hold.
    PreconditionFailed,
    /// Another conditional write on the key is in flight.
    Conflict,
    /// There is no such object, version or upload: S3 says so by name.
    Missing,
    /// A value in the request makes no sense to S3, such as the id of a version.
    ArgumentInvalid,
    /// The object is shorter than the range begins.
    RangeInvalid,
    /// The credentials or their rights do not suffice, or there is no such bucket.
    Refused,
    /// Anything else: S3 is away, slow or ill, or somebody else answered in its place.
    Away,
}

/// Reads what `error` means, of a request whose answer has a body. S3 has many a 400 that is about the caller and passes,
/// such as expired credentials, and a 404 without S3's own code is a proxy's: neither says anything about an object.
pub(crate) fn meaning<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Meaning {
    let code = error.as_service_error().map(ProvideErrorMetadata::meta).and_then(ErrorMetadata::code);
    match (status(error), code) {
        (_, Some("NoSuchBucket")) | (301 | 401 | 403, _) => Meaning::Refused,
        (404, Some("NoSuchKey" | "NoSuchVersion" | "NoSuchUpload")) => Meaning::Missing,
        // The version is a delete marker.
        (405, Some("MethodNotAllowed")) => Meaning::Missing,
        (400, Some("InvalidArgument")) => Meaning::ArgumentInvalid,
        (412, _) => Meaning::PreconditionFailed,
        (409, _) => Meaning::Conflict,
        (416, _) => Meaning::RangeInvalid,
        _ => Meaning::Away,
    }
}

/// Says whether a HEAD found nothing. Its answer has no body and so no code: a proxy's 404 looks the same, and what is
/// absent by this alone may be looked for again, but never given up.
pub(crate) fn is_absent<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == 404
}

/// Returns the status of the answer; 0 where none came.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}

/// Wraps an SDK error whose meaning is that S3 is away.
pub(crate) fn unavailable<E>(error: SdkError<E, HttpResponse>) -> Unavailable
where
    E: Error + Send + Sync + 'static,
{
    Unavailable::away(error)
}
