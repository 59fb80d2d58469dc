//! Owns which life of the log an offset belongs to: the cluster's id and the topic's, or what the configuration says for
//! a broker that begins at offset 0 with every start. Offsets of different epochs never compare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::{Sha256, Topic};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::client::{self, CheckError, Ear, InvalidKafka};
use crate::config::KafkaArgs;
use crate::topic_ids::topic_ids;

/// The epoch of each topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs(BTreeMap<Topic, Arc<str>>);

/// Says why the epochs are not known.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The settings cannot be used.
    #[error(transparent)]
    Invalid(#[from] InvalidKafka),
    /// Kafka cannot be used right now.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl Epochs {
    /// Returns the topic's epoch.
    pub fn of(&self, topic: Topic) -> Arc<str> {
        self.0.get(&topic).cloned().unwrap_or_else(|| Arc::from(""))
    }

    /// Returns one short word for all of them together; it changes when any of them does.
    pub fn whole(&self) -> String {
        let joined: Vec<&str> = self.0.values().map(AsRef::as_ref).collect();
        Sha256::of(joined.join("/").as_bytes()).to_hex()[..16].to_owned()
    }
}

/// Asks the cluster for the epochs of `topics`. Fails when it does not answer within `timeout`, when it refuses us, and
/// while a topic does not exist.
pub async fn epochs(kafka: &KafkaArgs, topics: &[Topic], timeout: Duration) -> Result<Epochs, EpochError> {
    let (kafka, topics) = (kafka.clone(), topics.to_vec());
    let asked = tokio::task::spawn_blocking(move || {
        let ear = Ear::default();
        let config = client::common(&kafka)?;
        let asker: BaseConsumer<Ear> =
            config.create_with_context(ear.clone()).map_err(InvalidKafka::Client)?;
        // The error events of this client are only heard while it is polled.
        ask(asker.client(), &kafka, &topics, timeout).map_err(|cause| {
            while asker.poll(Duration::ZERO).is_some() {}
            EpochError::Check(ear.judge(&kafka, cause))
        })
    });
    asked.await.expect("asking does not panic")
}

/// Asks through a client that is already there; blocks.
pub(crate) fn ask<C: rdkafka::ClientContext>(
    client: &Client<C>,
    kafka: &KafkaArgs,
    topics: &[Topic],
    timeout: Duration,
) -> Result<Epochs, KafkaError> {
    if let Some(epoch) = &kafka.epoch {
        let epoch: Arc<str> = Arc::from(epoch.as_str());
        return Ok(Epochs(topics.iter().map(|topic| (*topic, Arc::clone(&epoch))).collect()));
    }
    if topics.is_empty() {
        return Ok(Epochs(BTreeMap::new()));
    }
    let cluster = client
        .fetch_cluster_id(timeout)
        .ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut))?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name()).collect();
    let ids = topic_ids(client, &names, timeout)?;
    let epoch = |id: Option<String>| match id {
        Some(id) => Arc::from(format!("{cluster}.{id}")),
        None => Arc::from(cluster.as_str()),
    };
    Ok(Epochs(topics.iter().copied().zip(ids.into_iter().map(epoch)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_configured_epoch_needs_no_broker_and_counts_for_every_topic() {
        let kafka = KafkaArgs { epoch: Some("start-1".into()), ..KafkaArgs::plaintext("127.0.0.1:1") };
        let known = epochs(&kafka, &Topic::ALL, Duration::from_secs(1)).await.unwrap();
        assert_eq!(&*known.of(Topic::Failed), "start-1");
        let other = KafkaArgs { epoch: Some("start-2".into()), ..kafka };
        let other = epochs(&other, &Topic::ALL, Duration::from_secs(1)).await.unwrap();
        assert_ne!(known.whole(), other.whole());
    }
}
