//! The process around [`render`](crate::render): a hostile file can kill, hang or starve nothing but a worker.
//!
//! A worker is the same program started again with [`WORKER_ARG`], so nothing has to be installed beside it. The
//! station's side is a [`Pool`]; the worker's side is [`run_if_worker`], the first line of `main`. Questions and answers
//! go through pipes, files through sealed shared memory; what a worker says is checked as if a stranger had said it.
//!
//! Before its first job a worker has given up: gaining privileges by exec (`no_new_privs`); every file, port and foreign
//! signal (Landlock without a rule); every system call but reading its questions, writing its answers and having memory
//! that is not executable (seccomp, death by SIGSYS); opening, writing, forking, address space beyond its limit, core dumps
//! (rlimits); descriptors beyond stdin, stdout and stderr; its environment. It dies with its station, by CPU time, by the
//! station's clock, and once nobody has needed it for a while.
//!
//! A program of the operator's ([`Program`](crate::Program)) runs in a second profile once the worker has given pixels or
//! has seen that the original is a picture ([`Pool::develop`]): no network,
//! no further process, no tracing, no foreign signals (seccomp and Landlock); read and execute on the listed paths only,
//! nothing writable; the same limits on memory, CPU time and wall clock.

mod beside;
mod inside;
mod shared;
mod wire;

pub use beside::{Failure, Pool, PoolConfig, Produced, Reuse, Sandbox, StartError};
pub use inside::{Confinement, Job, run_if_worker, serve};

/// First argument of a worker.
pub const WORKER_ARG: &str = "darkroom-worker";
/// First argument of a process that confines itself and becomes a program of the operator's.
pub const LAUNCHER_ARG: &str = "darkroom-launcher";

/// The only variables of a worker: the heap stays between jobs, up to 128 MiB. Giving pages back and faulting them in again
/// is a fifth of the work on a photo of 12 megapixels (`cargo bench --bench sandbox`).
pub const HEAP: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "134217728"),
    ("MALLOC_MMAP_THRESHOLD_", "134217728"),
    ("MALLOC_TOP_PAD_", "1048576"),
];
