//! The rows: what one fact does to them. Owns that repetition and order change nothing, and that an image which has been
//! closed never comes back.

use proto::{Source, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::counts::step;
use crate::fact::{Fact, State};
use crate::order::{Ending, Standing, Status, outranks};

/// Writes what a fact says about its image, if nothing known stands above it.
pub(super) fn write(transaction: &Transaction<'_>, fact: &Fact) -> rusqlite::Result<()> {
    let (id, source) = (fact.source.image_id.to_string(), &fact.source);
    // What has been closed counts already; a fact that is read again must not bring back whose it was.
    if is_closed(transaction, source)? || !outranks(fact.ending(), known(transaction, &id)?) {
        return Ok(());
    }
    let (reason, renditions) = match &fact.state {
        State::Uploaded => (None, &[][..]),
        State::Processed { renditions, .. } => (None, &renditions[..]),
        State::Failed { reason, .. } => (Some(reason.name()), &[][..]),
    };
    let finished = fact.finished_at();
    let latency = finished.map(|at| at.since(source.uploaded_at).as_millis());
    let latency = latency.map(|millis| i64::try_from(millis).unwrap_or(i64::MAX));
    let put = "INSERT OR REPLACE INTO images (image_id, customer_id, status, attempt, reason, day,
            uploaded_at_unix_ms, finished_at_unix_ms, expires_at_unix_ms, source, source_format, width, height,
            bytes_in, bytes_out, renditions, recipe, latency_ms, latency_step_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    transaction.prepare_cached(put)?.execute(params![
        id,
        source.customer_id.as_str(),
        fact.status().name(),
        fact.attempt,
        reason,
        source.image_id.day().to_string(),
        source.uploaded_at.0,
        finished.map(|at| at.0),
        source.expires_at.0,
        source.channel.name(),
        source.picture.map(|picture| picture.format.name()),
        source.picture.map(|picture| picture.width),
        source.picture.map(|picture| picture.height),
        signed(source.original.bytes),
        signed(renditions.iter().map(|one| one.object.bytes).sum()),
        signed(renditions.len() as u64),
        source.recipe.as_str(),
        latency,
        latency.map(step),
    ])?;
    Ok(())
}

fn known(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<Ending>> {
    let select = "SELECT status, attempt, finished_at_unix_ms FROM images WHERE image_id = ?";
    let row = transaction.prepare_cached(select)?.query_row([id], |row| {
        let finished_at = row.get::<_, Option<i64>>(2)?.map(UnixMillis);
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, finished_at))
    });
    let ending = |(status, attempt, finished_at): (String, u32, Option<UnixMillis>)| {
        Some(Ending { standing: Standing { status: Status::parse(&status)?, attempt }, finished_at })
    };
    Ok(row.optional()?.and_then(ending))
}

/// SQLite's integers are signed.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Says whether an image counts among those that have been closed.
fn is_closed(connection: &Connection, source: &Source) -> rusqlite::Result<bool> {
    if !source.is_expired(UnixMillis::now()) {
        return Ok(false);
    }
    let day = source.image_id.day().to_string();
    let until = closed_until(connection, &day, source.customer_id.as_str())?;
    Ok(until.is_some_and(|until| source.expires_at <= until))
}

/// Returns up to where a customer's day is closed, if it is at all.
pub(super) fn closed_until(
    connection: &Connection,
    day: &str,
    customer: &str,
) -> rusqlite::Result<Option<UnixMillis>> {
    let select = "SELECT until_unix_ms FROM closings WHERE day = ? AND customer_id = ?";
    let mut select = connection.prepare_cached(select)?;
    select.query_row([day, customer], |row| row.get(0).map(UnixMillis)).optional()
}
