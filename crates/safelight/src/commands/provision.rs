//! `safelight provision`: topics, schemas, buckets and the table, where they are missing, on servers the environment names.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use conveyor::KafkaArgs;
use depot::{Depot, DepotArgs};
use proto::Codec;
use sink::{Table, TableArgs};

use crate::output;
use standins::kafka::{TopicPlan, provision};

const REGISTRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where, and how many.
#[derive(Debug, Args)]
pub(crate) struct ProvisionArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    depot: DepotArgs,
    #[command(flatten)]
    table: TableArgs,

    /// Address of the schema registry; without it no schema is registered now, and the stations do it at their start
    #[arg(long, env = "SCHEMA_REGISTRY_URL")]
    schema_registry_url: Option<String>,

    /// Partitions of a topic that is made now; never changed later
    #[arg(long, default_value_t = proto::PARTITIONS_LOCAL)]
    partitions: i32,

    /// Copies of every partition
    #[arg(long, default_value_t = 1)]
    replication_factor: i32,
}

/// Makes what is missing; what is there stays as it is.
pub(crate) async fn run(args: ProvisionArgs) -> anyhow::Result<ExitCode> {
    let plan =
        TopicPlan { partitions: args.partitions, replication: args.replication_factor, ..TopicPlan::local() };
    provision(&args.kafka, &plan).await.context("make the topics")?;
    output::message("topics are there");
    if let Some(url) = &args.schema_registry_url {
        Codec::new(url, REGISTRY_TIMEOUT)?.check().await.context("register the schemas")?;
        output::message("schemas are there");
    }
    Depot::open(&args.depot).await.provision().await.context("make the buckets")?;
    output::message("buckets are there");
    Table::open(&args.table).await.provision().await.context("make the table")?;
    output::message("the table is there");
    Ok(ExitCode::SUCCESS)
}
