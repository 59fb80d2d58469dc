//! What of ingest can be set. Each part brings its own group; here stands what is ingest's alone.

use std::path::PathBuf;
use std::time::Duration;

use chassis::{ChassisArgs, Misconfigured};
use clap::value_parser;
use conveyor::KafkaArgs;
use depot::DepotArgs;
use gate::GateArgs;

/// Everything ingest is told at start.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "ingest", version, about = "Station 1: bytes become a fact.")]
pub struct Config {
    /// How the process reports and stops.
    #[command(flatten)]
    pub chassis: ChassisArgs,
    /// Where to listen and whom to believe.
    #[command(flatten)]
    pub gate: GateArgs,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Where originals lie.
    #[command(flatten)]
    pub depot: DepotArgs,
    /// What is taken in, and how much at once.
    #[command(flatten)]
    pub ingest: IngestArgs,
}

/// Ingest's own settings.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Ingest")]
pub struct IngestArgs {
    /// Address of the schema registry.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", default_value = "http://127.0.0.1:8081")]
    pub schema_registry_url: String,

    /// Bytes of one image; a longer one is refused with 413.
    #[arg(long, env = "SAFELIGHT_FILE_BYTES_MAX", default_value_t = 20 << 20, value_parser = value_parser!(u64).range(1..=5 << 30))]
    pub file_bytes_max: u64,

    /// Width times height that a header may announce; more is refused with 422.
    #[arg(long, env = "SAFELIGHT_DECODE_PIXELS_MAX", default_value_t = 50_000_000)]
    pub decode_pixels_max: u64,

    /// Width or height that a header may announce; more is refused with 422.
    #[arg(long, env = "SAFELIGHT_SIDE_PIXELS_MAX", default_value_t = 16_384)]
    pub side_pixels_max: u32,

    /// Uploads in hand at once; beyond it 503 `overloaded`.
    #[arg(long, env = "SAFELIGHT_UPLOADS_MAX", default_value_t = 256, value_parser = value_parser!(u32).range(1..=100_000))]
    pub uploads_max: u32,

    /// Bytes that uploads in hand may hold in memory; beyond it 503 `overloaded`.
    #[arg(long, env = "SAFELIGHT_UPLOADS_BYTES_MAX", default_value_t = 512 << 20)]
    pub uploads_bytes_max: u64,

    /// Percent of the uploads in hand and of their bytes that one customer may hold; beyond it 429 for this customer alone.
    #[arg(long, env = "SAFELIGHT_CUSTOMER_UPLOADS_PERCENT_MAX", default_value_t = 25, value_parser = value_parser!(u32).range(1..=100))]
    pub customer_uploads_percent_max: u32,

    /// Seconds one upload may take; past it a retry with the same Idempotency-Key takes over, sooner (10 s) where the retry's
    /// body is no longer than a part. Longer than a body may take.
    #[arg(long, env = "SAFELIGHT_UPLOAD_SECS_MAX", default_value_t = 420, value_parser = value_parser!(u64).range(1..=86_400))]
    pub upload_secs_max: u64,

    /// Seconds an image lives; every object and row of it goes then.
    #[arg(long, env = "SAFELIGHT_RETENTION_SECS", default_value_t = 7 * 86_400, value_parser = value_parser!(u64).range(60..=400 * 86_400))]
    pub retention_secs: u64,

    /// Folder of recipes, one `.toml` file each, and `customers.toml`, which says whose images get which; the processor must
    /// have the same.
    #[arg(long, env = "SAFELIGHT_RECIPES_DIR")]
    pub recipes_dir: Option<PathBuf>,

    /// Seconds between two looks at Kafka and S3; while one of them is away uploads are refused before a byte is read.
    #[arg(long, env = "SAFELIGHT_PROBE_INTERVAL_SECS", default_value_t = 2, value_parser = value_parser!(u64).range(1..=60))]
    pub probe_interval_secs: u64,
}

impl IngestArgs {
    pub(crate) fn upload_time_max(&self) -> Duration {
        Duration::from_secs(self.upload_secs_max)
    }

    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_secs)
    }

    pub(crate) fn probe_interval(&self) -> Duration {
        Duration::from_secs(self.probe_interval_secs)
    }
}

impl Config {
    /// Refuses settings that contradict each other, all of them at once.
    pub(crate) fn check(&self) -> Result<(), Misconfigured> {
        let mut wrong = Vec::new();
        if self.ingest.upload_secs_max <= self.gate.http_body_secs_max {
            wrong.push("SAFELIGHT_UPLOAD_SECS_MAX must be more than SAFELIGHT_HTTP_BODY_SECS_MAX");
        }
        if self.ingest.uploads_bytes_max < depot::PART_BYTES as u64 {
            wrong.push("SAFELIGHT_UPLOADS_BYTES_MAX must hold one part of 8 MiB");
        }
        if wrong.is_empty() { Ok(()) } else { Err(Misconfigured(wrong.join("; "))) }
    }
}
