//! Writing a row: one conditional put, so that no other writer's fact is ever lost between a read and a write.

use std::error::Error;

use aws_sdk_dynamodb::error::SdkError;

use super::client::Table;
use super::condition::{condition_of, values_of};
use super::error::{Unavailable, code, unavailable};
use super::row::{Row, number, text};
use crate::metrics::{self, TableOperation};

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The row says it now.
    Written,
    /// The row says the same, or something that stands above it.
    Superseded,
}

/// Says why a fact was not applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// DynamoDB will never take this row: the data is wrong.
    #[error("write the row: DynamoDB refuses it")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// DynamoDB is away: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Table {
    /// Writes the row if the order of facts lets it replace what is there. A second call with the same row changes
    /// nothing.
    pub(crate) async fn apply(&self, row: &Row) -> Result<Applied, ApplyError> {
        let status = row.fact.status();
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(row.to_item()))
            .condition_expression(condition_of(status))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#attempt", "attempt")
            .expression_attribute_values(":attempt", number(row.fact.attempt));
        for status in values_of(status) {
            put = put.expression_attribute_values(format!(":{}", status.name()), text(status.name()));
        }
        let Err(error) = metrics::timed(TableOperation::Apply, put.send()).await else {
            return Ok(Applied::Written);
        };
        match (code(&error), &error) {
            ("ConditionalCheckFailedException", _) => Ok(Applied::Superseded),
            ("ValidationException", _) | (_, SdkError::ConstructionFailure(_)) => {
                // A table made otherwise refuses every row. Only in a right one it is the row: longer than 400 KB, say.
                match self.check().await {
                    Ok(()) => Err(ApplyError::Refused(Box::new(error))),
                    Err(wrong) => Err(Unavailable(Box::new(wrong)).into()),
                }
            }
            _ => Err(unavailable(error).into()),
        }
    }
}
