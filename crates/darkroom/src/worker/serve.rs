//! Owns the worker's side: confine yourself, say that you are ready, answer jobs until stdin ends. Decides nothing
//! about time: the station sets the CPU limit before each job and watches the clock.

use std::cell::RefCell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

use super::{WORKER_ARG, wire};
use crate::{Darkroom, Developed, Limits, Reason, RenderError, Rendition};

/// Descriptors: stdin, stdout, stderr and a few for the C library.
const DESCRIPTORS_MAX: u64 = 8;

/// One original and what to make of it.
pub struct Job {
    /// The original's bytes.
    pub original: Vec<u8>,
    /// The renditions to make.
    pub plan: Vec<Rendition>,
    /// What this original may cost.
    pub limits: Limits,
}

/// Serves jobs and never returns if this process was started as a worker; returns at once otherwise.
///
/// Belongs first in `main`, before any thread, file or socket exists.
pub fn run_if_worker() {
    if std::env::args_os().nth(1).is_some_and(|first| first == WORKER_ARG) {
        let darkroom = RefCell::new(Darkroom::default());
        serve(|job| darkroom.borrow_mut().render(&job.original, &job.plan, &job.limits));
    }
}

/// Serves jobs with `render` until stdin ends, then exits the process. Tests pass a `render` that misbehaves.
pub fn serve(render: impl Fn(&Job) -> Result<Developed, RenderError>) -> ! {
    // A panic is an answer, not a message: its text could quote the file.
    std::panic::set_hook(Box::new(|_| {}));
    let served = confine().and_then(|()| answer_jobs(render));
    std::process::exit(i32::from(served.is_err()))
}

/// Gives up what a decoder does not need. Reads the address space limit and the station's process id from the
/// arguments: jobs come later, and by then the limits must stand.
fn confine() -> io::Result<()> {
    let mut arguments = std::env::args().skip(2);
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
    let (Some(address_space_bytes), Some(station)) = (number(), number()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a worker takes two numbers"));
    };
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(Pid::as_raw_pid).map(i64::from) != i64::try_from(station).ok() {
        // The station died before the line above: nobody would ever end this process.
        return Err(io::Error::other("the station is gone"));
    }
    limit(Resource::As, address_space_bytes)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, DESCRIPTORS_MAX)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(value), maximum: Some(value) };
    Ok(setrlimit(resource, limit)?)
}

fn answer_jobs(render: impl Fn(&Job) -> Result<Developed, RenderError>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    output.write_all(wire::READY)?;
    output.flush()?;
    while let Some((question, original)) = wire::read_question(&mut input)? {
        let job = Job { original, plan: question.plan, limits: question.limits };
        match catch_unwind(AssertUnwindSafe(|| render(&job))) {
            Ok(Ok(developed)) => wire::write_developed(&mut output, &developed)?,
            Ok(Err(error)) => {
                wire::write_rejected(&mut output, error.reason(), error.to_string())?;
            }
            Err(_) => {
                let detail = "the decoder panicked".to_owned();
                wire::write_rejected(&mut output, Reason::DecoderCrashed, detail)?;
            }
        }
    }
    Ok(())
}
