//! A member of a group: join, carry records to the handler, commit what has ended, leave.
//!
//! Owns the order of commits, back-pressure and retries. `window` and `ledger` are pure; `assignment`, `poll`, `committer`
//! and `lag` speak to the client, each on a thread of its own; `work` brings one record to its end, within what `hand`,
//! `queue` and `aside` have room for; `belt` is the life of it all.

mod aside;
mod assignment;
mod belt;
mod committer;
mod hand;
mod lag;
pub mod ledger;
mod poll;
mod queue;
pub mod window;
mod work;

pub use belt::{Belt, run};
