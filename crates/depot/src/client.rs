//! The connection to S3: built once, cloned freely. Owns time-outs, retries and checksum policy, and the check that the
//! buckets are there and ours.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};

use crate::config::{DepotArgs, Endpoint};
use crate::error::{Unavailable, status, unavailable};
use crate::metrics::{Operation, Outcome, describe, ended};

const CONNECT_SECS_MAX: u64 = 2;

/// Keeps originals and renditions in S3.
#[derive(Clone, Debug)]
pub struct Depot {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) attempt_time: Duration,
}

/// The names of the two buckets.
#[derive(Debug)]
pub(crate) struct Buckets {
    originals: String,
    renditions: String,
}

/// Which of the two buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// What customers sent, and the claims behind their idempotency keys.
    Originals,
    /// What was made of it.
    Renditions,
}

/// Says why the buckets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration or the credentials are wrong: waiting will not help.
    #[error("use the bucket `{bucket}`")]
    Refused {
        /// The bucket that was asked for.
        bucket: String,
        /// What S3 or the credential chain said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// S3 is away: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Depot {
    /// Builds the client from the environment, or for `args.endpoint` where the local stack sets it. Calls nobody yet.
    pub async fn open(args: &DepotArgs) -> Depot {
        describe();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(time_outs(args))
            .retry_config(RetryConfig::standard().with_max_attempts(args.s3_attempts_max))
            // Has false positives on bodies that wait for their turn; the time-outs bound a stall already.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // The depot verifies whole bodies against the claim check itself.
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        let sdk = match &args.endpoint {
            Some(endpoint) => at(loader, endpoint).load().await,
            None => loader.load().await,
        };
        let config =
            aws_sdk_s3::config::Builder::from(&sdk).force_path_style(args.s3_force_path_style).build();
        Depot {
            s3: aws_sdk_s3::Client::from_conf(config),
            buckets: Arc::new(Buckets {
                originals: args.bucket_originals.clone(),
                renditions: args.bucket_renditions.clone(),
            }),
            attempt_time: args.attempt_time(),
        }
    }

    /// Asks S3 for both buckets. Tells wrong configuration from a server that is away.
    pub async fn check(&self) -> Result<(), CheckError> {
        for bucket in [Bucket::Originals, Bucket::Renditions] {
            let begun = Instant::now();
            let result = self.check_one(self.bucket(bucket)).await;
            let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Unavailable };
            ended(Operation::Check, outcome, begun);
            result?;
        }
        Ok(())
    }

    async fn check_one(&self, bucket: &str) -> Result<(), CheckError> {
        let Err(error) = self.s3.head_bucket().bucket(bucket).send().await else {
            return Ok(());
        };
        // A HEAD has no code; at start all of these are for an operator: bucket, region, name, credentials, rights.
        let is_refused = matches!(status(&error), 301 | 400 | 401 | 403 | 404 | 405);
        if is_refused || lacks_credentials(&error) {
            return Err(CheckError::Refused { bucket: bucket.to_owned(), cause: Box::new(error) });
        }
        Err(unavailable(error).into())
    }

    /// Returns the bucket's name.
    pub fn bucket(&self, bucket: Bucket) -> &str {
        match bucket {
            Bucket::Originals => &self.buckets.originals,
            Bucket::Renditions => &self.buckets.renditions,
        }
    }

    /// Says whether a claim check from outside names a bucket that is ours.
    pub(crate) fn owns(&self, bucket: &str) -> bool {
        bucket == self.buckets.originals || bucket == self.buckets.renditions
    }
}

fn time_outs(args: &DepotArgs) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
        .operation_attempt_timeout(args.attempt_time())
        .operation_timeout(args.operation_time())
        .build()
}

fn at(loader: ConfigLoader, endpoint: &Endpoint) -> ConfigLoader {
    let keys = Credentials::new(&endpoint.access_key_id, &endpoint.secret_access_key, None, None, "local");
    loader
        .region(Region::new(endpoint.region.clone()))
        .endpoint_url(&endpoint.url)
        .credentials_provider(keys)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
}

/// Says whether the SDK found no credentials at all, as opposed to failing to fetch some.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(CredentialsError::CredentialsNotLoaded(_)) = error.downcast_ref() {
            return true;
        }
        cause = error.source();
    }
    false
}
