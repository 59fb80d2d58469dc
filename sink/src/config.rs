//! What of the sink can be set. Each part brings its own group; here stands what is the sink's alone.

use std::path::PathBuf;
use std::time::Duration;

use chassis::ChassisArgs;
use clap::value_parser;
use conveyor::{BeltArgs, KafkaArgs};
use depot::DepotArgs;
use gate::{GateArgs, SealArgs};

use crate::counts::CountsKept;
use crate::table::TableArgs;

/// Everything the sink is told at start.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "sink", version, about = "Station 3: facts become views.")]
pub struct Config {
    /// How the process reports and stops.
    #[command(flatten)]
    pub chassis: ChassisArgs,
    /// Where to listen and whom to believe.
    #[command(flatten)]
    pub gate: GateArgs,
    /// The key of cursors and event ids.
    #[command(flatten)]
    pub seal: SealArgs,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How much is in hand at once.
    #[command(flatten)]
    pub belt: BeltArgs,
    /// Where originals and renditions lie.
    #[command(flatten)]
    pub depot: DepotArgs,
    /// Where the rows are.
    #[command(flatten)]
    pub table: TableArgs,
    /// What the sink shows, and how often it sweeps.
    #[command(flatten)]
    pub sink: SinkArgs,
}

/// The sink's own settings.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Sink")]
pub struct SinkArgs {
    /// Address of the schema registry.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", default_value = "http://127.0.0.1:8081")]
    pub schema_registry_url: String,

    /// Folder of the statistics' database; it is read again from Kafka where it is lost.
    #[arg(long, env = "SAFELIGHT_DATA_DIR", default_value = ".safelight")]
    pub data_dir: PathBuf,

    /// Seconds an image lives, as ingest is told; lists and the sweep look back no further.
    #[arg(long, env = "SAFELIGHT_RETENTION_SECS", default_value_t = 7 * 86_400, value_parser = value_parser!(u64).range(60..=400 * 86_400))]
    pub retention_secs: u64,

    /// What the statistics keep of images that have expired: counts by day, type, customer and status, or nothing.
    #[arg(long, env = "SAFELIGHT_COUNTS_KEPT", value_enum, default_value_t = CountsKept::Aggregate)]
    pub counts_kept: CountsKept,

    /// Seconds between two looks for images that have expired since: the statistics forget which they were.
    #[arg(long, env = "SAFELIGHT_COUNTS_CLOSE_SECS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub counts_close_secs: u64,

    /// Live streams open at once in this process; beyond it 503.
    #[arg(long, env = "SAFELIGHT_STREAMS_MAX", default_value_t = 1000)]
    pub streams_max: usize,

    /// Live streams of one customer open at once in this process; beyond it 429.
    #[arg(long, env = "SAFELIGHT_STREAMS_PER_CUSTOMER_MAX", default_value_t = 50)]
    pub streams_per_customer_max: usize,

    /// Records that a returning client may have missed; beyond it the client is told to reload the list.
    #[arg(long, env = "SAFELIGHT_CATCH_UP_RECORDS_MAX", default_value_t = 10_000)]
    pub catch_up_records_max: u64,

    /// Seconds between two sweeps for originals without an end.
    #[arg(long, env = "SAFELIGHT_SWEEP_INTERVAL_SECS", default_value_t = 300, value_parser = value_parser!(u64).range(1..=86_400))]
    pub sweep_interval_secs: u64,

    /// Seconds an original may be without an end before the sweep publishes it again.
    #[arg(long, env = "SAFELIGHT_SWEEP_GRACE_SECS", default_value_t = 900)]
    pub sweep_grace_secs: u64,

    /// Originals that one sweep publishes again at most; the next one goes on.
    #[arg(long, env = "SAFELIGHT_SWEEP_ORIGINALS_MAX", default_value_t = 1000)]
    pub sweep_originals_max: usize,
}

impl SinkArgs {
    /// Returns how many days before today can hold an image that is alive.
    pub(crate) fn days_back(&self) -> u16 {
        u16::try_from(self.retention_secs.div_ceil(86_400)).unwrap_or(u16::MAX)
    }

    pub(crate) fn counts_close(&self) -> Duration {
        Duration::from_secs(self.counts_close_secs)
    }

    pub(crate) fn sweep_interval(&self) -> Duration {
        Duration::from_secs(self.sweep_interval_secs)
    }

    pub(crate) fn sweep_grace(&self) -> Duration {
        Duration::from_secs(self.sweep_grace_secs)
    }
}
