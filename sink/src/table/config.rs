//! What of DynamoDB can be set. Credentials, region and endpoint come from the SDK's own variables and files, except in
//! the all-in-one local stack, which hands over an [`Endpoint`].

use std::fmt;
use std::time::Duration;

/// Which table, and how long DynamoDB may take.
#[derive(Clone, Debug, clap::Args)]
pub struct TableArgs {
    /// Table of the images' rows.
    #[arg(long, env = "SAFELIGHT_TABLE", default_value = "images")]
    pub table: String,

    /// Seconds one DynamoDB operation may take with all its retries; past it DynamoDB counts as away.
    #[arg(long, env = "SAFELIGHT_TABLE_OPERATION_SECS_MAX", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub table_operation_secs_max: u64,

    /// Seconds one attempt of a DynamoDB operation may take; past it the attempt is given up and repeated.
    #[arg(long, env = "SAFELIGHT_TABLE_ATTEMPT_SECS_MAX", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub table_attempt_secs_max: u64,

    /// Attempts of one DynamoDB operation, the first included.
    #[arg(long, env = "SAFELIGHT_TABLE_ATTEMPTS_MAX", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub table_attempts_max: u32,

    /// The server to use instead of the one the environment names; set by the local stack alone.
    #[arg(skip)]
    pub table_endpoint: Option<Endpoint>,
}

impl TableArgs {
    pub(super) fn operation_time(&self) -> Duration {
        Duration::from_secs(self.table_operation_secs_max)
    }

    pub(super) fn attempt_time(&self) -> Duration {
        Duration::from_secs(self.table_attempt_secs_max)
    }
}

/// A DynamoDB server in this process or beside it, with its local keys.
#[derive(Clone)]
pub struct Endpoint {
    /// `http://host:port`.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key; never printed.
    pub secret_access_key: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
