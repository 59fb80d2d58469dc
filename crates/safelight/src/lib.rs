//! The operator's command and the all-in-one local stack.
//!
//! Owns the command line and the servers that stand in for AWS and Kafka on a laptop: the stations and their clients
//! are the same as in production, only the servers behind the endpoints differ.

pub mod cli;
mod client;
mod commands;
pub mod dynamodb;
mod follow;
pub mod issuer;
pub mod kafka;
mod output;
pub mod registry;
pub mod s3;
mod samples;
mod sse;
pub mod stack;
