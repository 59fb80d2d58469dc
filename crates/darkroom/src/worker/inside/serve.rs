//! Owns the worker's side: confine yourself, say that you are ready, answer jobs until stdin ends. Decides nothing
//! about time: the station sets the CPU limit before each job and watches the clock.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::confine::{confine, die_first, die_with};
use super::launch::launch;
use super::memory::{Memory, close_inherited};
use crate::formats::encode::see_the_processor;
use crate::worker::wire::{self, Answer, Question, Ready};
use crate::worker::{Confinement, LAUNCHER_ARG, WORKER_ARG, shared};
use crate::{Darkroom, Developed, Limits, Plan, Reason, RenderError};

/// One original and what to make of it.
pub struct Job<'a> {
    /// The original's bytes, in memory that is shared with the station.
    pub original: &'a [u8],
    /// What to make of it.
    pub plan: Plan,
    /// What this original may cost.
    pub limits: Limits,
}

/// Never returns if this process was started as a worker, which serves jobs, or to launch a program of the operator's;
/// returns at once otherwise.
///
/// Belongs first in `main`, before any thread, file or socket exists.
pub fn run_if_worker() {
    let first = std::env::args_os().nth(1);
    if first.as_deref().is_some_and(|first| first == LAUNCHER_ARG) {
        launch();
    }
    if first.is_some_and(|first| first == WORKER_ARG) {
        let mut darkroom = Darkroom::default();
        serve(|job| darkroom.render(job.original, &job.plan, &job.limits));
    }
}

/// Serves jobs with `render` until stdin ends, then exits the process. Tests pass a `render` that misbehaves.
pub fn serve(render: impl FnMut(&Job<'_>) -> Result<Developed, RenderError>) -> ! {
    // A panic is an answer, not a message: its text could quote the file.
    std::panic::set_hook(Box::new(|_| {}));
    let served = prepare().and_then(|(memory, confinement)| answer_jobs(memory, confinement, render));
    std::process::exit(i32::from(served.is_err()))
}

/// Takes the memory over and gives up everything else. Reads the address space limit and the station's process id from
/// the arguments: jobs come later, and by then the limits must stand.
fn prepare() -> io::Result<(Memory, Confinement)> {
    close_inherited()?;
    let mut arguments = std::env::args().skip(2);
    let address_space_bytes = arguments.next().and_then(|text| text.parse::<u64>().ok());
    let station = arguments.next().and_then(|text| text.parse::<i32>().ok());
    let (Some(address_space_bytes), Some(station)) = (address_space_bytes, station) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a worker takes two numbers"));
    };
    die_with(station)?;
    die_first();
    let [input, output] = shared::receive(io::stdin())?;
    let sealed_memory = shared::is_sealed(&input) && shared::is_sealed(&output);
    let memory = Memory::map(input, output)?;
    see_the_processor().map_err(io::Error::other)?;
    let confinement = confine(address_space_bytes.saturating_add(memory.bytes()))?;
    Ok((memory, Confinement { sealed_memory, ..confinement }))
}

fn answer_jobs(
    mut memory: Memory,
    confinement: Confinement,
    mut render: impl FnMut(&Job<'_>) -> Result<Developed, RenderError>,
) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    wire::write(&mut output, &Ready { confinement })?;
    while let Some(question) = wire::read_question(&mut input)? {
        let answer = answer(&mut memory, question, &mut render);
        wire::write(&mut output, &answer)?;
    }
    Ok(())
}

fn answer(
    memory: &mut Memory,
    question: Question,
    render: &mut impl FnMut(&Job<'_>) -> Result<Developed, RenderError>,
) -> Answer {
    let Some(original) = memory.input(question.original_bytes) else {
        return rejected(Reason::DecodeMemory, "the original is larger than its room");
    };
    let job = Job { original, plan: question.plan, limits: question.limits };
    match catch_unwind(AssertUnwindSafe(|| render(&job))) {
        Ok(Ok(developed)) => deliver(memory, &developed),
        Ok(Err(error)) => rejected(error.reason(), &error.to_string()),
        Err(_) => rejected(Reason::DecoderCrashed, "the decoder panicked"),
    }
}

fn deliver(memory: &mut Memory, developed: &Developed) -> Answer {
    let mut at = 0;
    for made in &developed.renditions {
        match memory.put(at, &made.bytes) {
            Some(end) => at = end,
            None => return rejected(Reason::DecodeMemory, "the renditions are larger than their room"),
        }
    }
    Answer::developed(developed)
}

fn rejected(reason: Reason, detail: &str) -> Answer {
    Answer::Rejected { reason, detail: detail.to_owned() }
}
