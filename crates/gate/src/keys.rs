//! The issuer's signing keys. Owns fetching and keeping them: one fetch at a time, at least 30 s apart, and the old keys
//! stay when a fetch fails. Each key allows exactly one algorithm, whatever a token's header claims.

use std::error::Error;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::metrics;

/// The least time between two fetches, successful or not.
const FETCH_FLOOR: Duration = Duration::from_secs(30);
/// Keys older than this are fetched anew in the background while they still serve.
const FRESH_MAX: Duration = Duration::from_secs(600);
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
const SET_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 64;

/// Says that the issuer's keys could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("fetch the issuer's keys")]
pub struct KeysUnavailable(#[source] Box<dyn Error + Send + Sync>);

impl KeysUnavailable {
    pub(crate) fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> KeysUnavailable {
        KeysUnavailable(cause.into())
    }
}

/// Says why there is no key for a token.
#[derive(Debug)]
pub(crate) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// No keys were ever fetched.
    Unavailable,
}

/// A key with the one algorithm it may verify.
#[derive(Clone)]
pub(crate) struct SigningKey {
    kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Arc<DecodingKey>,
}

#[derive(Clone)]
struct KeySet {
    keys: Arc<[SigningKey]>,
    fetched: Instant,
}

/// The cache.
pub(crate) struct Keys {
    http: reqwest::Client,
    url: String,
    floor: Duration,
    set: RwLock<Option<KeySet>>,
    /// Held during a fetch; holds when the last one began.
    last_fetch: Mutex<Option<Instant>>,
}

impl Keys {
    pub(crate) fn new(url: &str) -> Result<Keys, reqwest::Error> {
        Keys::with_floor(url, FETCH_FLOOR)
    }

    pub(crate) fn with_floor(url: &str, floor: Duration) -> Result<Keys, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(FETCH_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("safelight")
            .build()?;
        Ok(Keys { http, url: url.to_owned(), floor, set: RwLock::new(None), last_fetch: Mutex::new(None) })
    }

    #[cfg(test)]
    pub(crate) fn holding(set: &[u8]) -> Keys {
        let keys = Keys::new("http://127.0.0.1:9/jwks").expect("a client without settings builds");
        let set = KeySet { keys: parse(set).expect("a key set").into(), fetched: Instant::now() };
        keys.set.write().expect("no holder panics").replace(set);
        keys
    }

    /// Fetches the keys now, whatever the floor says; for the start of a station.
    pub(crate) async fn fetch_now(&self) -> Result<(), KeysUnavailable> {
        let mut last_fetch = self.last_fetch.lock().await;
        *last_fetch = Some(Instant::now());
        self.fetch().await
    }

    /// Returns the key named `kid`. An unknown one triggers a fetch, at most one per floor over all callers.
    pub(crate) async fn find(self: &Arc<Keys>, kid: Option<&str>) -> Result<SigningKey, NoKey> {
        if let Some((key, age)) = self.look(kid) {
            if age > FRESH_MAX {
                self.refresh_behind();
            }
            return Ok(key);
        }
        let mut last_fetch = self.last_fetch.lock().await;
        // Another caller's fetch may have brought it while this one waited for the lock.
        if let Some((key, _)) = self.look(kid) {
            return Ok(key);
        }
        if last_fetch.is_none_or(|last| last.elapsed() >= self.floor) {
            *last_fetch = Some(Instant::now());
            self.fetch_logged().await;
        }
        drop(last_fetch);
        match self.look(kid) {
            Some((key, _)) => Ok(key),
            None if self.current().is_some() => Err(NoKey::Unknown),
            None => Err(NoKey::Unavailable),
        }
    }

    fn look(&self, kid: Option<&str>) -> Option<(SigningKey, Duration)> {
        let set = self.current()?;
        let key = match kid {
            Some(kid) => set.keys.iter().find(|key| key.kid.as_deref() == Some(kid))?,
            // A token may leave the name out only where there is nothing to choose from.
            None if set.keys.len() == 1 => set.keys.first()?,
            None => return None,
        };
        Some((key.clone(), set.fetched.elapsed()))
    }

    fn current(&self) -> Option<KeySet> {
        self.set.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn refresh_behind(self: &Arc<Keys>) {
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            // Whoever holds the lock is fetching already.
            let Ok(mut last_fetch) = keys.last_fetch.try_lock() else { return };
            if last_fetch.is_none_or(|last| last.elapsed() >= keys.floor) {
                *last_fetch = Some(Instant::now());
                keys.fetch_logged().await;
            }
        });
    }

    async fn fetch_logged(&self) {
        if let Err(error) = self.fetch().await {
            let error = anyhow::Error::new(error);
            tracing::warn!(
                error = format!("{error:#}"),
                "keep the signing keys that are here: the issuer gives none"
            );
        }
    }

    async fn fetch(&self) -> Result<(), KeysUnavailable> {
        let result = self.download().await;
        metrics::keys_fetched(result.is_ok());
        let keys = result.map_err(KeysUnavailable)?;
        let set = KeySet { keys: keys.into(), fetched: Instant::now() };
        *self.set.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(set);
        Ok(())
    }

    async fn download(&self) -> Result<Vec<SigningKey>, Box<dyn Error + Send + Sync>> {
        let mut response = self.http.get(&self.url).send().await?.error_for_status()?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("the issuer answers {}", response.status()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > SET_BYTES_MAX {
                return Err("the key set is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        let keys = parse(&body)?;
        if keys.is_empty() {
            return Err("the key set holds no usable key".into());
        }
        Ok(keys)
    }
}

/// A key set in which unknown kinds of keys do not make the known ones unreadable.
#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

fn parse(body: &[u8]) -> Result<Vec<SigningKey>, serde_json::Error> {
    let set: RawSet = serde_json::from_slice(body)?;
    let jwks = set.keys.into_iter().take(KEYS_MAX);
    Ok(jwks.filter_map(|value| signing_key(&serde_json::from_value::<Jwk>(value).ok()?)).collect())
}

fn signing_key(jwk: &Jwk) -> Option<SigningKey> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = algorithm_of(jwk)?;
    let key = Arc::new(DecodingKey::from_jwk(jwk).ok()?);
    Some(SigningKey { kid: jwk.common.key_id.clone(), algorithm, key })
}

/// The one algorithm for each kind of key. Secrets (`oct`) have none: a public key must never serve as one.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|given| given == named).then_some(algorithm)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
