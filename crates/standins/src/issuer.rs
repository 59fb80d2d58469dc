//! The local stack's own token issuer: one ES256 key in the data folder, its public half as a JWKS.
//!
//! Owns the key file. Stands in for the company's identity provider on a laptop and nowhere else; the stations verify
//! its tokens exactly as they would Cognito's.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::{CustomerId, Sha256, UnixMillis};
use serde_json::{Value, json};

use crate::write_private;

/// What the issuer calls itself; not an address, so that tokens outlive a change of ports.
pub const ISSUER: &str = "https://issuer.safelight.local";
/// Whom the tokens are for.
pub const AUDIENCE: &str = "safelight";
const KEY_FILE: &str = "issuer.pk8";

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Own images.
    Customer,
    /// SQL over the facts.
    Analyst,
    /// Everything an operator needs.
    Operator,
}

/// Signs tokens for the local stack.
pub struct Issuer {
    key: EncodingKey,
    key_id: String,
    // The uncompressed point: 0x04, then x and y of 32 bytes each.
    public: Vec<u8>,
}

impl Issuer {
    /// Opens the issuer of a data folder; makes its key where there is none. The key file is readable by its owner only.
    pub fn open(dir: &Path) -> anyhow::Result<Issuer> {
        let path = dir.join(KEY_FILE);
        if !path.exists() {
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| anyhow::anyhow!("make a signing key"))?;
            write_private(&path, key.as_ref())?;
        }
        let pkcs8 = std::fs::read(&path).with_context(|| format!("read `{}`", path.display()))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
            .map_err(|why| anyhow::anyhow!("`{}` holds no signing key: {why}", path.display()))?;
        let public = pair.public_key().as_ref().to_vec();
        let key_id = Sha256::of(&public).to_hex()[..16].to_owned();
        Ok(Issuer { key: EncodingKey::from_ec_der(&pkcs8), key_id, public })
    }

    /// Mints a token that is valid for `lifetime`.
    pub fn token(&self, customer: &CustomerId, role: Role, lifetime: Duration) -> anyhow::Result<String> {
        let now = UnixMillis::now();
        let role = match role {
            Role::Customer => "customer",
            Role::Analyst => "analyst",
            Role::Operator => "operator",
        };
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": format!("local|{customer}"),
            "customer_id": customer,
            "role": role,
            "iat": now.unix_s(),
            "nbf": now.unix_s(),
            "exp": now.plus(lifetime).unix_s(),
        });
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).context("sign a token")
    }

    /// Serves `/.well-known/jwks.json` and `/.well-known/openid-configuration`.
    pub fn router(&self, base_url: &str) -> Router {
        let jwks = self.jwks();
        let discovery = json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{base_url}/.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        Router::new()
            .route("/.well-known/jwks.json", get(|| async { Json(jwks) }))
            .route("/.well-known/openid-configuration", get(|| async { Json(discovery) }))
    }

    fn jwks(&self) -> Value {
        let (x, y) = self.public[1..].split_at(32);
        json!({"keys": [{
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "alg": "ES256",
            "kid": self.key_id,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        }]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_kept_and_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let first = Issuer::open(dir.path()).unwrap();
        assert_eq!(Issuer::open(dir.path()).unwrap().jwks(), first.jwks());
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_verifies_against_the_jwks() {
        let dir = tempfile::tempdir().unwrap();
        let issuer = Issuer::open(dir.path()).unwrap();
        let customer = CustomerId::parse("acme").unwrap();
        let token = issuer.token(&customer, Role::Customer, Duration::from_secs(60)).unwrap();
        let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(issuer.jwks()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwks.keys[0]).unwrap();
        let mut validation = jsonwebtoken::Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        let data = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap();
        assert_eq!(data.claims["customer_id"], "acme");
    }
}
