//! Tokens: bearer JWTs, verified. Owns which signatures, claims and headers are believed, and each customer's rate.
//! Whatever a token's header says about keys and algorithms is only ever compared, never followed.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::Validation;

use crate::caller::Caller;
use crate::claims::Claims;
use crate::config::GateArgs;
use crate::keys::{Keys, KeysUnavailable, NoKey, SigningKey};
use crate::metrics::{self, Verdict};
use crate::problem::Problem;
use crate::rate::Rates;

const TOKEN_BYTES_MAX: usize = 8 * 1024;
const KID_BYTES_MAX: usize = 256;
const CLOCK_SKEW_SECS: u64 = 30;
const KEYS_RETRY: Duration = Duration::from_secs(5);

/// Turns a bearer token into a [`Caller`], or into a refusal. Cheap to clone; clones share keys and rates.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuer: String,
    audience: String,
    keys: Arc<Keys>,
    rates: Option<Rates>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

impl Verifier {
    /// Builds a verifier; fetches nothing yet.
    pub fn new(args: &GateArgs) -> Result<Verifier, KeysUnavailable> {
        let keys = Keys::new(&args.oidc_jwks_url).map_err(KeysUnavailable::new)?;
        Ok(Verifier::with_keys(args, keys))
    }

    pub(crate) fn with_keys(args: &GateArgs, keys: Keys) -> Verifier {
        metrics::describe();
        Verifier(Arc::new(Inner {
            issuer: args.oidc_issuer.clone(),
            audience: args.oidc_audience.clone(),
            keys: Arc::new(keys),
            rates: Rates::new(args.customer_requests_per_sec_max, args.customer_burst_requests_max),
        }))
    }

    /// Fetches the issuer's keys, so that the first caller does not wait for them.
    pub async fn check(&self) -> Result<(), KeysUnavailable> {
        self.0.keys.fetch_now().await
    }

    /// Returns the verified caller. Refuses with 401 whatever proves nothing, 429 beyond the customer's rate, 503 as long as
    /// the issuer's keys were never reachable.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let result = self.verify(bearer(headers)).await;
        metrics::verified(match &result {
            Ok(_) => Verdict::Accepted,
            Err(refusal) if refusal.status() == http::StatusCode::UNAUTHORIZED => Verdict::Refused,
            Err(_) => Verdict::KeysUnavailable,
        });
        let caller = result?;
        if let Some(rates) = &self.0.rates {
            rates.take(&caller.customer).map_err(Problem::too_many_requests)?;
        }
        Ok(caller)
    }

    async fn verify(&self, token: Option<&str>) -> Result<Caller, Problem> {
        let token =
            token.filter(|token| token.len() <= TOKEN_BYTES_MAX).ok_or_else(Problem::unauthenticated)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| Problem::unauthenticated())?;
        // Extensions that must be understood are not: RFC 7515, 4.1.11.
        if header.crit.is_some() || header.kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
            return Err(Problem::unauthenticated());
        }
        let key = self.0.keys.find(header.kid.as_deref()).await.map_err(|none| match none {
            NoKey::Unknown => Problem::unauthenticated(),
            NoKey::Unavailable => Problem::unavailable(KEYS_RETRY),
        })?;
        self.read(token, &key).ok_or_else(Problem::unauthenticated)
    }

    fn read(&self, token: &str, key: &SigningKey) -> Option<Caller> {
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = CLOCK_SKEW_SECS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss"]);
        // `Claims::caller` decides on the audience: it may stand in `client_id`.
        validation.validate_aud = false;
        let verified = jsonwebtoken::decode::<Claims>(token, &key.key, &validation).ok()?;
        verified.claims.caller(&self.0.issuer, &self.0.audience)
    }
}

/// Returns the token of the one `Authorization: Bearer` header; two headers are as good as none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
