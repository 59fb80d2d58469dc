//! What of S3 can be set. Credentials, region and endpoint come from the SDK's own variables and files, except in the
//! all-in-one local stack, which hands over an [`Endpoint`].

use std::fmt;
use std::time::Duration;

/// Where originals and renditions lie, and how long S3 may take.
#[derive(Clone, Debug, clap::Args)]
pub struct DepotArgs {
    /// Bucket of the originals and the claims behind `Idempotency-Key`.
    #[arg(long, env = "SAFELIGHT_BUCKET_ORIGINALS", default_value = "safelight-originals")]
    pub bucket_originals: String,

    /// Bucket of the renditions.
    #[arg(long, env = "SAFELIGHT_BUCKET_RENDITIONS", default_value = "safelight-renditions")]
    pub bucket_renditions: String,

    /// Whether the bucket stands in the path instead of the host name, as S3 look-alikes want it.
    #[arg(long, env = "S3_FORCE_PATH_STYLE", default_value_t = false, action = clap::ArgAction::Set)]
    pub s3_force_path_style: bool,

    /// Seconds one S3 operation may take with all its retries; past it S3 counts as away.
    #[arg(long, env = "SAFELIGHT_S3_OPERATION_SECS_MAX", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub s3_operation_secs_max: u64,

    /// Seconds one attempt of an S3 operation may take; past it the attempt is given up and repeated.
    #[arg(long, env = "SAFELIGHT_S3_ATTEMPT_SECS_MAX", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub s3_attempt_secs_max: u64,

    /// Attempts of one S3 operation, the first included.
    #[arg(long, env = "SAFELIGHT_S3_ATTEMPTS_MAX", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub s3_attempts_max: u32,

    /// The server to use instead of the one the environment names; set by the local stack alone.
    #[arg(skip)]
    pub endpoint: Option<Endpoint>,
}

impl DepotArgs {
    pub(crate) fn operation_time(&self) -> Duration {
        Duration::from_secs(self.s3_operation_secs_max)
    }

    pub(crate) fn attempt_time(&self) -> Duration {
        Duration::from_secs(self.s3_attempt_secs_max)
    }
}

/// An S3 server in this process or beside it, with its local keys.
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
