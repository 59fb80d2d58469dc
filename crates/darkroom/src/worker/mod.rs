//! The process around [`render`](crate::render): a hostile file can kill, hang or starve nothing but a worker.
//!
//! A worker is the same program started again with [`WORKER_ARG`], so nothing has to be installed beside it. The
//! station's side is a [`Pool`]; the worker's side is [`run_if_worker`], the first line of `main`. What a worker says
//! is checked as if a stranger had said it. Landlock and seccomp are not built yet: a worker has no environment,
//! no inherited descriptors, and cannot write files, but it could still open sockets.

mod child;
mod inbox;
mod pool;
mod serve;
mod wire;

pub use pool::{Failure, Pool, PoolConfig, Reuse};
pub use serve::{Job, run_if_worker, serve};

/// First argument of a worker.
pub const WORKER_ARG: &str = "darkroom-worker";
