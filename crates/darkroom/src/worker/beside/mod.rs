//! The station's side: who may work when, which process does it, how long it may take, and what its death means.

mod admission;
mod child;
mod death;
mod deaths;
mod estimate;
mod header;
mod idle;
mod inbox;
mod poll;
mod pool;
mod program;
mod programs;
mod spares;
mod vitals;

pub use pool::{Failure, Pool, PoolConfig, Reuse, Sandbox, StartError};
pub use program::Produced;
