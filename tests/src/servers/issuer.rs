//! The laptop's identity provider, in this process.

use std::time::Duration;

use proto::CustomerId;
use standins::issuer::Role;

const LIFETIME: Duration = Duration::from_secs(600);

/// A running issuer with a key of its own.
pub struct Issuer {
    /// Where its keys are.
    pub jwks_url: String,
    issuer: standins::issuer::Issuer,
}

impl Issuer {
    /// Starts it.
    pub async fn start() -> Issuer {
        // Its key is read once and never again.
        let folder = tempfile::tempdir().expect("a folder for a key");
        let issuer = standins::issuer::Issuer::open(folder.path()).expect("a key");
        let (listener, address) = super::listen().await;
        let router = issuer.router(&format!("http://{address}"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Issuer { jwks_url: format!("http://{address}/.well-known/jwks.json"), issuer }
    }

    /// Returns the settings of a station that believes it.
    pub fn settings(&self) -> [String; 3] {
        [
            format!("--oidc-issuer={}", standins::issuer::ISSUER),
            format!("--oidc-audience={}", standins::issuer::AUDIENCE),
            format!("--oidc-jwks-url={}", self.jwks_url),
        ]
    }

    /// Returns a customer's token, for ten minutes.
    pub fn token(&self, customer: &str) -> String {
        self.token_of(customer, Role::Customer)
    }

    /// Returns a token of `customer` in `role`, for ten minutes.
    pub fn token_of(&self, customer: &str, role: Role) -> String {
        self.token_for(customer, role, LIFETIME)
    }

    /// Returns a token of `customer` in `role` that ends after `lifetime`.
    pub fn token_for(&self, customer: &str, role: Role, lifetime: Duration) -> String {
        let customer = CustomerId::parse(customer).expect("a valid customer");
        self.issuer.token(&customer, role, lifetime).expect("a token")
    }
}
