//! Waiting for the world at start: what is wrong for good ends the process, what is away is waited for.

use std::time::Duration;

use crate::{Component, Shutdown};

const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// What a check of a dependency finds when not all is well.
#[derive(Debug)]
pub enum Probe {
    /// Wrong configuration or refused credentials: waiting will not help.
    Refused(anyhow::Error),
    /// Away for now.
    Unreachable(anyhow::Error),
}

/// The configuration is wrong: the process names it and exits with code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub String);

/// Repeats `check` with back-off (0.2 to 5 s) until it succeeds, then marks the component up.
///
/// Returns whether it was reached; `false` means the process was asked to stop meanwhile. Fails at the first refusal.
/// An absence is logged once.
pub async fn wait_until_reachable<F>(
    component: &Component,
    shutdown: &Shutdown,
    check: F,
) -> Result<bool, Misconfigured>
where
    F: AsyncFn() -> Result<(), Probe>,
{
    let mut back_off = BACK_OFF_FIRST;
    let mut is_named = false;
    loop {
        match check().await {
            Ok(()) => {
                component.up();
                return Ok(true);
            }
            Err(Probe::Refused(cause)) => {
                return Err(Misconfigured(format!("{}: {cause:#}", component.name())));
            }
            Err(Probe::Unreachable(cause)) if !is_named => {
                let why = format!("{cause:#}");
                tracing::warn!(component = component.name(), why, "waiting until it can be reached");
                component.down(&why);
                is_named = true;
            }
            Err(Probe::Unreachable(_)) => {}
        }
        tokio::select! {
            () = shutdown.triggered() => return Ok(false),
            () = tokio::time::sleep(back_off) => back_off = (back_off * 2).min(BACK_OFF_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Health;

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_waited_for() {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let kafka = health.component("kafka");
        let asked = AtomicU32::new(0);
        let reached =
            wait_until_reachable(&kafka, &shutdown, async || match asked.fetch_add(1, Ordering::Relaxed) {
                0..5 => Err(Probe::Unreachable(anyhow::anyhow!("connection refused"))),
                _ => Ok(()),
            });
        assert!(reached.await.unwrap());
        assert!(health.is_ready());
    }

    #[tokio::test]
    async fn what_refuses_ends_the_wait_with_its_name() {
        let (component, shutdown) = (Health::new().component("s3"), Shutdown::new());
        let refused = wait_until_reachable(&component, &shutdown, async || {
            Err(Probe::Refused(anyhow::anyhow!("InvalidAccessKeyId")))
        });
        assert_eq!(refused.await.unwrap_err().to_string(), "s3: InvalidAccessKeyId");
    }

    #[tokio::test]
    async fn a_shutdown_ends_the_wait() {
        let shutdown = Shutdown::new();
        shutdown.trigger();
        let component = Health::new().component("s3");
        let reached = wait_until_reachable(&component, &shutdown, async || {
            Err(Probe::Unreachable(anyhow::anyhow!("away")))
        });
        assert!(!reached.await.unwrap());
    }
}
