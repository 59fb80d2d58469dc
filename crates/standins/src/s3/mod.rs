//! Owns the S3 server of the local stack: the protocol by `s3s`, the bytes in one folder, the index in SQLite.
//!
//! What is acknowledged is on the disk: blob synced, renamed, folder synced, index committed. Knows nothing
//! about images, topics or tables.

mod blobs;
mod checks;
mod conditions;
mod drain;
mod index;
mod lifecycle;
mod ops;
mod receive;
mod refusal;
mod rows;
mod serve;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

pub use self::lifecycle::Swept;
pub use self::serve::{Credentials, serve};

use self::blobs::Blobs;
use self::index::Index;

/// Why a folder could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the folder.
    #[error("`{0}` is in use by another process")]
    InUse(String),
    /// The folder cannot be read or written.
    #[error("use the folder of objects")]
    Folder(#[from] io::Error),
    /// The index cannot be opened, or it is damaged.
    #[error("open the index of objects")]
    Index(#[from] rusqlite::Error),
}

/// Why a sweep of the lifecycle rules did not finish. What it did stays done; the next one goes on.
#[derive(Debug, thiserror::Error)]
#[error("apply the lifecycle rules")]
pub struct SweepError(#[source] s3s::S3Error);

/// Buckets and objects in one folder. Clones share it; the last one closes it.
#[derive(Debug, Clone)]
pub struct Store {
    index: Arc<Index>,
    blobs: Arc<Blobs>,
    _lock: Arc<File>,
}

impl Store {
    /// Opens or creates the store in `dir` and collects what a crash left there.
    ///
    /// Blocks; call it before serving. Fails if another process has the folder open.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(dir)?;
        let lock = lock(dir)?;
        let blobs = Arc::new(Blobs::open(dir)?);
        let path = dir.join("index.sqlite");
        let index = Index::open(path.clone(), Arc::clone(&blobs))?;
        let strays = blobs.collect_strays(named_blobs(&path)?)?;
        if strays.removed > 0 {
            tracing::info!(s3.blobs = strays.removed, "removed blobs that a crash left behind");
        }
        if strays.missing > 0 {
            tracing::error!(s3.blobs = strays.missing, "objects have lost their bytes");
        }
        Ok(Self { index: Arc::new(index), blobs, _lock: lock })
    }

    /// Does everything that the lifecycle rules make due at `now`. Doing it twice changes nothing.
    pub async fn apply_lifecycle(&self, now: OffsetDateTime) -> Result<Swept, SweepError> {
        lifecycle::apply(self, now).await.map_err(SweepError)
    }
}

fn lock(dir: &Path) -> Result<Arc<File>, OpenError> {
    let file = File::options().create(true).write(true).truncate(false).open(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.display().to_string())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn named_blobs(path: &Path) -> rusqlite::Result<HashSet<String>> {
    rusqlite::Connection::open(path)?
        .prepare("SELECT blob FROM object WHERE blob IS NOT NULL UNION ALL SELECT blob FROM part")?
        .query_map([], |row| row.get(0))?
        .collect()
}
