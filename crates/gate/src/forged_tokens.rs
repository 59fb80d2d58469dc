//! The table of forged tokens: each is one step away from a good one, and each is refused.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::caller::{Caller, Role};
use crate::config::GateArgs;
use crate::keys::Keys;
use crate::problem::Problem;
use crate::verifier::Verifier;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    gate: GateArgs,
}

/// The arguments every test of this crate uses.
pub(crate) fn args(more: &[&str]) -> GateArgs {
    let needed = [
        "test",
        "--oidc-issuer=https://issuer",
        "--oidc-audience=safelight",
        "--oidc-jwks-url=http://127.0.0.1:9/jwks",
    ];
    Command::parse_from(needed.iter().chain(more)).gate
}

struct Issuer {
    rsa: EncodingKey,
    ec: EncodingKey,
    ed: EncodingKey,
    rsa_jwk: Jwk,
    verifier: Verifier,
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    jwk
}

fn issuer() -> Issuer {
    let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
    // jsonwebtoken wants the RSA key in PKCS#1, which is what PKCS#8 wraps.
    let pkcs8: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let rsa = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ec = EncodingKey::from_ec_der(ec.to_pkcs8v1().unwrap().as_ref());
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed = EncodingKey::from_ed_der(ed.to_pkcs8v1().unwrap().as_ref());
    let rsa_jwk = jwk(&rsa, Algorithm::RS256, "rsa");
    let set = json!({"keys": [rsa_jwk, jwk(&ec, Algorithm::ES256, "ec"), jwk(&ed, Algorithm::EdDSA, "ed")]});
    let args = args(&["--customer-requests-per-sec-max=0"]);
    let keys = Keys::holding(set.to_string().as_bytes());
    Issuer { rsa, ec, ed, rsa_jwk, verifier: Verifier::with_keys(&args, keys) }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn claims() -> Value {
    json!({"iss": "https://issuer", "aud": "safelight", "exp": now() + 600, "sub": "s", "customer_id": "acme", "role": "customer"})
}

/// Returns good claims with one of them replaced, or taken away by null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    if value.is_null() {
        map.remove(name)
    } else {
        map.insert(name.to_owned(), value)
    };
    claims
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

impl Issuer {
    fn sign(&self, claims: &Value) -> String {
        encode(&header(Algorithm::ES256, "ec"), claims, &self.ec).unwrap()
    }

    async fn answer(&self, authorization: &str) -> Result<Caller, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        self.verifier.admit(&headers).await
    }

    async fn refuses(&self, what: &str, token: &str) {
        let refusal = self.answer(&format!("Bearer {token}")).await;
        let status = refusal.as_ref().err().map(Problem::status);
        assert_eq!(status, Some(StatusCode::UNAUTHORIZED), "{what}: {refusal:?}");
    }
}

#[tokio::test]
async fn each_kind_of_key_admits_its_caller() {
    let issuer = issuer();
    for (algorithm, kid, key) in [
        (Algorithm::RS256, "rsa", &issuer.rsa),
        (Algorithm::ES256, "ec", &issuer.ec),
        (Algorithm::EdDSA, "ed", &issuer.ed),
    ] {
        let token = encode(&header(algorithm, kid), &claims(), key).unwrap();
        let caller = issuer.answer(&format!("bearer {token}")).await.unwrap();
        assert_eq!((caller.customer.as_str(), caller.role), ("acme", Role::Customer), "{kid}");
    }
}

#[tokio::test]
async fn roles_and_audiences_that_are_right_pass() {
    let issuer = issuer();
    let cognito = json!({"iss": "https://issuer", "client_id": "safelight", "token_use": "access", "exp": now() + 600, "customer_id": "acme"});
    for (claims, role) in [
        (with("aud", json!(["other", "safelight"])), Role::Customer),
        (with("role", Value::Null), Role::Customer),
        (with("role", json!("operator")), Role::Operator),
        (cognito, Role::Customer),
    ] {
        let caller = issuer.answer(&format!("Bearer {}", issuer.sign(&claims))).await.unwrap();
        assert_eq!(caller.role, role, "{claims}");
    }
}

#[tokio::test]
async fn claims_that_are_missing_or_wrong_are_refused() {
    let issuer = issuer();
    let access = |client: &str, token_use: &str| {
        let mut claims = with("aud", Value::Null);
        claims["client_id"] = json!(client);
        claims["token_use"] = json!(token_use);
        claims
    };
    let table = [
        ("exp in the past", with("exp", json!(now() - 120))),
        ("exp as text", with("exp", json!((now() + 600).to_string()))),
        ("no exp", with("exp", Value::Null)),
        ("negative exp", with("exp", json!(-1))),
        ("not yet valid", with("nbf", json!(now() + 600))),
        ("nbf as text", with("nbf", json!("0"))),
        ("other issuer", with("iss", json!("https://evil"))),
        ("issuer as list", with("iss", json!(["https://issuer", "https://evil"]))),
        ("issuer with slash", with("iss", json!("https://issuer/"))),
        ("no issuer", with("iss", Value::Null)),
        ("other audience", with("aud", json!("other"))),
        ("audience as prefix", with("aud", json!("safelight2"))),
        ("empty audiences", with("aud", json!([]))),
        ("no audience", with("aud", Value::Null)),
        ("other client", access("other", "access")),
        ("client of an id token", access("safelight", "id")),
        ("no customer", with("customer_id", Value::Null)),
        ("customer as number", with("customer_id", json!(7))),
        ("customer as list", with("customer_id", json!(["acme"]))),
        ("empty customer", with("customer_id", json!(""))),
        ("customer with a line break", with("customer_id", json!("a\nb"))),
        ("endless customer", with("customer_id", json!("a".repeat(200)))),
        ("unknown role", with("role", json!("root"))),
        ("role in capitals", with("role", json!("OPERATOR"))),
        ("role as list", with("role", json!(["operator"]))),
    ];
    for (what, claims) in table {
        issuer.refuses(what, &issuer.sign(&claims)).await;
    }
}

#[tokio::test]
async fn a_claim_given_twice_is_refused() {
    let issuer = issuer();
    let twice = claims().to_string().replacen('{', r#"{"customer_id":"globex","#, 1);
    let claims: Box<serde_json::value::RawValue> = serde_json::value::RawValue::from_string(twice).unwrap();
    let token = encode(&header(Algorithm::ES256, "ec"), &claims, &issuer.ec).unwrap();
    issuer.refuses("customer twice", &token).await;
}

#[tokio::test]
async fn signatures_and_headers_that_prove_nothing_are_refused() {
    let issuer = issuer();
    let good = issuer.sign(&claims());
    let body = good.rsplit_once('.').unwrap().0;
    let sign = |header: Header, key: &EncodingKey| encode(&header, &claims(), key).unwrap();
    let public = EncodingKey::from_secret(serde_json::to_string(&issuer.rsa_jwk).unwrap().as_bytes());
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let stranger = EncodingKey::from_ec_der(stranger.to_pkcs8v1().unwrap().as_ref());
    let own_jwk = jwk(&stranger, Algorithm::ES256, "ec");
    let ec = || header(Algorithm::ES256, "ec");
    let none = format!("{}.{}.", part(&json!({"alg": "none", "kid": "ec"})), part(&claims()));
    let none_caps = none.replace(&part(&json!({"alg": "none", "kid": "ec"})), &part(&json!({"alg": "NoNe"})));
    let table = [
        ("alg none", none.clone()),
        ("alg NoNe", none_caps),
        ("alg none with a signature", format!("{none}AAAA")),
        ("no signature", format!("{body}.")),
        ("signature of zeros", format!("{body}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("HS256 with the public key", sign(header(Algorithm::HS256, "rsa"), &public)),
        ("HS256 for the EC key", sign(header(Algorithm::HS256, "ec"), &public)),
        ("RS512 with the right key", sign(header(Algorithm::RS512, "rsa"), &issuer.rsa)),
        ("PS256 with the right key", sign(header(Algorithm::PS256, "rsa"), &issuer.rsa)),
        ("the name of another key", sign(header(Algorithm::ES256, "rsa"), &issuer.ec)),
        ("an unknown key", sign(header(Algorithm::ES256, "../../etc/passwd"), &issuer.ec)),
        ("an endless kid", sign(header(Algorithm::ES256, &"k".repeat(300)), &issuer.ec)),
        ("no kid among three keys", sign(Header::new(Algorithm::ES256), &issuer.ec)),
        ("a stranger's key", sign(ec(), &stranger)),
        ("a stranger's key in jwk", sign(Header { jwk: Some(own_jwk), ..ec() }, &stranger)),
        (
            "a stranger's key at jku",
            sign(Header { jku: Some("http://127.0.0.1:9/".into()), ..ec() }, &stranger),
        ),
        (
            "a stranger's key at x5u",
            sign(Header { x5u: Some("http://127.0.0.1:9/".into()), ..ec() }, &stranger),
        ),
        ("crit", sign(Header { crit: Some(vec!["exp".into()]), ..ec() }, &issuer.ec)),
        (
            "claims changed after signing",
            good.replacen(&part(&claims()), &part(&with("customer_id", json!("globex"))), 1),
        ),
        ("one megabyte", format!("{}.{good}", "A".repeat(1 << 20))),
        ("four parts", format!("{good}.x")),
        ("two parts", body.to_owned()),
        ("nothing", String::new()),
        ("not base64", "a.b.c".to_owned()),
        ("dots", "..".to_owned()),
    ];
    for (what, token) in table {
        issuer.refuses(what, &token).await;
    }
    assert!(issuer.answer(&format!("Bearer {good}")).await.is_ok(), "the good one is good");
}

#[tokio::test]
async fn only_one_bearer_header_is_believed() {
    let issuer = issuer();
    let good = issuer.sign(&claims());
    for authorization in
        [format!("Basic {good}"), good.clone(), format!("Bearer{good}"), format!("Bearer  {good}")]
    {
        assert!(issuer.answer(&authorization).await.is_err(), "{authorization}");
    }
    let mut twice = HeaderMap::new();
    for _ in 0..2 {
        twice.append(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {good}")).unwrap());
    }
    assert!(issuer.verifier.admit(&twice).await.is_err());
    assert!(issuer.verifier.admit(&HeaderMap::new()).await.is_err());
}
