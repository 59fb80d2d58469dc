//! The word that the process is to stop. Owns nothing but the word; who hears it drains by itself.

use tokio_util::sync::CancellationToken;

/// The exit code of a shell's interrupted command.
const INTERRUPTED: i32 = 130;

/// Tells every part of the process, once, that it is to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Makes a shutdown that nobody has asked for yet.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Makes a shutdown that SIGTERM or SIGINT asks for. A SIGINT after that ends the process at once, with code 130.
    ///
    /// Fails only if the process may not listen to signals.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Shutdown::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let asked = shutdown.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stop: finishing what is in hand");
            asked.trigger();
            // Whoever presses Ctrl-C twice does not want to wait for it; nothing acknowledged is lost by that.
            interrupt.recv().await;
            tracing::warn!("interrupted again: ending at once");
            std::process::exit(INTERRUPTED);
        });
        Ok(shutdown)
    }

    /// Asks everybody to stop. Asking twice is asking once.
    pub fn trigger(&self) {
        self.0.cancel();
    }

    /// Says whether the process is to stop.
    pub fn is_triggered(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the process is to stop.
    pub async fn triggered(&self) {
        self.0.cancelled().await;
    }

    /// Returns the token itself, for crates that do not know the chassis.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Makes a shutdown that stops with this one, and alone when it is triggered itself.
    pub fn child(&self) -> Shutdown {
        Shutdown(self.0.child_token())
    }
}
