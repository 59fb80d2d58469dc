//! The depot's figures: how long S3 takes, by operation and outcome.

use std::time::Instant;

/// What was asked of S3.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Check,
    Deposit,
    DepositPart,
    Redeem,
    Open,
    Head,
    List,
    Claim,
    AbortStray,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Ok,
    Taken,
    Missing,
    Corrupt,
    Abandoned,
    Unavailable,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Check => "check",
            Operation::Deposit => "deposit",
            Operation::DepositPart => "deposit_part",
            Operation::Redeem => "redeem",
            Operation::Open => "open",
            Operation::Head => "head",
            Operation::List => "list",
            Operation::Claim => "claim",
            Operation::AbortStray => "abort_stray",
        }
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Taken => "taken",
            Outcome::Missing => "missing",
            Outcome::Corrupt => "corrupt",
            Outcome::Abandoned => "abandoned",
            Outcome::Unavailable => "unavailable",
        }
    }
}

/// Describes the metrics, once per process.
pub(crate) fn describe() {
    metrics::describe_histogram!(
        "safelight_depot_seconds",
        metrics::Unit::Seconds,
        "Time of S3 operations, retries included, by operation and outcome."
    );
}

/// Records that `operation`, begun at `begun`, ended as `outcome`.
pub(crate) fn ended(operation: Operation, outcome: Outcome, begun: Instant) {
    metrics::histogram!(
        "safelight_depot_seconds",
        "operation" => operation.name(),
        "outcome" => outcome.name()
    )
    .record(begun.elapsed().as_secs_f64());
}
