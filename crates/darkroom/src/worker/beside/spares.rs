//! Owns the workers that are started ahead of need: that one is at hand, that it lives, and that it is held as the first
//! one was. A start that failed ahead of need is nobody's: only one that fails while somebody waits is told. Knows nothing
//! about customers or jobs.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::child::Worker;
use crate::Limits;
use crate::worker::Confinement;

/// Spares that may turn out to be dead, beside all that were started before, until the machine is called unfit.
const DEAD_SPARES_MAX: usize = 8;

type Started<W> = Result<W, NotStarted>;

/// Why there is no spare, and since when that is known.
struct NotStarted {
    at: Instant,
    error: io::Error,
}

/// Workers that have seen nothing. Dropping it ends them.
pub(super) struct Spares {
    confinement: Confinement,
    count: usize,
    /// Started to see whether workers start at all.
    first: Mutex<Option<Worker>>,
    /// Taken only when the spares are dropped.
    started: Option<Mutex<Receiver<Started<Worker>>>>,
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
        let first = started.recv().map_err(io::Error::other)?.map_err(|failed| failed.error)?;
        Ok(Self {
            confinement: first.confinement,
            count: count.get(),
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
        let asked = Instant::now();
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut worker) = first
            && worker.is_alive()
        {
            return Ok(worker);
        }
        let started = self.started.as_ref().expect("spares are there until they are dropped");
        let started = started.lock().unwrap_or_else(PoisonError::into_inner);
        let looked_at = started.iter().take(self.count + DEAD_SPARES_MAX);
        first_alive(looked_at, asked, Worker::is_alive)
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

/// The first of `spares` that lives, past failures from before somebody `asked`: by now the machine may be fine again.
fn first_alive<W>(
    spares: impl Iterator<Item = Started<W>>,
    asked: Instant,
    is_alive: impl Fn(&mut W) -> bool,
) -> io::Result<W> {
    for spare in spares {
        match spare {
            Ok(mut worker) => {
                if is_alive(&mut worker) {
                    return Ok(worker);
                }
            }
            Err(failed) if failed.at < asked => {}
            Err(failed) => return Err(failed.error),
        }
    }
    Err(io::Error::other("spare workers keep dying"))
}

/// Starts workers ahead of need until the spares are gone. All workers are children of this one thread: the kernel
/// kills a worker when the thread that started it ends.
///
/// Failures take room as workers do. So where every start fails, there are as many attempts ahead as spares, and then one
/// for each that somebody takes out: the keeper blocks, it does not spin.
fn keep_spares(program: &Path, limits: &Limits, to: &SyncSender<Started<Worker>>) {
    let mut first = None;
    let mut start = || {
        let worker = Worker::start(program, limits)?;
        confined_enough(&worker, *first.get_or_insert(worker.confinement))?;
        Ok(worker)
    };
    while to.send(start().map_err(|error| NotStarted { at: Instant::now(), error })).is_ok() {}
}

/// Refuses a worker that is held by less than the first one was: a part of the sandbox may fail for a moment.
fn confined_enough(worker: &Worker, first: Confinement) -> io::Result<()> {
    let less = worker.confinement.less_than(first);
    if less.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("a worker could not be confined: {}", less.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DEAD: u32 = 0;

    /// What is taken of `spares`, which are workers or the seconds at which a start failed, by one who asked at the tenth.
    fn taken(spares: &[Result<u32, u64>]) -> Result<u32, String> {
        let begun = Instant::now();
        let at = |secs| begun + Duration::from_secs(secs);
        let started = |spare: &Result<u32, u64>| {
            spare.map_err(|secs| NotStarted { at: at(secs), error: io::Error::other(secs.to_string()) })
        };
        first_alive(spares.iter().map(started), at(10), |worker| *worker != DEAD)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_start_that_failed_before_anybody_asked_is_passed_over() {
        assert_eq!(taken(&[Err(1), Err(9), Ok(7)]), Ok(7));
        assert_eq!(taken(&[Err(1), Ok(DEAD), Err(9), Ok(7)]), Ok(7));
    }

    #[test]
    fn a_start_that_fails_while_somebody_waits_is_told() {
        assert_eq!(taken(&[Err(10), Ok(7)]), Err("10".to_owned()));
        assert_eq!(taken(&[Err(1), Ok(DEAD), Err(11), Ok(7)]), Err("11".to_owned()));
    }

    #[test]
    fn dead_spares_are_passed_over_up_to_the_last_that_is_looked_at() {
        assert_eq!(taken(&[Ok(DEAD), Ok(DEAD), Ok(7)]), Ok(7));
        assert_eq!(taken(&[Ok(DEAD), Ok(DEAD)]), Err("spare workers keep dying".to_owned()));
    }
}
