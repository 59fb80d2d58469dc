//! How a process starts, reports and stops: configuration errors, logs, metrics, health, the admin port, signals, the
//! deadline.
//!
//! Owns the one lifecycle that every station has. Knows nothing about images, S3 or Kafka.

mod admin;
mod args;
mod descriptors;
mod health;
mod healthcheck;
mod metrics;
mod reach;
mod shutdown;
mod station;
mod telemetry;

pub use admin::serve as serve_admin;
pub use args::{ChassisArgs, LogFormat};
pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use health::{Component, Health, Report};
pub use reach::{Misconfigured, Probe, wait_until_reachable};
pub use shutdown::Shutdown;
pub use station::{Frame, main, run_framed};
pub use telemetry::{MetricsPage, init_logs, init_metrics};
