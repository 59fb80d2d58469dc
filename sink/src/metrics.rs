//! The sink's own metrics.

use std::future::Future;
use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// What the table was asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TableOperation {
    Apply,
    BatchGet,
    Check,
    Get,
    Lease,
    Query,
}

impl TableOperation {
    fn name(self) -> &'static str {
        match self {
            TableOperation::Apply => "apply",
            TableOperation::BatchGet => "batch_get",
            TableOperation::Check => "check",
            TableOperation::Get => "get",
            TableOperation::Lease => "lease",
            TableOperation::Query => "query",
        }
    }
}

/// Describes every metric of the sink. Called once per process; again changes nothing.
pub(crate) fn describe() {
    describe_histogram!(
        "safelight_table_seconds",
        Unit::Seconds,
        "Time of one DynamoDB operation, retries included."
    );
    describe_counter!("safelight_table_facts_total", "Facts by what became of them in the table.");
    describe_gauge!("safelight_stream_clients", "Open live streams.");
    describe_counter!("safelight_stream_resets_total", "Live streams told to reload the list.");
    describe_counter!(
        "safelight_stream_slow_total",
        "Live streams closed because their client did not keep up."
    );
    describe_counter!("safelight_facts_total", "Facts written to the statistics.");
    describe_counter!("safelight_sweep_republished_total", "Originals published again by the sweep.");
    gauge!("safelight_stream_clients").set(0.0);
    counter!("safelight_sweep_republished_total").absolute(0);
}

/// Awaits a DynamoDB call and records how long it took.
pub(crate) async fn timed<T, E>(
    operation: TableOperation,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let result = call.await;
    let outcome = if result.is_ok() { "ok" } else { "error" };
    histogram!("safelight_table_seconds", "operation" => operation.name(), "outcome" => outcome)
        .record(begun.elapsed().as_secs_f64());
    result
}

/// Counts a fact by its fate in the table: `written`, `superseded`, `expired` or `nameless`.
pub(crate) fn fact_seen(outcome: &'static str) {
    counter!("safelight_table_facts_total", "outcome" => outcome).increment(1);
}

/// Counts a live stream that opened.
pub(crate) fn stream_opened() {
    gauge!("safelight_stream_clients").increment(1.0);
}

/// Counts a live stream that ended.
pub(crate) fn stream_closed() {
    gauge!("safelight_stream_clients").decrement(1.0);
}

/// Counts a live stream that was told to reload the list.
pub(crate) fn stream_reset() {
    counter!("safelight_stream_resets_total").increment(1);
}

/// Counts a live stream that was closed because its client did not keep up.
pub(crate) fn stream_slow() {
    counter!("safelight_stream_slow_total").increment(1);
}

/// Counts facts written to the statistics.
pub(crate) fn facts_written(count: u64) {
    counter!("safelight_facts_total").increment(count);
}

/// Counts originals that the sweep published again.
pub(crate) fn republished(count: u64) {
    counter!("safelight_sweep_republished_total").increment(count);
}
