//! The lease: one of several sinks does a thing at a time. A row of its own, without a TTL and without the index's
//! attributes, written on condition that nobody else's is alive.

use std::time::Duration;

use proto::UnixMillis;

use super::client::Table;
use super::error::{Unavailable, code, unavailable};
use super::row::{number, text};
use crate::metrics::{self, TableOperation};

impl Table {
    /// Takes or renews the lease `name` for `owner`, for `time` from now. Says whether it is the owner's.
    pub(crate) async fn lease(&self, name: &str, owner: &str, time: Duration) -> Result<bool, Unavailable> {
        let now = UnixMillis::now();
        let put = self
            .dynamodb
            .put_item()
            .table_name(&*self.name)
            .item("pk", text(format!("lease#{name}")))
            .item("owner", text(owner))
            .item("lease_until_unix_ms", number(now.plus(time).0))
            .condition_expression("attribute_not_exists(pk) OR #owner = :owner OR lease_until_unix_ms < :now")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", number(now.0))
            .send();
        match metrics::timed(TableOperation::Lease, put).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ConditionalCheckFailedException" => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}
