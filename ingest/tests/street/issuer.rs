//! An issuer with one ES256 key and its JWKS.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) struct Issuer {
    pub(crate) url: String,
    key: EncodingKey,
}

impl Issuer {
    pub(crate) async fn start() -> Issuer {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("PKCS#8").as_ref());
        let set = json!({"keys": [Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public half")]});
        let router = Router::new().route("/jwks", get(async move || Json(set)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Issuer { url, key }
    }

    pub(crate) fn token(&self, customer: &str) -> String {
        let claims = json!({
            "iss": "https://issuer", "aud": "safelight", "exp": get_current_timestamp() + 600, "customer_id": customer,
        });
        encode(&Header::new(Algorithm::ES256), &claims, &self.key).expect("a token")
    }
}
