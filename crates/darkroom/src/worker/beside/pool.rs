//! Owns the workers of a station: how many there are, whose they are, and what a death means. Blocks its callers;
//! knows nothing about async, records or storage.
//!
//! A worker that one customer's file has taken over must not see another customer's photo: a worker serves one
//! customer and is then replaced by a spare that was started ahead. Idle workers keep their customer until the room
//! is needed or their time is up.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use thiserror::Error;

use super::admission::Admission;
use super::child::{NoAnswer, Worker};
use super::death::{Cause, Death};
use super::deaths::Deaths;
use super::idle::Idle;
use super::program::{NoPicture, Produced, Run};
use super::spares::Spares;
use super::{estimate, programs};
use crate::worker::Confinement;
use crate::worker::wire::{Asked, Said};
use crate::{Developed, Limits, Plan, Program, Reason, RenderError, SourceFormat};

/// The running program, even if its file has been replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// A worker is replaced after as many jobs, so that nothing in it grows without end.
const JOBS_PER_WORKER_MAX: u32 = 500;
/// First bytes that tell every format.
const MAGIC_BYTES: usize = 16;

/// Which workers there are and what one original may cost in them.
#[derive(Args, Debug, Clone)]
pub struct PoolConfig {
    /// Originals developed at the same time; a further one waits. As many spare processes stand ready
    #[arg(long = "workers", env = "SAFELIGHT_WORKERS", default_value_t = processors())]
    pub workers: NonZeroUsize,
    /// Program to start as a worker, by default this one
    #[arg(long = "worker-program", env = "SAFELIGHT_WORKER_PROGRAM")]
    pub program: Option<PathBuf>,
    /// When a worker serves again
    #[arg(long = "worker-reuse", env = "SAFELIGHT_WORKER_REUSE", value_enum, default_value_t = Reuse::Customer)]
    pub reuse: Reuse,
    /// Seconds a worker may be idle; then it is ended, and with it what its memory still holds of the last original
    #[arg(long = "worker-idle-secs-max", env = "SAFELIGHT_WORKER_IDLE_SECS_MAX", default_value_t = PoolConfig::IDLE_SECS_MAX)]
    pub idle_secs_max: u64,
    /// What to do where the kernel cannot confine a worker whole: refuse to start, or go on with what there is
    #[arg(long, env = "SAFELIGHT_SANDBOX", value_enum, default_value_t = Sandbox::Require)]
    pub sandbox: Sandbox,
    /// Bytes of memory, estimated from their headers, that all originals in work may take together; a further one waits,
    /// one that is larger alone is worked on alone. An idle worker keeps at most 128 MiB besides
    #[arg(long, env = "SAFELIGHT_DECODE_BYTES_MAX", default_value_t = PoolConfig::DECODE_BYTES_MAX)]
    pub decode_bytes_max: u64,
    /// What one original may cost.
    #[command(flatten)]
    pub limits: Limits,
}

impl PoolConfig {
    const DECODE_BYTES_MAX: u64 = 2 << 30;
    const IDLE_SECS_MAX: u64 = 60;
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            workers: processors(),
            program: None,
            reuse: Reuse::Customer,
            idle_secs_max: Self::IDLE_SECS_MAX,
            sandbox: Sandbox::Require,
            decode_bytes_max: Self::DECODE_BYTES_MAX,
            limits: Limits::DEFAULT,
        }
    }
}

fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// When a worker serves again.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// For the same customer only
    Customer,
    /// Never: one original, one process
    Never,
    /// For anybody: for deployments with one customer
    Always,
}

/// What to do where the kernel lacks a part of the sandbox.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// Refuse to start, naming the part
    Require,
    /// Go on with what the kernel has
    Prefer,
}

/// Why no pool was started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The kernel lacks a part of the sandbox, and [`Sandbox::Require`] wants it whole.
    #[error("confine a worker: this kernel lacks {0}; SAFELIGHT_SANDBOX=prefer goes on without")]
    Unconfined(String),
    /// No worker starts.
    #[error("start a worker process")]
    Unavailable(#[source] io::Error),
}

/// Why an original was not developed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The original is wrong, and no retry changes that.
    #[error("reject the original as {}: {detail}", reason.as_str())]
    Rejected {
        /// From the closed list.
        reason: Reason,
        /// Short, printable, ours.
        detail: String,
    },
    /// The host killed, stopped or starved the worker: no fault of the original as far as anybody knows. Try again later, a
    /// bounded number of times, and without holding up others meanwhile.
    #[error("lose the worker to the host ({}): {detail}", reason.as_str())]
    Disturbed {
        /// The nearest of the closed list, for when no more tries are made.
        reason: Reason,
        /// Short, printable, ours.
        detail: String,
    },
    /// The machine is wrong: a worker could not be started or talked to. The original may be fine.
    #[error("start or reach a worker process")]
    Unavailable(#[source] io::Error),
}

impl Failure {
    fn of(Death { cause, reason, detail }: Death) -> Self {
        match cause {
            Cause::File => Self::Rejected { reason, detail },
            Cause::Host => Self::Disturbed { reason, detail },
        }
    }
}

/// Worker processes, at most two for each of `workers`: one at work or idle, one spare.
pub struct Pool {
    program: PathBuf,
    limits: Limits,
    workers: usize,
    reuse: Reuse,
    admission: Admission,
    deaths: Deaths,
    spares: Spares,
    idle: Idle<Worker>,
}

impl Pool {
    /// Starts the first worker, and spares in the background. Fails if the first one does not start, or cannot be
    /// confined as the configuration wants it: then none could.
    pub fn start(config: PoolConfig) -> Result<Self, StartError> {
        let program = config.program.unwrap_or_else(|| THIS_PROGRAM.into());
        let workers = config.workers.get();
        let spares = Spares::start(program.clone(), config.limits.clone(), config.workers)
            .map_err(StartError::Unavailable)?;
        let missing = spares.confinement().missing();
        if config.sandbox == Sandbox::Require && !missing.is_empty() {
            return Err(StartError::Unconfined(missing.join(", ")));
        }
        let idle = Idle::start(Duration::from_secs(config.idle_secs_max)).map_err(StartError::Unavailable)?;
        Ok(Self {
            program,
            limits: config.limits,
            workers,
            reuse: config.reuse,
            admission: Admission::new(workers, config.decode_bytes_max),
            deaths: Deaths::default(),
            spares,
            idle,
        })
    }

    /// What holds the workers.
    pub fn confinement(&self) -> Confinement {
        self.spares.confinement()
    }

    /// Workers that have died of an original so far, for `decode_timeout`, `decode_memory` or `decoder_crashed`;
    /// each that died is counted, also where a fresh one then did it.
    pub fn deaths(&self, reason: Reason) -> u64 {
        self.deaths.of(reason)
    }

    /// Workers that the host has killed, stopped or starved over an original so far.
    pub fn deaths_by_the_host(&self) -> u64 {
        self.deaths.by_the_host()
    }

    /// Develops `original` in a worker of `customer`; blocks while all workers are busy or memory is short, then for at
    /// most twice `wall_secs` and a start.
    ///
    /// A worker's death is tried once more on a fresh worker, then it is the original's fault:
    /// `decode_timeout`, `decode_memory` or `decoder_crashed`. So is a worker's word that it panicked or ran out of memory:
    /// what it did before must not decide. A death by the host's doing is not tried again here: whoever
    /// waits for a place comes first. Each program that the plan names runs after that, once, in the
    /// same place, as [`Self::run_program`] says, for at most `wall_secs` more.
    pub fn develop(&self, customer: &str, original: &[u8], plan: &Plan) -> Result<Developed, Failure> {
        self.develop_parts(customer, &[original], plan)
    }

    /// As [`Self::develop`], for an original that lies in parts, as it came from the network: they are put together in
    /// the worker's memory, nowhere before.
    pub fn develop_parts<B: AsRef<[u8]>>(
        &self,
        customer: &str,
        original: &[B],
        plan: &Plan,
    ) -> Result<Developed, Failure> {
        let bytes = original.iter().map(|part| part.as_ref().len() as u64).sum();
        if bytes > self.limits.file_bytes_max {
            let error = RenderError::FileTooLarge { bytes, max: self.limits.file_bytes_max };
            return Err(Failure::Rejected { reason: error.reason(), detail: error.to_string() });
        }
        let head = original.first().map_or(&[][..], AsRef::as_ref);
        let estimate = estimate::bytes_of(head, bytes, &self.limits);
        let _place = self.admission.enter(programs::bytes_of(plan, estimate, &self.limits));
        let of_worker = programs::of_worker(plan);
        let format = SourceFormat::detect(&magic(original));
        let asked = Asked { format, plan: &of_worker, limits: &self.limits };
        let developed = self.develop_in_worker(customer, asked, original)?;
        programs::complete(developed, plan, original, &self.run()).map_err(|none| self.failure(none))
    }

    fn develop_in_worker<B: AsRef<[u8]>>(
        &self,
        customer: &str,
        asked: Asked<'_>,
        original: &[B],
    ) -> Result<Developed, Failure> {
        let mut worker = self.take(customer).map_err(Failure::Unavailable)?;
        let mut answer = self.ask(&mut worker, asked, original);
        if may_be_the_workers(&answer) {
            drop(worker);
            worker = self.spares.fresh().map_err(Failure::Unavailable)?;
            answer = self.ask(&mut worker, asked, original);
        }
        let said = answer.map_err(|none| match none {
            NoAnswer::Died(death) => {
                if death.cause == Cause::Host {
                    self.end_idle_of(customer);
                }
                Failure::of(death)
            }
            NoAnswer::Failed(error) => Failure::Unavailable(error),
        })?;
        match said {
            // After a panic a decoder's state is anybody's guess: that worker is not given back.
            Said::Rejected(reason @ Reason::DecoderCrashed, detail) => {
                Err(Failure::Rejected { reason, detail })
            }
            Said::Rejected(reason, detail) => {
                self.give_back(customer, worker);
                Err(Failure::Rejected { reason, detail })
            }
            Said::Developed(developed) => {
                self.give_back(customer, worker);
                Ok(developed)
            }
        }
    }

    /// Runs a program of the operator's once on `input`, the original or the pixels of a rendition; blocks while all
    /// places are taken or memory is short, then for at most `wall_secs`.
    ///
    /// There is no second attempt: a program that is not there or may not be run, dies, says nothing in time or writes no
    /// picture rejects the original as `decode_timeout` or `decoder_crashed`. Fails as disturbed where the host killed, stopped
    /// or starved it, as unavailable where the machine cannot start a process.
    pub fn run_program<B: AsRef<[u8]>>(&self, program: &Program, input: &[B]) -> Result<Produced, Failure> {
        // What a program needs for its pixels is its own affair: it counts as much as it may have.
        let _place = self.admission.enter(self.limits.address_space_bytes_max);
        self.run().once(program, input).map_err(|no_picture| self.failure(no_picture))
    }

    fn run(&self) -> Run<'_> {
        Run { launcher: &self.program, workers: self.confinement(), limits: &self.limits }
    }

    fn failure(&self, no_picture: NoPicture) -> Failure {
        match no_picture {
            NoPicture::Failed(death) => {
                self.deaths.count(death.cause, death.reason);
                Failure::of(death)
            }
            NoPicture::Unavailable(error) => Failure::Unavailable(error),
        }
    }

    fn ask<B: AsRef<[u8]>>(
        &self,
        worker: &mut Worker,
        asked: Asked<'_>,
        original: &[B],
    ) -> Result<Said, NoAnswer> {
        let answer = worker.ask(asked, original);
        match &answer {
            Err(NoAnswer::Died(death)) => self.deaths.count(death.cause, death.reason),
            Ok(Said::Rejected(reason @ Reason::DecoderCrashed, _)) => {
                self.deaths.count(Cause::File, *reason);
            }
            _ => {}
        }
        answer
    }

    /// After a death by the host's doing the next try is to have a worker that was started after it: what befell this one
    /// may have befallen those beside it.
    fn end_idle_of(&self, customer: &str) {
        while let Some(worker) = self.idle.take(|owner| self.may_serve(owner, customer)) {
            drop(worker);
        }
    }

    fn may_serve(&self, owner: &str, customer: &str) -> bool {
        self.reuse == Reuse::Always || owner == customer
    }

    /// A living worker that has seen nobody else's photos.
    fn take(&self, customer: &str) -> io::Result<Worker> {
        while let Some(mut worker) = self.idle.take(|owner| self.may_serve(owner, customer)) {
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        drop(self.idle.take_beyond(self.workers.saturating_sub(self.admission.callers())));
        self.spares.fresh()
    }

    fn give_back(&self, customer: &str, worker: Worker) {
        if self.reuse != Reuse::Never && worker.jobs < JOBS_PER_WORKER_MAX {
            self.idle.put(customer, worker);
        }
    }
}

/// As many first bytes as tell a format, across parts.
fn magic<B: AsRef<[u8]>>(parts: &[B]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.as_ref()).copied().take(MAGIC_BYTES).collect()
}

/// Whether a worker that has seen nothing yet might end otherwise: memory that is in pieces, or a decoder's state.
fn may_be_the_workers(answer: &Result<Said, NoAnswer>) -> bool {
    match answer {
        Ok(Said::Rejected(reason, _)) => matches!(reason, Reason::DecodeMemory | Reason::DecoderCrashed),
        Err(NoAnswer::Died(death)) => death.cause == Cause::File,
        _ => false,
    }
}
