//! The chassis' own configuration.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// How the process reports and stops.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Process")]
pub struct ChassisArgs {
    /// Where `/livez`, `/readyz` and `/metrics` are served; port 0 takes a free one.
    #[arg(long, env = "SAFELIGHT_ADMIN_ADDR", default_value = "127.0.0.1:9464")]
    pub admin_addr: SocketAddr,

    /// Seconds to finish what is in hand after SIGTERM; what is unfinished then is redelivered to others.
    #[arg(long, env = "SAFELIGHT_DRAIN_SECS", default_value_t = 20)]
    pub drain_secs: u64,

    /// The form of the log on stderr.
    #[arg(long, env = "SAFELIGHT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Ask the running process on the admin address for its readiness and exit 0 or 1.
    #[arg(long)]
    pub healthcheck: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Plain text, for eyes.
    Text,
}

impl ChassisArgs {
    /// Returns how long a drain may take.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_secs)
    }
}
