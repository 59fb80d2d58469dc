use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use tokio::net::TcpListener;

use super::*;

/// An issuer whose next answer a test chooses.
#[derive(Clone, Default)]
struct Issuer {
    fetches: Arc<AtomicUsize>,
    answer: Arc<std::sync::Mutex<(u16, String)>>,
}

impl Issuer {
    fn answers(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

async fn respond(State(issuer): State<Issuer>) -> Response {
    issuer.fetches.fetch_add(1, Ordering::SeqCst);
    let (status, body) = issuer.answer.lock().unwrap().clone();
    match status {
        302 => (StatusCode::FOUND, [("location", "/jwks")]).into_response(),
        status => (StatusCode::from_u16(status).unwrap(), body).into_response(),
    }
}

async fn issuer() -> (Issuer, String) {
    let issuer = Issuer::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let router = Router::new().route("/jwks", get(respond)).with_state(issuer.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (issuer, url)
}

fn jwk(kid: &str) -> String {
    format!(
        r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
    )
}

fn set(jwks: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, jwks.join(","))
}

const NO_FLOOR: Duration = Duration::ZERO;

#[tokio::test]
async fn a_rotated_key_is_found_by_one_fetch() {
    let (issuer, url) = issuer().await;
    let keys = Arc::new(Keys::with_floor(&url, NO_FLOOR).unwrap());
    issuer.answers(200, set(&[jwk("old")]));
    assert!(keys.find(Some("old")).await.is_ok());
    issuer.answers(200, set(&[jwk("new")]));
    assert!(keys.find(Some("new")).await.is_ok());
    assert!(matches!(keys.find(Some("old")).await, Err(NoKey::Unknown)));
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn a_flood_of_unknown_kids_costs_one_fetch_a_floor() {
    let (issuer, url) = issuer().await;
    issuer.answers(200, set(&[jwk("known")]));
    let keys = Arc::new(Keys::with_floor(&url, FETCH_FLOOR).unwrap());
    let flood = (0..500).map(|n| {
        let keys = Arc::clone(&keys);
        tokio::spawn(async move { keys.find(Some(&format!("forged-{n}"))).await.is_err() })
    });
    for refused in futures::future::join_all(flood).await {
        assert!(refused.unwrap());
    }
    assert_eq!(issuer.fetches(), 1);
    assert!(keys.find(Some("known")).await.is_ok());
}

#[tokio::test]
async fn old_keys_stay_through_every_kind_of_bad_answer() {
    let (issuer, url) = issuer().await;
    issuer.answers(200, set(&[jwk("old")]));
    let keys = Arc::new(Keys::with_floor(&url, NO_FLOOR).unwrap());
    keys.fetch_now().await.unwrap();
    let endless = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(SET_BYTES_MAX));
    for (status, body) in [
        (500, ""),
        (404, ""),
        (302, ""),
        (204, ""),
        (200, ""),
        (200, "{}"),
        (200, r#"{"keys":[]}"#),
        (200, &endless),
    ] {
        issuer.answers(status, body);
        assert!(keys.fetch_now().await.is_err(), "{status} {}", &body[..body.len().min(40)]);
        assert!(keys.find(Some("old")).await.is_ok());
    }
}

#[tokio::test]
async fn without_any_keys_the_answer_is_not_unknown() {
    let (issuer, url) = issuer().await;
    issuer.answers(500, "");
    let keys = Arc::new(Keys::with_floor(&url, FETCH_FLOOR).unwrap());
    assert!(matches!(keys.find(Some("any")).await, Err(NoKey::Unavailable)));
}

#[test]
fn keys_that_allow_no_algorithm_of_ours_are_left_out() {
    let secret = r#"{"kty":"oct","kid":"s","k":"c2VjcmV0","alg":"HS256"}"#.to_owned();
    let for_encryption = jwk("e").replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
    let other_algorithm = jwk("a").replace("\"kid\"", "\"alg\":\"HS256\",\"kid\"");
    let unknown = r#"{"kty":"PQ","kid":"p"}"#.to_owned();
    let keys =
        parse(set(&[secret, for_encryption, other_algorithm, unknown, jwk("good")]).as_bytes()).unwrap();
    let kids: Vec<_> = keys.iter().map(|key| key.kid.as_deref()).collect();
    assert_eq!(kids, [Some("good")]);
}

#[test]
fn a_set_of_many_keys_is_cut() {
    let many: Vec<String> = (0..200).map(|n| jwk(&n.to_string())).collect();
    assert_eq!(parse(set(&many).as_bytes()).unwrap().len(), KEYS_MAX);
}
