//! Owns saturation: as many clients as keep every core busy, each doing one image after the other, and a window in
//! which the images that came to their end are counted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// More than any machine has clients.
const CONNECTIONS_MAX: usize = 1024;

/// What was counted within the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Images that came to their end.
    pub images: u64,
    /// Of the window.
    pub secs: f64,
}

impl Counted {
    /// Images a second.
    pub(crate) fn rate(self) -> f64 {
        self.images as f64 / self.secs
    }
}

/// How hard and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Clients at the same time.
    pub clients: usize,
    /// Before the count begins.
    pub warm: Duration,
    /// Of the count.
    pub count: Duration,
}

/// An HTTP client that keeps a connection for each of many threads.
pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder();
    config.max_idle_connections(CONNECTIONS_MAX).max_idle_connections_per_host(CONNECTIONS_MAX).build().into()
}

/// Lets the clients of `window` do `image(client)` again and again, and counts. `probe` is called at both ends
/// of the count. Fails if any image did.
pub(crate) fn saturate<P>(
    window: Window,
    image: impl Fn(usize) -> Result<()> + Sync,
    probe: impl Fn() -> P,
) -> Result<(Counted, P, P)> {
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let failure = Mutex::new(None);
    let client = |number: usize| {
        while !stop.load(Ordering::Relaxed) {
            match image(number) {
                Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    *failure.lock().expect("nobody panics with the lock") = Some(error);
                    return;
                }
            };
        }
    };
    let counted = std::thread::scope(|scope| {
        for number in 0..window.clients {
            let client = &client;
            scope.spawn(move || client(number));
        }
        std::thread::sleep(window.warm);
        let (begun, first, before) = (Instant::now(), done.load(Ordering::Relaxed), probe());
        std::thread::sleep(window.count);
        let (images, after) = (done.load(Ordering::Relaxed) - first, probe());
        let secs = begun.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        (Counted { images, secs }, before, after)
    });
    if let Some(error) = failure.into_inner().expect("nobody panics with the lock") {
        return Err(error);
    }
    ensure!(counted.0.images > 0, "no image came to its end within {:?}", window.count);
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window { clients: 2, warm: Duration::ZERO, count: Duration::from_millis(30) }
    }

    #[test]
    fn what_ends_within_the_window_is_counted() {
        let one = |_| {
            std::thread::sleep(Duration::from_millis(2));
            Ok(())
        };
        let (counted, ..) = saturate(window(), one, || ()).unwrap();
        assert!((2..=40).contains(&counted.images), "{counted:?}");
        assert!(counted.rate() > 0.0);
    }

    #[test]
    fn an_image_that_failed_fails_the_count() {
        assert!(saturate(window(), |_| anyhow::bail!("no"), || ()).is_err());
    }
}
