//! A raw body's bytes, and what a body that ends early means.

use axum::body::Body as HttpBody;
use futures::stream::StreamExt as _;
use gate::{BodyFault, BodyLimits};

use crate::screen::{Body, Refused};

/// Returns a raw body's bytes.
pub(crate) fn raw(body: HttpBody, limits: BodyLimits) -> Body {
    gate::limited(body, limits).map(|chunk| chunk.map_err(refused_of)).boxed()
}

pub(crate) fn refused_of(fault: BodyFault) -> Refused {
    match fault {
        BodyFault::TooSlow => Refused::TooSlow,
        BodyFault::Broken => Refused::Malformed("the body broke off"),
    }
}
