//! Station 2: originals become renditions.
//!
//! Owns what happens between `ImageUploaded` and `ImageProcessed`: redeem, develop in a worker process, deposit,
//! publish. Every effect is idempotent by its key, so a record may come any number of times. Knows nothing about HTTP
//! or the table.

mod config;
mod develop;
mod handler;
mod metrics;
mod plan;
mod recipes;
mod setbacks;
mod station;
mod store;

pub use config::{Config, ProcessorArgs};
pub use plan::plan;
pub use recipes::Recipes;
pub use station::{Opened, open, run};
