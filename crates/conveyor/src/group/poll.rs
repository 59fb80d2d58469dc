//! Owns the poll thread: delivers records to the work, pauses and resumes, commits, drains, leaves. It never waits for a
//! record's work: a silent consumer is expelled after `max.poll.interval.ms`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio_util::sync::CancellationToken;

use super::assignment::{Admitted, Assignment};
use super::lag::Stalls;
use super::ledger::Commit;
use super::queue::Job;
use super::window::Window;
use super::work::Workshop;
use crate::client::{self, CheckError};
use crate::config::KafkaArgs;
use crate::epoch::{self, Epochs};
use crate::handler::Handler;
use crate::message::record_of;
use crate::metrics;
use crate::places::partition_list;
use crate::record::Place;

const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How long a poll may wait while the end of some work could mean something to do.
const POLL_BUSY: Duration = Duration::from_millis(5);
const POLL_IDLE: Duration = Duration::from_millis(100);
/// How far what is held must have shrunk before a pause ends.
const RESUME_BELOW: f32 = 0.5;
/// How long the last commit may take.
const LAST_COMMIT_MAX: Duration = Duration::from_secs(3);
const EPOCH_MAX: Duration = Duration::from_secs(5);

/// Says that another member has taken our place in the group, under the same name. This consumer is of no more use.
#[derive(Debug, thiserror::Error)]
#[error("another member took our place in the group")]
pub(crate) struct Fenced;

/// The poll thread's own things.
pub(crate) struct Poller<'a, H> {
    pub(crate) group: &'a str,
    pub(crate) kafka: &'a KafkaArgs,
    pub(crate) topics: &'a [Topic],
    pub(crate) consumer: &'a BaseConsumer<Assignment>,
    pub(crate) workshop: Arc<Workshop<H>>,
    pub(crate) epochs: Epochs,
    pub(crate) stalls: &'a Stalls,
    pub(crate) commits: SyncSender<Commit<Place>>,
    pub(crate) ready: &'a (dyn Fn(bool, &str) + Send + Sync),
    pub(crate) said: Option<bool>,
    pub(crate) paused: bool,
    /// The topics that a record came from: these we may read.
    pub(crate) read: BTreeSet<Topic>,
}

impl<H: Handler> Poller<'_, H> {
    /// Polls until `stop`, then drains. Fails when only a restart can help.
    pub(crate) fn run(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut committed = Instant::now();
        while !stop.is_cancelled() {
            self.poll_once()?;
            self.regulate();
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                self.commit();
                self.tell();
                if let Some((topic, partition)) = self.stalls.stuck() {
                    let secs = self.workshop.limits.stall_secs_max;
                    bail!("records of `{topic}` partition {partition} wait and nothing moved for {secs} s");
                }
            }
        }
        self.drain();
        Ok(())
    }

    fn poll_once(&mut self) -> anyhow::Result<()> {
        let wait = if self.paused { POLL_BUSY } else { POLL_IDLE };
        let consumer = self.consumer;
        match consumer.poll(wait) {
            None => Ok(()),
            Some(Ok(message)) => self.take(&message),
            Some(Err(error)) => self.hear(&error),
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        let Some(mut record) = record_of(message, &self.epochs) else { return Ok(()) };
        let admitted = self.workshop.assignment.state().admit(record.place(), record.offset);
        let Some(Admitted { generation, cancel, is_rewound }) = admitted else { return Ok(()) };
        if is_rewound {
            tracing::warn!(
                kafka.topic = record.topic.name(),
                "the log begins anew at offset {}",
                record.offset
            );
            self.epochs = epoch::ask(self.consumer.client(), self.kafka, self.topics, EPOCH_MAX)
                .context("learn the epoch of a log that begins anew")?;
            record.epoch = self.epochs.of(record.topic);
        }
        self.stalls.kafka_answered();
        self.read.insert(record.topic);
        self.workshop.take(Job::new(record, generation, cancel));
        Ok(())
    }

    /// Says what an error of the consumer means: a restart, or waiting.
    fn hear(&mut self, error: &KafkaError) -> anyhow::Result<()> {
        match error {
            KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId) => {
                return Err(Fenced.into());
            }
            KafkaError::MessageConsumptionFatal(_) => {
                return Err(error.clone()).context("consume from Kafka");
            }
            _ => {}
        }
        // Which topic it is about the client does not tell. Once all were read, rights come back as they went.
        if client::lacks_rights(error) && self.read.len() < self.topics.len() {
            return Err(CheckError::Refused(error.to_string())).context("consume from Kafka");
        }
        match error.rdkafka_error_code() {
            Some(code @ RDKafkaErrorCode::PollExceeded) => bail!("poll in time: {code}"),
            Some(RDKafkaErrorCode::AllBrokersDown) => self.stalls.kafka_lost(),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve,
            ) => tracing::debug!("consume from Kafka: {error}"),
            _ => tracing::warn!("consume from Kafka: {error}"),
        }
        Ok(())
    }

    /// Pauses what must not deliver now and resumes what may again.
    fn regulate(&mut self) {
        let load = self.workshop.queue().load();
        self.paused = load >= if self.paused { RESUME_BELOW } else { 1.0 };
        let (pause, resume) = self.to_change(self.paused, self.workshop.limits.window_records_max);
        metrics::paused(self.group, pause.len());
        // A partition that was revoked meanwhile fails here and is none of ours any more.
        if !pause.is_empty() && self.consumer.pause(&partition_list(pause)).is_err() {
            tracing::debug!("pause partitions that are no longer ours");
        }
        if !resume.is_empty() && self.consumer.resume(&partition_list(resume)).is_err() {
            tracing::debug!("resume partitions that are no longer ours");
        }
    }

    /// Returns what to pause and what to resume, and notes it as done.
    fn to_change(&self, pause_all: bool, window_max: usize) -> (Vec<Place>, Vec<Place>) {
        let mut state = self.workshop.assignment.state();
        let state = &mut *state;
        let (mut pause, mut resume) = (Vec::new(), Vec::new());
        for (place, lane) in &mut state.lanes {
            let span = state.ledger.window(*place).map_or(0, Window::span);
            let window_limit = if lane.paused { window_max / 4 * 3 } else { window_max };
            let wanted = pause_all || span > window_limit;
            if wanted != std::mem::replace(&mut lane.paused, wanted) {
                if wanted { pause.push(*place) } else { resume.push(*place) }
            }
        }
        (pause, resume)
    }

    fn commit(&self) {
        metrics::in_flight(self.group, self.workshop.hand.bytes());
        let Some(due) = self.workshop.assignment.state().take_commit() else { return };
        // Never full: only one commit is open at a time.
        let sent = self.commits.try_send(due);
        debug_assert!(sent.is_ok());
    }

    /// Tells readiness when it changes.
    fn tell(&mut self) {
        let joined = self.workshop.assignment.state().joined;
        let (up, why) = match (joined, self.stalls.is_kafka_lost()) {
            (_, true) => (false, "no broker answers"),
            (false, false) => (false, "waiting for the group"),
            (true, false) => (true, ""),
        };
        if self.said.replace(up) != Some(up) {
            (self.ready)(up, why);
            if up {
                tracing::info!(group = self.group, "consuming");
            } else {
                tracing::warn!(group = self.group, "not consuming: {why}");
            }
        }
    }

    /// Lets what is in hand end, commits it, and leaves the rest for the next member. Bounded.
    fn drain(&mut self) {
        (self.ready)(false, "draining");
        self.workshop.draining.cancel();
        self.workshop.queue().clear();
        let (pause, _) = self.to_change(true, 0);
        let _ = self.consumer.pause(&partition_list(pause));
        let deadline = Instant::now() + Duration::from_secs(self.workshop.limits.belt_drain_secs);
        let mut committed = Instant::now();
        while self.workshop.hand.records() > 0 && Instant::now() < deadline {
            // Still polling, so that the group sees us alive; what is delivered now is the next member's.
            let _ = self.consumer.poll(POLL_BUSY);
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                self.commit();
            }
        }
        let left = self.workshop.hand.records();
        if left > 0 {
            tracing::warn!(
                group = self.group,
                left,
                "the drain's time is over; the next member takes these up"
            );
        }
        self.workshop.assignment.state().abandon_all();
        self.commit_for_the_last_time();
    }

    fn commit_for_the_last_time(&self) {
        let deadline = Instant::now() + LAST_COMMIT_MAX;
        let is_open = || self.workshop.assignment.state().commit_open;
        let poll_until_answered = || {
            while is_open() && Instant::now() < deadline {
                let _ = self.consumer.poll(POLL_BUSY);
            }
        };
        poll_until_answered();
        self.commit();
        poll_until_answered();
    }
}
