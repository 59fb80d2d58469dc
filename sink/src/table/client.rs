//! The connection to DynamoDB: built once, cloned freely. Owns time-outs, retries and the check that the table is there.

use std::error::Error;
use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::SdkError;

use super::config::{Endpoint, TableArgs};
use super::error::{Unavailable, code, unavailable};
use super::schema;
use crate::metrics::{self, TableOperation};

/// Keeps one row per image.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) name: Arc<str>,
}

/// Says why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration or the credentials are wrong: waiting will not help.
    #[error("use the table `{table}`")]
    Refused {
        /// The table that was asked for.
        table: String,
        /// What DynamoDB or the credential chain said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// DynamoDB is away: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Table {
    /// Builds the client from the environment, or for `args.table_endpoint` where the local stack sets it. Calls nobody
    /// yet.
    pub async fn open(args: &TableArgs) -> Table {
        let time_outs = TimeoutConfig::builder()
            .operation_attempt_timeout(args.attempt_time())
            .operation_timeout(args.operation_time())
            .build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(time_outs)
            .retry_config(RetryConfig::standard().with_max_attempts(args.table_attempts_max));
        let sdk = match &args.table_endpoint {
            Some(endpoint) => at(loader, endpoint).load().await,
            None => loader.load().await,
        };
        Table { dynamodb: aws_sdk_dynamodb::Client::new(&sdk), name: args.table.as_str().into() }
    }

    /// Asks DynamoDB for the table, and whether it is made as rows need it. Tells wrong configuration from a server that
    /// is away.
    pub async fn check(&self) -> Result<(), CheckError> {
        let describe = self.dynamodb.describe_table().table_name(&*self.name).send();
        let error = match metrics::timed(TableOperation::Check, describe).await {
            Ok(described) => {
                let differs = described.table.as_ref().and_then(schema::difference);
                let refused =
                    |text: String| CheckError::Refused { table: self.name.to_string(), cause: text.into() };
                return differs.map_or(Ok(()), |text| Err(refused(text)));
            }
            Err(error) => error,
        };
        let refused = match &error {
            SdkError::ConstructionFailure(_) => true,
            _ => matches!(
                code(&error),
                "ResourceNotFoundException"
                    | "AccessDeniedException"
                    | "UnrecognizedClientException"
                    | "InvalidSignatureException"
                    | "MissingAuthenticationTokenException"
            ),
        };
        match refused {
            true => Err(CheckError::Refused { table: self.name.to_string(), cause: Box::new(error) }),
            false => Err(unavailable(error).into()),
        }
    }
}

fn at(loader: ConfigLoader, endpoint: &Endpoint) -> ConfigLoader {
    let keys = Credentials::new(&endpoint.access_key_id, &endpoint.secret_access_key, None, None, "local");
    loader.region(Region::new(endpoint.region.clone())).endpoint_url(&endpoint.url).credentials_provider(keys)
}
