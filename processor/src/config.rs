//! What of the processor can be set. Each part brings its own group; here stands what is the processor's alone.

use std::path::PathBuf;

use chassis::ChassisArgs;
use conveyor::{BeltArgs, KafkaArgs};
use darkroom::worker::PoolConfig;
use depot::DepotArgs;

/// Everything the processor is told at start.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "processor", version, about = "Station 2: originals become renditions.")]
pub struct Config {
    /// How the process reports and stops.
    #[command(flatten)]
    pub chassis: ChassisArgs,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How much is in hand at once. Images being worked on are two for each worker and two more, whatever their bytes:
    /// `SAFELIGHT_IN_FLIGHT_BYTES_MAX` follows from that here. What waits for its next try is not among them.
    #[command(flatten)]
    pub belt: BeltArgs,
    /// Where originals and renditions lie.
    #[command(flatten)]
    pub depot: DepotArgs,
    /// The worker processes, and what one original may cost.
    #[command(flatten)]
    pub pool: PoolConfig,
    /// The processor's own settings.
    #[command(flatten)]
    pub processor: ProcessorArgs,
}

/// The processor's own settings.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Processor")]
pub struct ProcessorArgs {
    /// Address of the schema registry.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", default_value = "http://127.0.0.1:8081")]
    pub schema_registry_url: String,

    /// Folder of further recipes, one `.toml` file each, and `customers.toml`, which says whose images get which; an image
    /// whose recipe is unknown is rejected, redrivable.
    #[arg(long, env = "SAFELIGHT_RECIPES_DIR")]
    pub recipes_dir: Option<PathBuf>,

    /// Tries that an image has, each with a new worker, where the host kills, stops or starves its worker; then it is
    /// rejected, and the letter names the host as the cause.
    #[arg(long, env = "SAFELIGHT_HOST_TRIES_MAX", default_value_t = 8)]
    pub host_tries_max: u32,
}
