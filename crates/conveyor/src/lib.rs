//! Kafka: consume, handle, publish, commit; and tail. Written once for all stations.
//!
//! Owns the order of commits, back-pressure, retries, dead letters and the way in and out of a group. Knows the facts'
//! names and frames from `proto` and nothing about what a station does with a record.

mod backoff;
mod client;
mod config;
mod ends;
mod epoch;
pub mod group;
mod handler;
mod message;
mod metrics;
mod places;
mod publish;
mod record;
pub mod tail;
mod topic_ids;
mod watchdog;

pub use client::{CheckError, InvalidKafka};
pub use config::{BeltArgs, KafkaArgs, SaslMechanism, SecurityProtocol};
pub use epoch::{EpochError, Epochs, epochs};
pub use group::{Belt, run};
pub use handler::{Fault, Handler, Rejection, Subject};
pub use publish::{Headers, PublishError, Published, Publisher};
pub use record::{Offsets, Place, Record};
pub use tail::{Pulse, Tail, TailError, TailFrom, TailOf, Watermarks};
