//! The table: one row per image, in DynamoDB.
//!
//! Owns every call to DynamoDB: the row's form, the order of facts as a condition, reads that never show what has
//! expired, the lease of the sweep, the counts of what has expired. Knows nothing about Kafka, S3 or HTTP.

mod client;
mod condition;
mod config;
mod counts;
mod error;
mod lease;
mod list;
mod provision;
mod read;
mod row;
mod schema;
mod write;

pub use client::{CheckError, Table};
pub use config::{Endpoint, TableArgs};
pub use error::Unavailable;
pub use provision::ProvisionError;

pub(crate) use list::{ListPage, Mark, Wanted};
pub(crate) use read::{Found, RowError, Rows};
pub(crate) use row::Row;
pub(crate) use write::{Applied, ApplyError};

#[cfg(test)]
pub(crate) mod tests;
