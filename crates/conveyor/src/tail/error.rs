//! Why a tail ends early, by what its user can do.

use proto::Topic;
use rdkafka::error::KafkaError;

use crate::epoch::EpochError;

/// Says why a tail, or a range, ended early.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// An offset is no longer there, or not yet: begin anew.
    #[error("read from an offset that the log does not have")]
    OutOfRange,
    /// Records wait and nothing has moved for too long: open another.
    #[error("read on: records of `{topic}` partition {partition} wait and nothing moves")]
    Stalled {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: i32,
    },
    /// Kafka cannot be used right now, or refuses us.
    #[error(transparent)]
    Kafka(#[from] EpochError),
    /// The client is broken: open another.
    #[error("tail Kafka")]
    Broken(#[source] KafkaError),
    /// The system has no thread left to read on: try again later.
    #[error("start a thread that reads Kafka")]
    NoThread(#[source] std::io::Error),
}
