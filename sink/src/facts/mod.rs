//! The statistics: what became of each image, in SQLite, written together with the offsets it came from.
//!
//! Owns counts. They come from one row per image, so a record that comes twice counts once, and the whole can be lost: it
//! is read again from Kafka. Knows nothing about the table in DynamoDB or about HTTP.

mod reader;
mod stats;
mod store;

pub(crate) use reader::FactsReader;
pub(crate) use stats::Stats;
pub(crate) use store::Facts;

#[cfg(test)]
mod tests;
