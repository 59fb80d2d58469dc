//! What a verified token says. Owns which claims are needed and their types; the signature is the verifier's affair.

use proto::CustomerId;
use serde::Deserialize;

use crate::caller::{Caller, Role};

/// The claims that are looked at. A claim of another type, or given twice, makes the token unreadable.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: Option<Audience>,
    client_id: Option<String>,
    token_use: Option<String>,
    customer_id: String,
    role: Option<Role>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Returns the caller if the token was issued by `issuer` for `audience`.
    pub(crate) fn caller(self, issuer: &str, audience: &str) -> Option<Caller> {
        if self.iss != issuer || !self.is_for(audience) {
            return None;
        }
        let customer = CustomerId::parse(&self.customer_id).ok()?;
        Some(Caller { customer, role: self.role.unwrap_or(Role::Customer) })
    }

    /// Cognito's access tokens name the app client in `client_id` and have no `aud`.
    fn is_for(&self, audience: &str) -> bool {
        match (&self.aud, self.token_use.as_deref()) {
            (None, Some("access")) => self.client_id.as_deref() == Some(audience),
            (None, _) => false,
            (Some(Audience::One(one)), _) => one == audience,
            (Some(Audience::Many(many)), _) => many.iter().any(|one| one == audience),
        }
    }
}
