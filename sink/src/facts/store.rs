//! The database: one row per image and the position in Kafka, changed in one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use conveyor::Place;
use proto::{CustomerId, Topic};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::stats::{self, Stats};
use crate::fact::{Fact, State};
use crate::order::{Standing, Status, replaces};

/// Raised with every change of the schema; a database of another version is emptied and read again from Kafka.
const SCHEMA_VERSION: i64 = 1;

/// `facts` has the names that SQL over the lake has too: final states only.
const SCHEMA: &str = "
    CREATE TABLE images (
        image_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL,
        reason TEXT, day TEXT NOT NULL, uploaded_at_unix_ms INTEGER NOT NULL, finished_at_unix_ms INTEGER,
        source TEXT NOT NULL, source_format TEXT, width INTEGER, height INTEGER, bytes_in INTEGER NOT NULL,
        bytes_out INTEGER NOT NULL, renditions INTEGER NOT NULL, recipe TEXT NOT NULL, latency_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX images_by_customer ON images (customer_id, day);
    CREATE INDEX images_by_latency ON images (customer_id, status, latency_ms);
    CREATE TABLE positions (
        topic TEXT, partition INTEGER, epoch TEXT NOT NULL, next_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITHOUT ROWID;
    CREATE VIEW facts AS SELECT
        image_id, customer_id, status, reason, day,
        strftime('%Y-%m-%dT%H:%M:%fZ', uploaded_at_unix_ms / 1000.0, 'unixepoch') AS uploaded_at,
        strftime('%Y-%m-%dT%H:%M:%fZ', finished_at_unix_ms / 1000.0, 'unixepoch') AS finished_at,
        source, source_format, width, height, bytes_in, bytes_out, renditions, recipe, latency_ms
    FROM images WHERE status <> 'uploaded';
";

/// The statistics' database. Cheap to clone; one writer and one reader at a time.
#[derive(Clone)]
pub(crate) struct Facts {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
}

/// Says that the statistics cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("use the statistics' database")]
pub(crate) struct FactsError(#[from] rusqlite::Error);

/// What a batch of records does to the database.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) facts: Vec<Fact>,
    /// The next offset to read of each partition, and the epoch it belongs to.
    pub(crate) positions: BTreeMap<Place, (Arc<str>, i64)>,
}

impl Facts {
    /// Opens or makes the database in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Facts, FactsError> {
        let path = folder.join("facts.sqlite");
        let writer = connect(&path)?;
        if version(&writer)? != SCHEMA_VERSION {
            make_anew(&writer)?;
        }
        let reader = connect(&path)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Facts { writer: Arc::new(Mutex::new(writer)), reader: Arc::new(Mutex::new(reader)) })
    }

    /// Writes facts and positions, both or none. The same batch again changes nothing.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), FactsError> {
        self.blocking(&self.writer, move |connection| {
            let transaction = connection.transaction()?;
            for fact in &batch.facts {
                write_fact(&transaction, fact)?;
            }
            for ((topic, partition), (epoch, next)) in &batch.positions {
                let put = "INSERT OR REPLACE INTO positions (topic, partition, epoch, next_offset) VALUES (?, ?, ?, ?)";
                transaction.prepare_cached(put)?.execute(params![topic.name(), partition, &**epoch, next])?;
            }
            transaction.commit()
        })
        .await
    }

    /// Returns where to read on in each partition, with the epoch the offset belongs to.
    pub(crate) async fn positions(&self) -> Result<BTreeMap<Place, (String, i64)>, FactsError> {
        self.blocking(&self.writer, |connection| {
            let mut select =
                connection.prepare("SELECT topic, partition, epoch, next_offset FROM positions")?;
            let rows = select.query_map([], |row| {
                let topic = Topic::parse(&row.get::<_, String>(0)?);
                Ok((topic, row.get::<_, i32>(1)?, (row.get::<_, String>(2)?, row.get::<_, i64>(3)?)))
            })?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            let known = rows.into_iter().filter_map(|(topic, partition, at)| Some(((topic?, partition), at)));
            Ok(known.collect())
        })
        .await
    }

    /// Returns the statistics of one customer, or of all.
    pub(crate) async fn stats(&self, of: Option<CustomerId>) -> Result<Stats, FactsError> {
        self.blocking(&self.reader, move |connection| {
            // One transaction, so that the figures belong together.
            let transaction = connection.transaction()?;
            stats::read(&transaction, of.as_ref().map(CustomerId::as_str))
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        connection: &Arc<Mutex<Connection>>,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FactsError> {
        let connection = Arc::clone(connection);
        let done = tokio::task::spawn_blocking(move || work(&mut lock(&connection))).await;
        Ok(done.expect("work on the database does not panic")?)
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().expect("no holder of the lock panics")
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // What a crash of the machine loses is read again from Kafka, position and facts alike.
    connection.pragma_update(None, "synchronous", "normal")?;
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn make_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "BEGIN; DROP VIEW IF EXISTS facts; DROP TABLE IF EXISTS images; DROP TABLE IF EXISTS positions;",
    )?;
    connection.execute_batch(SCHEMA)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch("COMMIT")
}

fn write_fact(transaction: &Transaction<'_>, fact: &Fact) -> rusqlite::Result<()> {
    let id = fact.source.image_id.to_string();
    if !replaces(fact.standing(), standing(transaction, &id)?) {
        return Ok(());
    }
    let source = &fact.source;
    let (reason, renditions) = match &fact.state {
        State::Uploaded => (None, &[][..]),
        State::Processed { renditions, .. } => (None, &renditions[..]),
        State::Failed { reason, .. } => (Some(reason.name()), &[][..]),
    };
    let finished = fact.finished_at();
    let latency = finished.map(|at| at.since(source.uploaded_at).as_millis());
    let put = "INSERT OR REPLACE INTO images (image_id, customer_id, status, attempt, reason, day,
            uploaded_at_unix_ms, finished_at_unix_ms, source, source_format, width, height, bytes_in, bytes_out,
            renditions, recipe, latency_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    transaction.prepare_cached(put)?.execute(params![
        id,
        source.customer_id.as_str(),
        fact.status().name(),
        fact.attempt,
        reason,
        source.image_id.day().to_string(),
        source.uploaded_at.0,
        finished.map(|at| at.0),
        source.channel.name(),
        source.picture.map(|picture| picture.format.name()),
        source.picture.map(|picture| picture.width),
        source.picture.map(|picture| picture.height),
        signed(source.original.bytes),
        signed(renditions.iter().map(|one| one.object.bytes).sum()),
        signed(renditions.len() as u64),
        source.recipe.as_str(),
        latency.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX)),
    ])?;
    Ok(())
}

fn standing(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<Standing>> {
    let mut select = transaction.prepare_cached("SELECT status, attempt FROM images WHERE image_id = ?")?;
    let row =
        select.query_row([id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?))).optional()?;
    Ok(row.and_then(|(status, attempt)| Some(Standing { status: Status::parse(&status)?, attempt })))
}

/// SQLite's integers are signed.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
