//! What runs beside the group that writes rows: the live stream's reader, the statistics, the sweep. Owns that none of
//! them ends unseen: without one of them the station would go on and show less and less of the truth.

use anyhow::{Context as _, bail};
use chassis::Shutdown;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The parts by name; dropped, they end.
pub(crate) type Parts = JoinSet<&'static str>;

/// Runs the group until it has ended. If one of the parts fails or ends before it was told to, stops the group with
/// `stop`, lets it finish what is in hand, and fails with that part's failure.
pub(crate) async fn run(
    group: impl Future<Output = anyhow::Result<()>>,
    parts: Parts,
    stop: CancellationToken,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    tokio::pin!(group);
    let failure = tokio::select! {
        // A group that failed for good ends the station; the rest goes on only as long as it.
        ended = &mut group => return ended,
        failure = failure(parts, &shutdown) => failure,
    };
    let Some(failure) = failure else { return group.await };
    stop.cancel();
    if let Err(error) = group.await {
        tracing::warn!("stop the group: {error:#}");
    }
    Err(failure)
}

/// Returns the failure of the first part that fails; none once all have ended as they were told to.
async fn failure(mut parts: Parts, shutdown: &Shutdown) -> Option<anyhow::Error> {
    let watched = async {
        while let Some(ended) = parts.join_next().await {
            let name = ended.context("run beside the group: a part of the station failed")?;
            if !shutdown.is_triggered() {
                bail!("run beside the group: `{name}` ended by itself");
            }
        }
        Ok(())
    };
    watched.await.err()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group that ends once it is told to stop, as ours does.
    async fn group(stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        Ok(())
    }

    async fn run_with(
        parts: Parts,
        shutdown: Shutdown,
        group: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let ended = run(group, parts, shutdown.token(), shutdown.clone());
        tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.expect("it ends")
    }

    #[tokio::test]
    async fn a_part_that_panics_or_ends_by_itself_ends_the_station() {
        for panics in [true, false] {
            let shutdown = Shutdown::new();
            let mut parts = Parts::new();
            let told = shutdown.clone();
            parts.spawn(async move {
                told.triggered().await;
                "one that goes on"
            });
            parts.spawn(async move {
                assert!(!panics, "it is broken");
                "the short one"
            });
            let ended = run_with(parts, shutdown.clone(), group(shutdown.token())).await;
            let text = format!("{:#}", ended.expect_err("a part is gone"));
            assert!(text.contains(if panics { "panicked" } else { "`the short one` ended" }), "{text}");
        }
    }

    #[tokio::test]
    async fn parts_that_end_when_told_to_leave_the_group_to_finish() {
        let shutdown = Shutdown::new();
        let mut parts = Parts::new();
        let told = shutdown.clone();
        parts.spawn(async move {
            told.triggered().await;
            "one that was told"
        });
        shutdown.trigger();
        run_with(parts, shutdown.clone(), group(shutdown.token())).await.unwrap();
        let failing = async { anyhow::bail!("the group is broken") };
        let mut parts = Parts::new();
        parts.spawn(std::future::pending());
        assert!(run_with(parts, Shutdown::new(), failing).await.is_err());
    }
}
