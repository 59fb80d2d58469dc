//! Owns the making of the topics, with the partitions, sizes and retention the house has decided. Changes nothing that
//! is there: a partition count cannot be changed in place, and an operator's setting is theirs.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use conveyor::KafkaArgs;
use proto::{PARTITIONS_LOCAL, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};

const ANSWER_MAX: Duration = Duration::from_secs(15);
const SETTLE_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How the topics are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Of every topic.
    pub partitions: i32,
    /// Of every topic; with three, two must have a record before it is acknowledged.
    pub replication: i32,
    /// How long a record is kept.
    pub retention: Duration,
    /// How long a segment stays open: records outlive `retention` by up to this.
    pub segment: Duration,
}

/// What was found and made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioned {
    /// Made now.
    pub created: Vec<Topic>,
    /// There before.
    pub existing: Vec<Topic>,
}

impl TopicPlan {
    /// The local stack: one broker, twelve partitions, seven days.
    pub fn local() -> TopicPlan {
        TopicPlan {
            partitions: PARTITIONS_LOCAL,
            replication: 1,
            retention: Duration::from_secs(7 * 24 * 3600),
            segment: Duration::from_secs(3600),
        }
    }
}

/// Makes every topic of the house that is missing and returns when all of them have leaders. Twice is once. Fails when a
/// topic is there with another number of partitions.
pub async fn provision(kafka: &KafkaArgs, plan: &TopicPlan) -> anyhow::Result<Provisioned> {
    let admin: AdminClient<DefaultClientContext> =
        kafka.client_config()?.create().context("make a Kafka admin client")?;
    let settings: Vec<(Topic, Vec<(&str, String)>)> =
        Topic::ALL.into_iter().map(|topic| (topic, topic_settings(topic, plan))).collect();
    let wanted: Vec<NewTopic<'_>> = settings
        .iter()
        .map(|(topic, settings)| {
            let new = NewTopic::new(topic.name(), plan.partitions, TopicReplication::Fixed(plan.replication));
            settings.iter().fold(new, |new, (name, value)| new.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX));
    let answers = admin.create_topics(&wanted, &options).await.context("create topics")?;
    let mut done = Provisioned::default();
    for (topic, answer) in Topic::ALL.into_iter().zip(answers) {
        match answer {
            Ok(_) => done.created.push(topic),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => done.existing.push(topic),
            Err((name, code)) => bail!("create topic `{name}`: {code}"),
        }
    }
    wait_for_leaders(admin, *plan).await?;
    Ok(done)
}

fn topic_settings(topic: Topic, plan: &TopicPlan) -> Vec<(&'static str, String)> {
    let in_sync_min = if plan.replication >= 3 { 2 } else { 1 };
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", plan.retention.as_millis().to_string()),
        // Retention acts on closed segments only.
        ("segment.ms", plan.segment.as_millis().to_string()),
        // The broker's clock: retention cannot be stretched by a producer whose clock is wrong.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("max.message.bytes", topic.message_bytes_max().to_string()),
        ("min.insync.replicas", in_sync_min.to_string()),
    ]
}

async fn wait_for_leaders(admin: AdminClient<DefaultClientContext>, plan: TopicPlan) -> anyhow::Result<()> {
    let waited = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            let metadata = admin.inner().fetch_metadata(None, ANSWER_MAX).context("ask for topics")?;
            match Topic::ALL.into_iter().find(|topic| !is_led(&admin, &metadata, *topic)) {
                None => return check_partitions(&metadata, &plan),
                Some(topic) => ensure!(Instant::now() < deadline, "topic `{topic}` gets no leader"),
            }
            std::thread::sleep(LOOK_EVERY);
        }
    });
    waited.await?
}

fn found(metadata: &Metadata, topic: Topic) -> Option<&MetadataTopic> {
    metadata.topics().iter().find(|found| found.name() == topic.name())
}

/// Says whether every partition has a leader that knows it is one: the metadata runs ahead of the brokers.
fn is_led(admin: &AdminClient<DefaultClientContext>, metadata: &Metadata, topic: Topic) -> bool {
    let Some(found) = found(metadata, topic).filter(|found| !found.partitions().is_empty()) else {
        return false;
    };
    let answers = |partition: &MetadataPartition| {
        let asked = admin.inner().fetch_watermarks(topic.name(), partition.id(), ANSWER_MAX);
        partition.leader() >= 0 && asked.is_ok()
    };
    found.partitions().iter().all(answers)
}

fn check_partitions(metadata: &Metadata, plan: &TopicPlan) -> anyhow::Result<()> {
    for topic in Topic::ALL {
        let partitions = found(metadata, topic).map_or(0, |found| found.partitions().len());
        ensure!(
            i32::try_from(partitions).ok() == Some(plan.partitions),
            "topic `{topic}` has {partitions} partitions, and {} are wanted: keys would move, so it is not changed",
            plan.partitions
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_topic_takes_larger_records_and_three_replicas_need_two_in_sync() {
        let of = |topic, plan: &TopicPlan, name: &str| {
            topic_settings(topic, plan).into_iter().find(|(known, _)| *known == name).unwrap().1
        };
        let aws = TopicPlan { replication: 3, partitions: 48, ..TopicPlan::local() };
        assert_eq!(of(Topic::Failed, &aws, "max.message.bytes"), (2 << 20).to_string());
        assert_eq!(of(Topic::Uploaded, &aws, "max.message.bytes"), (256 << 10).to_string());
        assert_eq!(of(Topic::Uploaded, &aws, "min.insync.replicas"), "2");
        assert_eq!(of(Topic::Uploaded, &TopicPlan::local(), "retention.ms"), "604800000");
    }
}
