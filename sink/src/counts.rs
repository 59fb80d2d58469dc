//! What stays of images that have expired: how many of which kind, and nothing that tells one from another. A customer's
//! images of one day are counted together, as far as they had expired at a moment that belongs to the count.

use proto::{CustomerId, UnixMillis};
use serde::{Deserialize, Serialize};
use time::Date;

/// One customer's images of one day that had expired by `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayCounts {
    pub(crate) day: Date,
    pub(crate) customer: CustomerId,
    /// Every image with `expires_at` up to here is in, and no other.
    pub(crate) until: UnixMillis,
    pub(crate) counts: Vec<Count>,
}

/// Images that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    pub(crate) status: String,
    /// None where nobody could tell.
    pub(crate) source_format: Option<String>,
    /// As [`step`] counts it; none without an end.
    pub(crate) latency_ms: Option<i64>,
    pub(crate) images: i64,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
}

/// What stays when images expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CountsKept {
    /// Counts, bytes and latencies by day, type, customer and status.
    Aggregate,
    /// Nothing.
    Drop,
}

/// Returns the step in which a latency is counted: itself below 32 ms, above that the next lower number of five binary
/// digits, at most a sixteenth below. So a day has a few hundred different latencies however many images it has.
pub(crate) fn step(latency_ms: i64) -> i64 {
    let digits = 64 - latency_ms.max(0).leading_zeros();
    let shift = digits.saturating_sub(5);
    latency_ms.max(0) >> shift << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_step_is_never_above_its_latency_and_at_most_a_sixteenth_below(latency_ms in 0_i64..i64::MAX) {
            let step = step(latency_ms);
            prop_assert!(step <= latency_ms && latency_ms - step <= latency_ms / 16);
            prop_assert_eq!(super::step(step), step);
        }
    }

    #[test]
    fn a_week_has_few_steps() {
        let steps: std::collections::BTreeSet<i64> = (0..604_800).map(|secs| step(secs * 1000)).collect();
        assert!(steps.len() < 500, "{}", steps.len());
        assert_eq!([step(-1), step(0), step(31), step(120), step(1023)], [0, 0, 31, 120, 992]);
    }
}
