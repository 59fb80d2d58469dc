//! Kafka: consume, handle, publish, commit; and tail. Written once for all stations.
//!
//! Owns the order of commits, back-pressure, retries, dead letters and the way in and out of a group. Knows the facts'
//! names and frames from `proto` and nothing about what a station does with a record.

mod assignment;
mod backoff;
mod belt;
mod client;
mod committer;
mod config;
mod epoch;
mod handler;
mod headers;
mod lag;
pub mod ledger;
mod letter;
mod message;
mod metrics;
mod poll;
mod publisher;
mod record;
pub mod tail;
mod topic_ids;
mod watchdog;
pub mod window;
mod work;

pub use belt::{Belt, run};
pub use client::{CheckError, InvalidKafka};
pub use config::{BeltArgs, KafkaArgs, SaslMechanism, SecurityProtocol};
pub use epoch::{EpochError, Epochs, epochs};
pub use handler::{Fault, Handler, Rejection};
pub use headers::Headers;
pub use publisher::{PublishError, Published, Publisher};
pub use record::{Place, Record};
pub use tail::{Offsets, Tail, TailError, TailFrom, Watermarks};
