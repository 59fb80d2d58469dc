//! The operator's command and the all-in-one local stack.
//!
//! Owns the command line, and the order in which the stack's parts start and stop: the stations and their clients are
//! the same as in production, only the servers behind the endpoints are stand-ins.

mod args;
pub mod cli;
mod client;
mod commands;
mod follow;
mod output;
mod samples;
mod sse;
pub mod stack;
