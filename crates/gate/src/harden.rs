//! What every answer gets, whatever the route: trace, figures, security headers, CORS, and a problem instead of a panic.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::GateArgs;
use crate::linger::linger;
use crate::metrics;
use crate::problem::Problem;
use crate::trace::trace;

const PREFLIGHT_SECS: u64 = 600;
const UNMATCHED: &str = "unmatched";

/// Wraps a station's whole router. Unknown paths answer 404, unknown methods 405, a panic 500, all as problems.
///
/// [`crate::serve`] does this by itself; call it only to try a router without a socket.
pub fn harden(router: Router, args: &GateArgs) -> Router {
    metrics::describe();
    let router = router
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(CatchPanicLayer::custom(panicked));
    let router = match cors(&args.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(from_fn(linger)).layer(from_fn(secure)).layer(from_fn(count)).layer(from_fn(trace))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("answer 500: a handler panicked");
    Problem::internal().into_response()
}

fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin.trim().trim_end_matches('/')).ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                HeaderName::from_static("idempotency-key"),
                HeaderName::from_static("last-event-id"),
                HeaderName::from_static("traceparent"),
            ])
            .expose_headers([LOCATION, RETRY_AFTER])
            .max_age(Duration::from_secs(PREFLIGHT_SECS))
    })
}

async fn count(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    metrics::answered(route, &method, response.status(), begun.elapsed());
    response
}

async fn secure(request: Request, next: Next) -> Response {
    let is_private = request.headers().contains_key(AUTHORIZATION) || request.uri().path().starts_with("/v1");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    or_insert(headers, REFERRER_POLICY, "no-referrer");
    or_insert(headers, X_FRAME_OPTIONS, "DENY");
    or_insert(headers, CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if is_private {
        or_insert(headers, CACHE_CONTROL, "private, no-store");
    }
    response
}

fn or_insert(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

#[cfg(test)]
#[path = "harden_tests.rs"]
mod tests;
