//! The stories: the whole street from the outside, on real parts. Each starts what it needs in a folder of its own and
//! leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "in a story every surprise is a failed test")]

mod deploys;
mod env_file;
mod fenced;
mod foreign;
mod formats;
mod hostile;
mod hosts;
mod kafka_away;
mod kills;
mod latency;
mod metrics;
mod recipes;
mod repeats;
mod restarts;
