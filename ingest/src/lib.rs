//! Station 1: bytes become a fact.
//!
//! Takes an image in over HTTP, screens its head, streams it into S3 and says so in Kafka; only then is it acknowledged. Has
//! no table and no memory of its own: idempotency lives in S3, so that any instance may answer a retry.

mod admission;
mod config;
mod filename;
mod http;
mod intake;
mod metrics;
mod picture;
mod screen;
mod share;
mod station;
mod strays;
mod worlds;

#[cfg(test)]
mod sample;

pub use config::{Config, IngestArgs};
pub use http::{Router, openapi};
pub use station::{Opened, open, run};
