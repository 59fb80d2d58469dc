//! The tables of the statistics' database, and how a connection to it is made.

use std::path::Path;

use rusqlite::Connection;

/// Raised with every change of the schema; a database of another version is emptied and read again from Kafka.
const VERSION: i64 = 2;

/// `images` has those alive, `closed` what is left of the others, and `counts` both. `facts` has
/// one row for each final state, as SQL is to see them.
const SCHEMA: &str = "
    CREATE TABLE images (
        image_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL,
        reason TEXT, day TEXT NOT NULL, uploaded_at_unix_ms INTEGER NOT NULL, finished_at_unix_ms INTEGER,
        expires_at_unix_ms INTEGER NOT NULL, source TEXT NOT NULL, source_format TEXT, width INTEGER, height INTEGER,
        bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, renditions INTEGER NOT NULL, recipe TEXT NOT NULL,
        latency_ms INTEGER, latency_step_ms INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX images_by_customer ON images (customer_id, day);
    CREATE INDEX images_by_expiry ON images (expires_at_unix_ms);
    CREATE TABLE closed (
        day TEXT NOT NULL, customer_id TEXT NOT NULL, status TEXT NOT NULL, source_format TEXT,
        latency_step_ms INTEGER, images INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL
    );
    CREATE INDEX closed_by_customer ON closed (customer_id, day);
    CREATE TABLE closings (
        day TEXT, customer_id TEXT, until_unix_ms INTEGER NOT NULL, PRIMARY KEY (day, customer_id)
    ) WITHOUT ROWID;
    CREATE TABLE positions (
        topic TEXT, partition INTEGER, epoch TEXT NOT NULL, next_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITHOUT ROWID;
    CREATE VIEW counts AS
        SELECT day, customer_id, status, source_format, latency_step_ms, 1 AS images, bytes_in, bytes_out FROM images
        UNION ALL
        SELECT day, customer_id, status, source_format, latency_step_ms, images, bytes_in, bytes_out FROM closed;
    CREATE VIEW facts AS SELECT
        image_id, customer_id, status, reason, day,
        strftime('%Y-%m-%dT%H:%M:%fZ', uploaded_at_unix_ms / 1000.0, 'unixepoch') AS uploaded_at,
        strftime('%Y-%m-%dT%H:%M:%fZ', finished_at_unix_ms / 1000.0, 'unixepoch') AS finished_at,
        source, source_format, width, height, bytes_in, bytes_out, renditions, recipe, latency_ms
    FROM images WHERE status <> 'uploaded' AND expires_at_unix_ms > unixepoch('subsec') * 1000;
";

const CLEAR: &str = "
    DROP VIEW IF EXISTS facts; DROP VIEW IF EXISTS counts; DROP TABLE IF EXISTS images; DROP TABLE IF EXISTS closed;
    DROP TABLE IF EXISTS closings; DROP TABLE IF EXISTS positions;
";

/// Opens the database, and makes it anew if it is of another version.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version != VERSION {
        connection
            .execute_batch(&format!("BEGIN; {CLEAR} {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT"))?;
        forget(&connection)?;
    }
    Ok(connection)
}

/// Opens a connection.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // What a crash of the machine loses is read again from Kafka, position and facts alike.
    connection.pragma_update(None, "synchronous", "normal")?;
    // What has been deleted is gone from the file, and not merely free to be written over.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Empties the write-ahead log, which holds what was deleted too. A reader that is at work lets it be emptied later.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
