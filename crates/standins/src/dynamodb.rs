//! Owns the DynamoDB server of the local stack: dynoxide over one SQLite file, and the timer of its TTL.
//!
//! Refuses to share a runtime: dynoxide works its SQLite on the thread that polls it, so that it gets a
//! thread of its own. It looks at the shape of credentials, not at the keys: it belongs on the loopback.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use dynoxide::Database;
use tokio::sync::watch;

/// The name of the database file in the folder.
pub const FILE_NAME: &str = "dynamodb.sqlite";

/// Why the tables could not be opened or served.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbError {
    /// The folder cannot be made or its path is not UTF-8.
    #[error("use the folder of tables")]
    Folder(#[source] io::Error),
    /// The database file cannot be opened, or it is damaged.
    #[error("open the tables")]
    Open(#[source] dynoxide::DynoxideError),
    /// The listener or the thread cannot be had.
    #[error("serve the tables")]
    Serve(#[source] io::Error),
}

/// A running server. Dropped, it stops.
#[derive(Debug)]
pub struct DynamoDb {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the tables in `dir` and serves them on `listener`; expired items go every `sweep_every`.
    ///
    /// Every acknowledged write is committed with `synchronous=FULL`.
    pub fn start(
        dir: &Path,
        listener: std::net::TcpListener,
        sweep_every: Duration,
    ) -> Result<Self, DynamoDbError> {
        std::fs::create_dir_all(dir).map_err(DynamoDbError::Folder)?;
        let path = dir.join(FILE_NAME);
        let path = path.to_str().ok_or_else(|| {
            DynamoDbError::Folder(io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))
        })?;
        let database = Database::new(path).map_err(DynamoDbError::Open)?;
        let address = listener.local_addr().map_err(DynamoDbError::Serve)?;
        listener.set_nonblocking(true).map_err(DynamoDbError::Serve)?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("dynamodb".into())
            .spawn(move || {
                if let Err(error) = run(database, listener, sweep_every, stopped) {
                    tracing::error!(error = format!("{error:#}"), "the table server ended");
                }
            })
            .map_err(DynamoDbError::Serve)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// The address it serves on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Finishes the requests in hand and closes the file.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the thread itself.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        // Told to stop, not waited for: `stop` is the way that waits.
        let _ = self.stop.send(true);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(
    database: Database,
    listener: std::net::TcpListener,
    sweep_every: Duration,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let sweeper = tokio::spawn(sweep(database.clone(), sweep_every));
    let served = dynoxide::server::serve_with_shutdown(listener, database, until(stopped)).await;
    sweeper.abort();
    served.map_err(anyhow::Error::msg)
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same as a word from it.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

async fn sweep(database: Database, every: Duration) {
    let mut timer = tokio::time::interval(every);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => tracing::info!(dynamodb.items = items, "removed expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "could not remove expired items"),
            Err(error) => tracing::error!(%error, "the removal of expired items broke"),
        }
    }
}
