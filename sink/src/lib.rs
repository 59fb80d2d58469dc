//! Station 3: facts become views.
//!
//! Applies every fact to one row per image, shows rows over HTTP and as a live stream, counts them, and publishes again
//! what lost its way. Writes nothing to S3 and decodes no pixels.

mod apply;
mod beside;
mod config;
mod counts;
mod fact;
mod facts;
mod http;
mod image;
mod metrics;
mod order;
mod original;
mod retention;
mod station;
mod stream;
mod table;

#[cfg(test)]
mod sample;

pub use config::{Config, SinkArgs};
pub use counts::CountsKept;
pub use http::{Router, openapi};
pub use retention::{Sweep, Swept};
pub use station::{Opened, open, run};
pub use table::{CheckError, Endpoint, ProvisionError, Table, TableArgs, Unavailable};
