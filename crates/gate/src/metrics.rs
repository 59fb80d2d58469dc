//! The gate's figures: requests by route, tokens by verdict, connections.

use std::time::Duration;

use http::{Method, StatusCode};

/// What became of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    KeysUnavailable,
}

/// Describes the metrics, once per process.
pub(crate) fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "safelight_http_requests_total",
        "HTTP requests answered, by route, method and status."
    );
    describe_histogram!(
        "safelight_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request's head to its answer's head."
    );
    describe_gauge!("safelight_http_connections", "Open HTTP connections.");
    describe_counter!("safelight_tokens_total", "Bearer tokens looked at, by verdict.");
    describe_counter!("safelight_jwks_fetches_total", "Fetches of the issuer's keys, by outcome.");
}

pub(crate) fn answered(route: &str, method: &Method, status: StatusCode, time: Duration) {
    let (route, method) = (route.to_owned(), method_name(method));
    metrics::counter!(
        "safelight_http_requests_total",
        "route" => route.clone(), "method" => method, "status" => status.as_u16().to_string()
    )
    .increment(1);
    metrics::histogram!("safelight_http_request_duration_seconds", "route" => route, "method" => method)
        .record(time.as_secs_f64());
}

pub(crate) fn connection_opened() {
    metrics::gauge!("safelight_http_connections").increment(1.0);
}

pub(crate) fn connection_closed() {
    metrics::gauge!("safelight_http_connections").decrement(1.0);
}

pub(crate) fn verified(verdict: Verdict) {
    let verdict = match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Refused => "refused",
        Verdict::KeysUnavailable => "keys_unavailable",
    };
    metrics::counter!("safelight_tokens_total", "verdict" => verdict).increment(1);
}

pub(crate) fn keys_fetched(ok: bool) {
    let outcome = if ok { "ok" } else { "failed" };
    metrics::counter!("safelight_jwks_fetches_total", "outcome" => outcome).increment(1);
}

/// Clients may invent methods; labels may not.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
