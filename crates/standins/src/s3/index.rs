//! Owns the SQLite index: one writer thread that commits concurrent changes together, and a few readers.
//!
//! A change is acknowledged after the commit that contains it, never before. Knows nothing about S3
//! beyond its error type; what a change does is the caller's closure.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use s3s::{S3Error, S3Result, s3_error};
use tokio::sync::{mpsc, oneshot};

use super::blobs::{Blobs, Placed};

const CHANGES_PER_COMMIT_MAX: usize = 128;
const CHANGES_WAITING_MAX: usize = 1024;
const READERS_KEPT_MAX: usize = 4;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS bucket (
    name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, versioning TEXT NOT NULL, lifecycle TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL,
    latest INTEGER NOT NULL, marker INTEGER NOT NULL, modified_ms INTEGER NOT NULL, noncurrent_ms INTEGER,
    size INTEGER NOT NULL, etag TEXT NOT NULL, blob TEXT, attributes TEXT NOT NULL, tags TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS object_version ON object (bucket, key, version);
CREATE UNIQUE INDEX IF NOT EXISTS object_latest ON object (bucket, key) WHERE latest = 1;
CREATE INDEX IF NOT EXISTS object_order ON object (bucket, key, seq DESC);
CREATE TABLE IF NOT EXISTS upload (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated_ms INTEGER NOT NULL,
    plan TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS upload_order ON upload (bucket, key, id);
CREATE TABLE IF NOT EXISTS part (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    checksum TEXT, blob TEXT NOT NULL, modified_ms INTEGER NOT NULL, PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
";

/// What a change answers, and the blobs that nothing names once it is committed.
#[derive(Debug)]
pub(super) struct Change<T> {
    pub(super) value: T,
    pub(super) discarded: Vec<String>,
}

type Job = Box<dyn FnOnce(&Connection) -> Reply + Send>;

/// Told whether the commit succeeded; answers the waiting caller, returns the blobs to remove.
type Reply = Box<dyn FnOnce(bool) -> Vec<String> + Send>;

/// The handle on the writer thread and the readers.
#[derive(Debug)]
pub(super) struct Index {
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
}

impl Index {
    /// Opens or creates the index and starts its writer thread.
    pub(super) fn open(path: PathBuf, blobs: Arc<Blobs>) -> rusqlite::Result<Self> {
        let connection = open_writer(&path)?;
        let (jobs, waiting) = mpsc::channel(CHANGES_WAITING_MAX);
        let writer = std::thread::Builder::new()
            .name("s3-index".into())
            .spawn(move || commit_in_groups(&connection, &blobs, waiting))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let readers = Arc::new(Readers { path, idle: Mutex::new(Vec::new()) });
        Ok(Self { jobs: Some(jobs), writer: Some(writer), readers })
    }

    /// Runs `read` on a snapshot that holds every acknowledged change, off the async threads.
    pub(super) async fn read<T, F>(&self, read: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> S3Result<T> + Send + 'static,
    {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.with(read)).await.map_err(S3Error::internal_error)?
    }

    /// Runs `change` atomically with the others of its group and returns once it is durable.
    ///
    /// `placed` blobs are kept if it commits and removed if it does not, also when the caller is gone.
    pub(super) async fn write<T, F>(&self, placed: Vec<Placed>, change: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> S3Result<Change<T>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, change);
            Box::new(move |is_committed| settle(result, is_committed, placed, answer))
        });
        let jobs = self.jobs.as_ref().expect("the sender is there until drop");
        jobs.send(job).await.map_err(|_| s3_error!(InternalError, "the index is closed"))?;
        answered.await.map_err(S3Error::internal_error)?
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // The writer ends once the queue is drained, so that a re-open finds nothing running.
            let _ = writer.join();
        }
    }
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn settle<T>(
    result: S3Result<Change<T>>,
    is_committed: bool,
    placed: Vec<Placed>,
    answer: oneshot::Sender<S3Result<T>>,
) -> Vec<String> {
    // A caller that hung up is no error: the change stands on its own.
    match result {
        Ok(change) if is_committed => {
            placed.into_iter().for_each(Placed::keep);
            let _ = answer.send(Ok(change.value));
            change.discarded
        }
        Ok(_) => {
            let _ = answer.send(Err(s3_error!(InternalError, "the index could not commit")));
            Vec::new()
        }
        Err(error) => {
            let _ = answer.send(Err(error));
            Vec::new()
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> S3Result<Change<T>>,
) -> S3Result<Change<T>> {
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT change").map_err(broken)?;
    let result = change(connection);
    if result.is_err() {
        run("ROLLBACK TO change").map_err(broken)?;
    }
    run("RELEASE change").map_err(broken)?;
    result
}

fn commit_in_groups(connection: &Connection, blobs: &Blobs, mut waiting: mpsc::Receiver<Job>) {
    while let Some(first) = waiting.blocking_recv() {
        let replies = match begin(connection) {
            Ok(()) => run_group(connection, first, &mut waiting),
            Err(error) => {
                tracing::error!(%error, "the index refuses a transaction");
                drop(first);
                continue;
            }
        };
        let committed = commit(connection, blobs);
        if let Err(error) = &committed {
            tracing::error!(error = format!("{error:#}"), "the index refuses a commit");
            let _ = connection.execute_batch("ROLLBACK");
        }
        let is_committed = committed.is_ok();
        let discarded: Vec<_> = replies.into_iter().map(|reply| reply(is_committed)).collect();
        // Rows first, files after: a crash between them leaves strays, never a row without its bytes.
        discarded.iter().flatten().for_each(|name| blobs.remove(name));
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
}

fn run_group(connection: &Connection, first: Job, waiting: &mut mpsc::Receiver<Job>) -> Vec<Reply> {
    let mut replies = vec![first(connection)];
    while replies.len() < CHANGES_PER_COMMIT_MAX {
        let Ok(job) = waiting.try_recv() else { break };
        replies.push(job(connection));
    }
    replies
}

fn commit(connection: &Connection, blobs: &Blobs) -> anyhow::Result<()> {
    blobs.sync_folder()?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> S3Result<T>) -> S3Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().map_err(broken)?,
        };
        let result = read(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_KEPT_MAX {
            idle.push(connection);
        }
        result
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

/// What an index that fails answers: 500, the cause in the log.
pub(super) fn broken(error: rusqlite::Error) -> S3Error {
    S3Error::internal_error(error)
}
