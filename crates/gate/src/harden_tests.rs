use axum::body::Body;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use super::*;
use crate::forged_tokens::args;
use crate::trace::TraceParent;

async fn panics() -> &'static str {
    panic!("on purpose")
}

async fn trace_of(request: Request<Body>) -> String {
    request.extensions().get::<TraceParent>().expect("the layer puts one in").to_string()
}

fn router(more: &[&str]) -> Router {
    let router = Router::new()
        .route("/v1/things/{id}", get(trace_of))
        .route("/v1/panics", get(panics))
        .route("/v1/cached", get(async || ([(CACHE_CONTROL, "private, max-age=60")], "")))
        .route("/v1/images", post(async || "posted"))
        .route("/", get(async || "page"));
    harden(router, &args(more))
}

async fn call(more: &[&str], method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router(more).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn unknown_paths_methods_and_panics_are_problems() {
    for (method, path, status, code) in [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/v1/images", 405, "method_not_allowed"),
        ("GET", "/v1/panics", 500, "internal"),
    ] {
        let response = call(&[], method, path, &[]).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert!(text(response).await.contains(&format!(r#""code":"{code}""#)));
    }
}

#[tokio::test]
async fn private_answers_are_not_stored_unless_the_route_says_otherwise() {
    for (path, headers, cached) in [
        ("/v1/things/1", &[][..], Some("private, no-store")),
        ("/v1/cached", &[], Some("private, max-age=60")),
        ("/", &[("authorization", "Bearer x")], Some("private, no-store")),
        ("/", &[], None),
    ] {
        let response = call(&[], "GET", path, headers).await;
        let value = response.headers().get(CACHE_CONTROL).map(|value| value.to_str().unwrap());
        assert_eq!(value, cached, "{path}");
        assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn the_callers_trace_is_continued() {
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let seen = text(call(&[], "GET", "/v1/things/1", &[("traceparent", given)]).await).await;
    assert_eq!(seen[3..35], given[3..35]);
    assert_ne!(seen, given);
    let minted = text(call(&[], "GET", "/v1/things/1", &[("traceparent", "junk")]).await).await;
    assert!(TraceParent::parse(&minted).is_some());
}

const PREFLIGHT: [(&str, &str); 3] = [
    ("origin", "https://app.example"),
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "authorization,idempotency-key"),
];

#[tokio::test]
async fn only_named_origins_may_post_from_a_browser() {
    let allowed = |response: &Response| response.headers().get("access-control-allow-origin").cloned();
    let named = call(&["--cors-origins=https://app.example"], "OPTIONS", "/v1/images", &PREFLIGHT).await;
    assert_eq!(named.status(), StatusCode::OK);
    assert_eq!(allowed(&named).unwrap(), "https://app.example");
    let other = call(&["--cors-origins=https://other.example"], "OPTIONS", "/v1/images", &PREFLIGHT).await;
    assert_eq!(allowed(&other), None);
    let nobody = call(&[], "OPTIONS", "/v1/images", &PREFLIGHT).await;
    assert_eq!((nobody.status(), allowed(&nobody)), (StatusCode::METHOD_NOT_ALLOWED, None));
}
