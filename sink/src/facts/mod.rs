//! The statistics: what became of each image, in SQLite, written together with the offsets it came from.
//!
//! Owns counts. They come from one row per image, so a record that comes twice counts once, and the whole can be lost: it
//! is read again from Kafka. Rows leave when their images expire; what they came to is agreed upon in the table, so that
//! all sinks tell the same. Knows nothing about HTTP.

mod closed;
mod closing;
mod reader;
mod rows;
mod schema;
mod stats;
mod store;

pub(crate) use closing::Closing;
pub(crate) use reader::FactsReader;
pub(crate) use stats::Stats;
pub(crate) use store::Facts;

#[cfg(test)]
mod tests;
