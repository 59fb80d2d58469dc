//! Everything that runs where a hostile file may have taken over: how a process confines itself, and how it answers.

mod confine;
pub(super) mod launch;
mod memory;
mod seccomp;
mod serve;

pub use confine::Confinement;
pub use serve::{Job, run_if_worker, serve};
