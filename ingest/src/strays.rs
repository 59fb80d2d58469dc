//! Tidying up behind processes that were killed in the middle of an upload: S3 keeps the parts that they stored. Owns when it
//! is looked for them; every instance may, and nobody else begins uploads in parts.

use std::time::Duration;

use chassis::Shutdown;
use depot::Depot;

/// What clocks may differ by, and how often it is looked.
const MINUTE: Duration = Duration::from_secs(60);

/// Aborts what is older than any upload may get, at once and then on a timer, until `shutdown`.
pub(crate) async fn clear(depot: Depot, upload_time_max: Duration, shutdown: Shutdown) {
    let pause = upload_time_max.min(MINUTE);
    loop {
        match depot.abort_strays(upload_time_max + pause).await {
            Ok(0) => {}
            Ok(strays) => {
                tracing::info!(uploads = strays, "abort the unfinished uploads of a process that is gone");
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(error, "cannot clear unfinished uploads; try again later");
            }
        }
        tokio::select! {
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
