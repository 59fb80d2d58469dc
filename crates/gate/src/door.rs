//! The extractor that every protected handler takes; there is no other way to a customer id.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::caller::Caller;
use crate::problem::Problem;
use crate::verifier::Verifier;

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Caller, Problem> {
        Verifier::from_ref(state).admit(&parts.headers).await
    }
}
