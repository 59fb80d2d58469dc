//! Waiting for a condition with a deadline, the only way a test waits.

use std::time::{Duration, Instant};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Long enough for whatever a station does by itself, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until `condition` gives a value; panics with `what` when the deadline passes first.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(begun.elapsed() < deadline, "waited {} s in vain: {what}", deadline.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until `holds`, at most `PATIENCE`.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, PATIENCE, async || holds().await.then_some(())).await;
}
