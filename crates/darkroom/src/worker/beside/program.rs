//! Owns one run of a program of the operator's, from the station's side: bytes on its stdin, a picture's file on its
//! stdout, within time and size. Believes nothing of what comes back but what it has read itself.
//!
//! A program gets the original's bytes, or pixels as a PAM file ([`pam_header`](crate::pam_header)), in a file in memory on its stdin: it
//! may read or map it. It writes one JPEG, PNG or WebP file to its stdout and exits with 0. Its environment and its stderr
//! are empty, its folder is `/`; it may open what lies under the listed paths for reading (its libraries have to be listed
//! too), nothing for writing, not even `/dev/null`, and may learn of other paths whether they exist; it may have threads but
//! no further process.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::death::{Death, Remains};
use super::header;
use super::poll::{read_some, wait};
use super::vitals::{cpu_time, waits_by_itself};
use crate::worker::inside::launch::{NotStarted, Order};
use crate::worker::shared::{Shared, hand_over};
use crate::worker::wire::{self, Ready, printable};
use crate::worker::{Confinement, LAUNCHER_ARG};
use crate::{Extent, Format, Limits, Program, Reason, SourceFormat};

const READ_BYTES: usize = 64 << 10;
/// A launcher says how it is held and, if it fails, why: a few hundred bytes.
const STATUS_BYTES_MAX: usize = 16 << 10;

/// What a program made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    /// JPEG, PNG or WebP, by its magic number.
    pub format: Format,
    /// Pixels, by its header.
    pub width: u32,
    /// Pixels, by its header.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Why a program made nothing.
#[derive(Debug)]
pub(super) enum NoPicture {
    /// The program's doing with this input.
    Failed(Death),
    /// It could not be started.
    Unavailable(io::Error),
}

impl From<io::Error> for NoPicture {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error)
    }
}

/// How a program is run.
pub(super) struct Run<'a> {
    /// Started to confine itself and become the program.
    pub(super) launcher: &'a Path,
    /// What holds the pool's workers, and therefore a program at least.
    pub(super) workers: Confinement,
    pub(super) limits: &'a Limits,
}

impl Run<'_> {
    /// Runs `program` once on `input`.
    pub(super) fn once<B: AsRef<[u8]>>(&self, program: &Program, input: &[B]) -> Result<Produced, NoPicture> {
        let deadline = Instant::now() + Duration::from_secs(self.limits.wall_secs);
        let cap = usize::try_from(self.limits.file_bytes_max).unwrap_or(usize::MAX);
        let (mut running, status) = self.start(program, input)?;
        let mut stdout = running.0.stdout.take().expect("a piped stream is there until it is taken");
        let late = |running: &Running| NoPicture::Failed(self.late(running));
        let status = collect(&mut File::from(status), STATUS_BYTES_MAX, deadline)?;
        let status = status.ok_or_else(|| late(&running))?;
        started(&status, program)?;
        let bytes = collect(&mut stdout, cap, deadline)?.ok_or_else(|| late(&running))?;
        if bytes.len() > cap {
            return Err(fail(Reason::DecoderCrashed, format!("the program wrote more than {cap} bytes")));
        }
        let remains = running.end(deadline)?.ok_or_else(|| late(&running))?;
        if !remains.status.success() {
            return Err(NoPicture::Failed(Death::of(&remains, self.limits)));
        }
        believe(bytes, self.limits)
    }

    /// Judges one that is not through in time. Unlike a decoder a program may wait by itself, and then for ever.
    fn late(&self, running: &Running) -> Death {
        if waits_by_itself(running.0.id()) {
            let detail = format!("no picture within {} s", self.limits.wall_secs);
            return Death::of_file(Reason::DecodeTimeout, detail);
        }
        Death::late("picture", running.cpu_time(), self.limits)
    }

    /// Starts the launcher with the input and a status descriptor, whose other end is returned.
    fn start<B: AsRef<[u8]>>(&self, program: &Program, input: &[B]) -> io::Result<(Running, OwnedFd)> {
        let bytes = input.iter().map(|part| part.as_ref().len() as u64).sum();
        let file = Shared::create("darkroom-input", bytes)?;
        file.fill(input)?;
        let (status, status_of_launcher) = pipe_with(PipeFlags::CLOEXEC)?;
        let (ours, theirs) = UnixStream::pair()?;
        hand_over(&ours, [file.read_only()?.as_fd(), status_of_launcher.as_fd()])?;
        let order = Order {
            station: i32::try_from(std::process::id()).map_err(io::Error::other)?,
            workers: self.workers,
            limits: self.limits.clone(),
            program: program.clone(),
        };
        let child = Command::new(self.launcher)
            .arg0(LAUNCHER_ARG)
            .arg(LAUNCHER_ARG)
            .arg(serde_json::to_string(&order)?)
            .env_clear()
            .current_dir("/")
            // A terminal's signals go to its whole group, and the station wants to drain.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok((Running(child), status))
    }
}

/// A launcher or program. Dropping it kills and reaps it.
struct Running(Child);

impl Running {
    /// Waits for the exit; `None` once `deadline` has passed.
    fn end(&mut self, deadline: Instant) -> io::Result<Option<Remains>> {
        let process = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty())?;
        if !wait(&mut [PollFd::new(&process, PollFlags::IN)], deadline)? {
            return Ok(None);
        }
        let cpu_time = self.cpu_time();
        let status = self.0.try_wait()?;
        Ok(status.map(|status| Remains { who: "the program", status, cpu_time, allocation_failed: false }))
    }

    /// What it has had of CPU time, until it is reaped. None that can be read is none.
    fn cpu_time(&self) -> Duration {
        cpu_time(self.0.id()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only where the process is gone already, which is the aim.
        let _ = self.0.kill();
        // Without a deadline: what hangs in the kernel has its memory still, and admission must not give that away.
        let _ = self.0.wait();
    }
}

/// Reads to the end, but not beyond one byte more than `bytes_max`; `None` once `deadline` has passed.
fn collect(
    from: &mut (impl Read + AsFd),
    bytes_max: usize,
    deadline: Instant,
) -> io::Result<Option<Vec<u8>>> {
    ioctl_fionbio(&*from, true)?;
    let mut collected = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    while collected.len() <= bytes_max {
        if !wait(&mut [PollFd::new(&*from, PollFlags::IN)], deadline)? {
            return Ok(None);
        }
        match read_some(from, &mut buffer)? {
            Some(0) => break,
            Some(count) => collected.extend_from_slice(&buffer[..count]),
            None => {}
        }
    }
    Ok(Some(collected))
}

/// Reads what a launcher said: how it is held, and after that nothing, or why it did not become the program. One that did
/// not get as far as the first died.
fn started(status: &[u8], program: &Program) -> Result<(), NoPicture> {
    let (first, rest) = wire::split_frame(status).unwrap_or_default();
    let held = serde_json::from_slice::<Ready>(first).is_ok();
    if held && rest.is_empty() {
        return Ok(());
    }
    let last = if held { wire::split_frame(rest).unwrap_or_default().0 } else { first };
    let why = serde_json::from_slice(last);
    let why = why.unwrap_or_else(|_| NotStarted::Unable("the launcher died".to_owned()));
    let path = program.path.display();
    Err(match why {
        NotStarted::NoProgram(why) => {
            fail(Reason::DecoderCrashed, printable(&format!("cannot start {path}: {why}")))
        }
        NotStarted::Unable(why) => NoPicture::Unavailable(io::Error::other(format!("start {path}: {why}"))),
    })
}

pub(super) fn fail(reason: Reason, detail: String) -> NoPicture {
    NoPicture::Failed(Death::of_file(reason, detail))
}

/// A picture of a web format within the limits, by its magic number and header.
fn believe(bytes: Vec<u8>, limits: &Limits) -> Result<Produced, NoPicture> {
    let detected = SourceFormat::detect(&bytes);
    let size = detected.and_then(|format| header::size(format, &bytes));
    let (Some(format), Some(size)) = (detected.and_then(SourceFormat::of_rendition), size) else {
        let detail = "the program wrote no JPEG, PNG or WebP";
        return Err(fail(Reason::DecoderCrashed, detail.to_owned()));
    };
    let Extent { width, height } = size;
    let pixels = size.pixels();
    if pixels == 0 || pixels > limits.decode_pixels_max || size.longer_side() > limits.side_pixels_max {
        return Err(fail(Reason::DecoderCrashed, format!("the program wrote {width} x {height} pixels")));
    }
    Ok(Produced { format, width, height, bytes })
}
