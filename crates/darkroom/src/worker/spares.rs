//! Owns the workers that are started ahead of need: that one is at hand, that it lives, and that it is held as the first
//! one was. Knows nothing about customers or jobs.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::Confinement;
use super::child::Worker;
use crate::Limits;

/// Spares that may turn out to be dead before the machine is called unfit.
const DEAD_SPARES_MAX: usize = 8;

type Started = io::Result<Worker>;

/// Workers that have seen nothing. Dropping it ends them.
pub(super) struct Spares {
    confinement: Confinement,
    /// Started to see whether workers start at all.
    first: Mutex<Option<Worker>>,
    /// Taken only when the spares are dropped.
    started: Option<Mutex<Receiver<Started>>>,
    keeper: Option<JoinHandle<()>>,
}

impl Spares {
    /// Starts the first worker, and `count` more in the background. Fails if the first one does not start: then none
    /// could.
    pub(super) fn start(program: PathBuf, limits: Limits, count: NonZeroUsize) -> io::Result<Self> {
        // One more spare than fits the channel waits in the keeper's hand.
        let (sender, started) = sync_channel(count.get() - 1);
        let keeper = thread::Builder::new()
            .name("darkroom-keeper".into())
            .spawn(move || keep_spares(&program, &limits, &sender))?;
        let first = started.recv().map_err(io::Error::other).flatten()?;
        Ok(Self {
            confinement: first.confinement,
            first: Mutex::new(Some(first)),
            started: Some(Mutex::new(started)),
            keeper: Some(keeper),
        })
    }

    /// What holds the first worker.
    pub(super) fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// A living worker that has seen nothing.
    pub(super) fn fresh(&self) -> io::Result<Worker> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut worker) = first
            && worker.is_alive()
        {
            return Ok(worker);
        }
        let started = self.started.as_ref().expect("spares are there until they are dropped");
        let started = started.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..DEAD_SPARES_MAX {
            let mut worker = started.recv().map_err(io::Error::other)??;
            if worker.is_alive() {
                return self.confined_enough(worker);
            }
        }
        Err(io::Error::other("spare workers keep dying"))
    }

    /// Refuses a worker that is held by less than the first one was: a part of the sandbox may fail for a moment.
    fn confined_enough(&self, worker: Worker) -> io::Result<Worker> {
        let missing = worker.confinement.missing();
        if missing == self.confinement.missing() {
            return Ok(worker);
        }
        Err(io::Error::other(format!("a worker could not be confined: {}", missing.join(", "))))
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        // Without a receiver the keeper's next send fails, and it returns.
        self.started.take();
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has already ended, which is the aim.
            let _ = keeper.join();
        }
    }
}

/// Starts workers ahead of need until the spares are gone. All workers are children of this one thread: the kernel
/// kills a worker when the thread that started it ends.
fn keep_spares(program: &Path, limits: &Limits, to: &SyncSender<Started>) {
    while to.send(Worker::start(program, limits)).is_ok() {}
}
