//! Owns the last moments before a program of the operator's: the station's own program, started again, confines itself,
//! says so, and becomes the other one. Knows nothing about what the program does.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::stdio::dup2_stdin;
use serde::{Deserialize, Serialize};

use super::confine::{NotConfined, confine_program, die_first, die_with};
use super::memory::close_inherited;
use crate::worker::wire::{self, Ready};
use crate::worker::{Confinement, shared};
use crate::{Limits, Program};

/// What a launcher is told, as its second argument.
#[derive(Serialize, Deserialize)]
pub(in crate::worker) struct Order {
    pub(in crate::worker) station: i32,
    /// What holds the station's workers: held by less, nothing becomes a program.
    pub(in crate::worker) workers: Confinement,
    pub(in crate::worker) limits: Limits,
    pub(in crate::worker) program: Program,
}

/// Why a launcher became no program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::worker) enum NotStarted {
    /// What the recipe names is no program that may be run: no retry changes that.
    NoProgram(String),
    /// The machine could not.
    Unable(String),
}

impl NotStarted {
    /// Whose fault it is that `what` goes wrong.
    fn of(what: &str, error: &io::Error) -> Self {
        let told = format!("{what}{error}");
        match error.raw_os_error() {
            // EACCES also where its loader is not listed, EBADFD where a listed path leads to no file system.
            Some(
                libc::ENOENT
                | libc::ENOTDIR
                | libc::EACCES
                | libc::ENOEXEC
                | libc::ELOOP
                | libc::EISDIR
                | libc::ENAMETOOLONG
                | libc::EBADFD,
            ) => Self::NoProgram(told),
            _ => Self::Unable(told),
        }
    }
}

impl From<io::Error> for NotStarted {
    fn from(error: io::Error) -> Self {
        Self::Unable(error.to_string())
    }
}

impl From<NotConfined> for NotStarted {
    fn from(cause: NotConfined) -> Self {
        match cause {
            NotConfined::Path(path, error) => Self::of(&format!("allow {}: ", path.display()), &error),
            NotConfined::Unable(error) => error.into(),
        }
    }
}

/// Becomes the program. What goes wrong before is told on the status descriptor, which the program never sees: it is
/// closed as the program starts, and its silence means that all went well.
pub(super) fn launch() -> ! {
    let failed = close_inherited().and_then(|()| {
        die_first();
        let [input, status] = shared::receive(io::stdin())?;
        let mut status = std::fs::File::from(status);
        let not_started = match confined(&input, &mut status) {
            Ok(mut command) => {
                drop(input);
                NotStarted::of("", &command.exec())
            }
            Err(not_started) => not_started,
        };
        wire::write(&mut status, &not_started)
    });
    std::process::exit(1 + i32::from(failed.is_err()))
}

/// Gives everything up and returns what remains to be executed.
fn confined(input: &OwnedFd, status: &mut impl Write) -> Result<Command, NotStarted> {
    let order = std::env::args().nth(2).ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    let order = serde_json::from_str(&order).map_err(io::Error::from)?;
    let Order { station, workers, limits, program } = order;
    die_with(station)?;
    dup2_stdin(input).map_err(io::Error::from)?;
    let sealed_memory = shared::is_sealed(input);
    let allowed: Vec<_> = program.allow.iter().chain([&program.path]).cloned().collect();
    let confinement = confine_program(&limits, &allowed)?;
    let confinement = Confinement { sealed_memory, ..confinement };
    wire::write(status, &Ready { confinement })?;
    let less = confinement.less_than(workers);
    if !less.is_empty() {
        // A part of the sandbox may fail for a moment.
        return Err(NotStarted::Unable(format!("it could not be confined: {}", less.join(", "))));
    }
    let mut command = Command::new(&program.path);
    command.args(&program.args);
    Ok(command)
}
