//! The database: facts and the position in Kafka they came from, written in one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use conveyor::Place;
use proto::{CustomerId, Topic};
use rusqlite::{Connection, params};

use super::rows;
use super::schema;
use super::stats::{self, Stats};
use crate::fact::Fact;

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
        let writer = schema::open(&path)?;
        let reader = schema::connect(&path)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(Facts { writer: Arc::new(Mutex::new(writer)), reader: Arc::new(Mutex::new(reader)) })
    }

    /// Writes facts and positions, both or none. The same batch again changes nothing.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), FactsError> {
        self.write_with(move |connection| {
            let transaction = connection.transaction()?;
            for fact in &batch.facts {
                rows::write(&transaction, fact)?;
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
        self.write_with(|connection| {
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
        let connection = Arc::clone(&self.reader);
        blocking(connection, move |connection| stats::read(connection, of.as_ref().map(CustomerId::as_str)))
            .await
    }

    /// Works on the database, alone.
    pub(super) async fn write_with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, FactsError> {
        blocking(Arc::clone(&self.writer), work).await
    }
}

async fn blocking<T: Send + 'static>(
    connection: Arc<Mutex<Connection>>,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, FactsError> {
    let done = tokio::task::spawn_blocking(move || work(&mut lock(&connection))).await;
    Ok(done.expect("work on the database does not panic")?)
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().expect("no holder of the lock panics")
}
