//! What of the HTTP door can be set.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use crate::body::BodyLimits;

/// Where to listen, whom to believe, and how much of everything to bear.
#[derive(Clone, Debug, clap::Args)]
pub struct GateArgs {
    /// Address of the HTTP API; port 0 takes a free one.
    #[arg(long = "http", env = "SAFELIGHT_HTTP_ADDR", default_value = "127.0.0.1:8080")]
    pub http_addr: SocketAddr,

    /// Issuer that tokens must name, exactly.
    #[arg(long, env = "OIDC_ISSUER")]
    pub oidc_issuer: String,

    /// Where the issuer publishes its signing keys.
    #[arg(long, env = "OIDC_JWKS_URL")]
    pub oidc_jwks_url: String,

    /// Audience that tokens must name; for Cognito's access tokens the app client's id.
    #[arg(long, env = "OIDC_AUDIENCE")]
    pub oidc_audience: String,

    /// Origins of other web apps that may call from a browser, separated by commas; none unless set.
    #[arg(long, env = "SAFELIGHT_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,

    /// Open connections; at the limit new ones wait in the kernel's backlog.
    #[arg(long, env = "SAFELIGHT_HTTP_CONNECTIONS_MAX", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub http_connections_max: u32,

    /// Seconds until a request's head must be complete, an idle connection's next one included; past it the connection is closed.
    #[arg(long, env = "SAFELIGHT_HTTP_HEAD_SECS_MAX", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub http_head_secs_max: u64,

    /// Seconds without one byte of a request's body, or without the client taking one byte of the answer; past it the connection is closed.
    #[arg(long, env = "SAFELIGHT_HTTP_STALL_SECS_MAX", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub http_stall_secs_max: u64,

    /// Bytes a second that a body must bring on average once it has been waited for longer than 30 seconds; slower ones are
    /// refused with 408. Pauses within the stall limit are no fault.
    #[arg(long, env = "SAFELIGHT_HTTP_BODY_BYTES_PER_SEC_MIN", default_value_t = 4096)]
    pub http_body_bytes_per_sec_min: u64,

    /// Seconds one body may take altogether; past it the request is refused with 408.
    #[arg(long, env = "SAFELIGHT_HTTP_BODY_SECS_MAX", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub http_body_secs_max: u64,

    /// Seconds that requests in hand may take after the signal to stop; past it their connections are cut.
    #[arg(long, env = "SAFELIGHT_HTTP_DRAIN_SECS_MAX", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub http_drain_secs_max: u64,

    /// Requests a second that one customer may make for long; beyond it 429. 0 means no limit.
    #[arg(long, env = "SAFELIGHT_CUSTOMER_REQUESTS_PER_SEC_MAX", default_value_t = 200)]
    pub customer_requests_per_sec_max: u32,

    /// Requests that one customer may make at once before the rate counts.
    #[arg(long, env = "SAFELIGHT_CUSTOMER_BURST_REQUESTS_MAX", default_value_t = 600)]
    pub customer_burst_requests_max: u32,
}

impl GateArgs {
    /// Returns the limits on request bodies.
    pub fn body_limits(&self) -> BodyLimits {
        BodyLimits {
            stall_max: Duration::from_secs(self.http_stall_secs_max),
            bytes_per_sec_min: self.http_body_bytes_per_sec_min,
            time_max: Duration::from_secs(self.http_body_secs_max),
        }
    }
}

/// The key that seals cursors and event ids; the same for all instances that serve one page.
#[derive(Clone, Debug, clap::Args)]
pub struct SealArgs {
    /// Secret of at least 32 characters that seals cursors and event ids, shared by all instances.
    #[arg(long, env = "SAFELIGHT_CURSOR_KEY", hide_env_values = true)]
    pub cursor_key: SecretString,
}
