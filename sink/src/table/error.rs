//! How DynamoDB's answers are told apart: by code, never by text.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Says that DynamoDB did not do its work within time-outs and retries; the same call may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("reach DynamoDB")]
pub struct Unavailable(#[source] pub(crate) Box<dyn Error + Send + Sync>);

/// Wraps any error that a later try may not meet.
pub(super) fn unavailable<E>(error: SdkError<E, HttpResponse>) -> Unavailable
where
    E: Error + Send + Sync + 'static,
{
    Unavailable(Box::new(error))
}

/// Returns the error code that DynamoDB answered with, if it answered.
pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(|error| error.meta().code()).unwrap_or_default()
}
