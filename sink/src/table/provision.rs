//! Making the table: key, index, TTL. Done twice it is done once.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::client::Table;
use super::error::code;
use super::row::BY_DAY;
use super::schema;

const ACTIVE_SECS_MAX: u64 = 60;

/// Says that the table could not be made.
#[derive(Debug, thiserror::Error)]
#[error("provision the table `{table}`")]
pub struct ProvisionError {
    table: String,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl Table {
    /// Creates the table with its index and its TTL where they are missing, and waits until it takes writes. Fails for a
    /// table that is there and made otherwise.
    pub async fn provision(&self) -> Result<(), ProvisionError> {
        let failed = |cause| ProvisionError { table: self.name.to_string(), cause };
        self.create().await.map_err(failed)?;
        self.wait_until_active().await.map_err(failed)?;
        self.set_time_to_live().await.map_err(failed)
    }

    async fn create(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let create = self
            .dynamodb
            .create_table()
            .table_name(&*self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk")?)
            .attribute_definitions(attribute("customer_day")?)
            .key_schema(key("pk", KeyType::Hash)?)
            .global_secondary_indexes(by_day()?);
        match create.send().await {
            Err(error) if code(&error) == "ResourceInUseException" => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn wait_until_active(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let deadline = Instant::now() + Duration::from_secs(ACTIVE_SECS_MAX);
        loop {
            let described = self.dynamodb.describe_table().table_name(&*self.name).send().await?;
            let active = described.table.filter(|table| table.table_status == Some(TableStatus::Active));
            if let Some(table) = active {
                // It may have been there before, made by somebody else.
                return schema::difference(&table).map_or(Ok(()), |text| Err(text.into()));
            }
            if Instant::now() > deadline {
                return Err(format!("not active after {ACTIVE_SECS_MAX} s").into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn set_time_to_live(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let described = self.dynamodb.describe_time_to_live().table_name(&*self.name).send().await?;
        let status = described.time_to_live_description.and_then(|ttl| ttl.time_to_live_status);
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let ttl =
            TimeToLiveSpecification::builder().attribute_name("expires_at_unix_s").enabled(true).build()?;
        self.dynamodb
            .update_time_to_live()
            .table_name(&*self.name)
            .time_to_live_specification(ttl)
            .send()
            .await?;
        Ok(())
    }
}

/// Customer and day, then image id: rows without `customer_day` (leases, tombstones) are not in it.
fn by_day() -> Result<GlobalSecondaryIndex, BuildError> {
    GlobalSecondaryIndex::builder()
        .index_name(BY_DAY)
        .key_schema(key("customer_day", KeyType::Hash)?)
        .key_schema(key("pk", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
}

fn attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
}
