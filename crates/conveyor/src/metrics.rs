//! Every number this crate counts. Labels come from closed sets: topics, partitions, outcomes.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use proto::Topic;

use crate::record::Place;

/// Describes the metrics to the exporter. Again changes nothing.
pub(crate) fn describe() {
    describe_counter!(
        "safelight_conveyor_records_total",
        "Records that came to their end, by topic and outcome."
    );
    describe_counter!(
        "safelight_conveyor_retries_total",
        "Tries of a record that failed and were to be repeated."
    );
    describe_counter!("safelight_conveyor_panics_total", "Panics of a handler over a record.");
    describe_histogram!("safelight_conveyor_handle_seconds", Unit::Seconds, "Time of one try of one record.");
    describe_gauge!("safelight_conveyor_lag_records", "Records that the group has not committed yet.");
    describe_gauge!("safelight_conveyor_in_flight_bytes", Unit::Bytes, "Bytes of the records in hand.");
    describe_gauge!(
        "safelight_conveyor_set_aside_records",
        "Records that failed again and again and wait aside for the world to be right, by group."
    );
    describe_counter!(
        "safelight_conveyor_pauses_total",
        "Partitions paused because too much was in hand, by group."
    );
    describe_histogram!(
        "safelight_conveyor_publish_seconds",
        Unit::Seconds,
        "Time from handing a record over to its acknowledgement by all replicas."
    );
    describe_counter!(
        "safelight_conveyor_publish_failures_total",
        "Records that were not acknowledged, by kind."
    );
}

/// Shows a belt's counters from the start: an alert on a rise does not see a counter's first step out of nothing.
pub(crate) fn begin_belt(group: &str, topics: &[Topic]) {
    describe();
    in_flight(group, 0);
    paused(group, 0);
    for topic in topics {
        counter!("safelight_conveyor_retries_total", "topic" => topic.name()).absolute(0);
        counter!("safelight_conveyor_panics_total", "topic" => topic.name()).absolute(0);
    }
}

/// Shows a publisher's counters from the start.
pub(crate) fn begin_publisher() {
    describe();
    for topic in Topic::ALL {
        for kind in ["rejected", "unavailable", "overloaded", "codec"] {
            counter!("safelight_conveyor_publish_failures_total", "topic" => topic.name(), "kind" => kind)
                .absolute(0);
        }
    }
}

/// How a record ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Done,
    Rejected,
}

pub(crate) fn record_ended(topic: Topic, outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Done => "done",
        Outcome::Rejected => "rejected",
    };
    counter!("safelight_conveyor_records_total", "topic" => topic.name(), "outcome" => outcome).increment(1);
}

pub(crate) fn record_retried(topic: Topic) {
    counter!("safelight_conveyor_retries_total", "topic" => topic.name()).increment(1);
}

pub(crate) fn handler_panicked(topic: Topic) {
    counter!("safelight_conveyor_panics_total", "topic" => topic.name()).increment(1);
}

pub(crate) fn handled_in(topic: Topic, took: Duration) {
    histogram!("safelight_conveyor_handle_seconds", "topic" => topic.name()).record(took.as_secs_f64());
}

pub(crate) fn lag(group: &str, (topic, partition): Place, records: i64) {
    let labels =
        [("group", group.to_owned()), ("topic", topic.name().into()), ("partition", partition.to_string())];
    #[expect(clippy::cast_precision_loss, reason = "a lag of 2^52 records is not met")]
    gauge!("safelight_conveyor_lag_records", &labels).set(records as f64);
}

pub(crate) fn in_flight(group: &str, bytes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "bounded by a memory limit, far below 2^52")]
    gauge!("safelight_conveyor_in_flight_bytes", "group" => group.to_owned()).set(bytes as f64);
}

pub(crate) fn set_aside(group: &str, records: usize) {
    #[expect(clippy::cast_precision_loss, reason = "bounded by a limit, far below 2^52")]
    gauge!("safelight_conveyor_set_aside_records", "group" => group.to_owned()).set(records as f64);
}

pub(crate) fn paused(group: &str, partitions: usize) {
    counter!("safelight_conveyor_pauses_total", "group" => group.to_owned()).increment(partitions as u64);
}

pub(crate) fn published(topic: Topic, took: Duration) {
    histogram!("safelight_conveyor_publish_seconds", "topic" => topic.name()).record(took.as_secs_f64());
}

pub(crate) fn publish_failed(topic: Topic, kind: &'static str) {
    counter!("safelight_conveyor_publish_failures_total", "topic" => topic.name(), "kind" => kind)
        .increment(1);
}

/// Shows a tail's metrics from the start.
pub(crate) fn begin_tail(tail: &'static str) {
    describe_gauge!("safelight_tail_live", "1 while a tail has read all there is, or reads on; else 0.");
    describe_gauge!("safelight_tail_lag_records", "Records that a tail has not read yet.");
    describe_counter!(
        "safelight_tail_stalls_total",
        "Tails begun anew because records waited and nothing moved."
    );
    tail_not_live(tail);
    counter!("safelight_tail_stalls_total", "tail" => tail).absolute(0);
}

pub(crate) fn tail_live(tail: &'static str) {
    gauge!("safelight_tail_live", "tail" => tail).set(1.0);
}

pub(crate) fn tail_not_live(tail: &'static str) {
    gauge!("safelight_tail_live", "tail" => tail).set(0.0);
}

pub(crate) fn tail_lag(tail: &'static str, records: i64) {
    #[expect(clippy::cast_precision_loss, reason = "a lag of 2^52 records is not met")]
    gauge!("safelight_tail_lag_records", "tail" => tail).set(records as f64);
}

pub(crate) fn tail_stalled(tail: &'static str) {
    counter!("safelight_tail_stalls_total", "tail" => tail).increment(1);
}
