//! Owns one worker process from the station's side: starts it, gives it a job, bounds its time, reads its death.
//! Knows nothing about customers or retries.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, pidfd_open, prlimit};

use super::WORKER_ARG;
use super::inbox::{Inbox, Progress};
use super::wire::{self, Asked, Question, READY, Said};
use crate::{Limits, Reason};

/// A worker that is not ready by then has not understood its argument, or the machine is stuck.
const START_SECS_MAX: u64 = 10;
/// From the end of a worker's stdout to its exit; a worker that lives longer is killed.
const EXIT_WAIT: Duration = Duration::from_millis(500);
const PIPE_READ_BYTES: usize = 64 << 10;

/// A worker process. Dropping it kills and reaps it.
pub(super) struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    /// Jobs given to it.
    pub(super) jobs: u32,
}

/// How a worker ended with a job in hand. An observation: the cause is the file, until a fresh worker says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Death {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Why a job has no answer.
pub(super) enum NoAnswer {
    Died(Death),
    /// The station could not ask.
    Failed(io::Error),
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Why the conversation stopped.
enum Stop {
    Answered,
    Nonsense,
    OutOfTime,
    /// stdout ended, or stdin broke.
    Gone,
}

impl Worker {
    /// Starts `program` as a worker and waits until it is confined and ready. It dies with the thread that calls
    /// this: call it from a thread that lives as long as its workers should.
    pub(super) fn start(program: &Path, limits: &Limits) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg0(WORKER_ARG)
            .arg(WORKER_ARG)
            .arg(limits.address_space_bytes_max.to_string())
            .arg(std::process::id().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let taken = "a piped stream is there until it is taken";
        let mut worker = Self {
            stdin: child.stdin.take().expect(taken),
            stdout: child.stdout.take().expect(taken),
            stderr: child.stderr.take().expect(taken),
            child,
            jobs: 0,
        };
        // Our ends only: the worker's ends are other file descriptions and stay blocking.
        ioctl_fionbio(&worker.stdin, true)?;
        ioctl_fionbio(&worker.stdout, true)?;
        ioctl_fionbio(&worker.stderr, true)?;
        worker.await_ready()?;
        Ok(worker)
    }

    fn await_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(START_SECS_MAX);
        let mut said = Vec::new();
        while said.len() < READY.len() {
            let mut watched = [PollFd::new(&self.stdout, PollFlags::IN)];
            if !wait(&mut watched, deadline)? {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the worker is never ready"));
            }
            let mut buffer = [0; READY.len()];
            match read_some(&mut self.stdout, &mut buffer)? {
                Some(0) => return Err(io::Error::other("the worker ended before it was ready")),
                Some(count) => said.extend_from_slice(&buffer[..count]),
                None => {}
            }
        }
        if said == READY {
            return Ok(());
        }
        Err(io::Error::other("the program does not serve as a worker"))
    }

    /// Whether the process is still there.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives the worker a job and waits for its answer, at most `wall_secs`.
    pub(super) fn ask(&mut self, asked: Asked<'_>) -> Result<Said, NoAnswer> {
        let deadline = Instant::now() + Duration::from_secs(asked.limits.wall_secs);
        self.jobs += 1;
        self.allow_cpu(asked.limits.cpu_secs)?;
        let question = Question { plan: asked.plan.clone(), limits: asked.limits.clone() };
        let head = wire::frame_head(&question, asked.original.len())?;
        let mut outbox = [head.as_slice(), asked.original];
        let mut inbox = Inbox::new(wire::body_bytes_max(asked.plan, asked.limits));
        match self.converse(&mut outbox, &mut inbox, deadline)? {
            Stop::Answered => {
                let (header, body) = inbox.answer();
                wire::check(asked, header, body).map_err(|wrong| self.disbelieve(wrong))
            }
            Stop::Nonsense => Err(self.disbelieve("an answer out of bounds")),
            Stop::OutOfTime => {
                self.kill();
                let secs = asked.limits.wall_secs;
                let detail = format!("no answer within {secs} s");
                Err(NoAnswer::Died(Death::new(Reason::DecodeTimeout, detail)))
            }
            Stop::Gone => Err(NoAnswer::Died(self.autopsy(&mut inbox)?)),
        }
    }

    fn disbelieve(&mut self, wrong: &str) -> NoAnswer {
        self.kill();
        NoAnswer::Died(Death::new(Reason::DecoderCrashed, format!("the worker sent {wrong}")))
    }

    /// Lets the worker use `secs` more of CPU. RLIMIT_CPU counts from the start of a process, so the soft limit is
    /// what it has used and the allowance; SIGXCPU then ends it, even if this station is gone by then.
    fn allow_cpu(&self, secs: u64) -> io::Result<()> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let used = cpu_ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat is odd"))?;
        let used_secs = used.div_ceil(rustix::param::clock_ticks_per_second());
        let maximum = getrlimit(Resource::Cpu).maximum;
        let current = maximum.map_or(used_secs + secs, |maximum| maximum.min(used_secs + secs));
        let limit = Rlimit { current: Some(current), maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Cpu, limit)?;
        Ok(())
    }

    /// Sends the question and hears the answer at the same time: a worker may answer before it has read everything.
    fn converse(
        &mut self,
        outbox: &mut [&[u8]; 2],
        inbox: &mut Inbox,
        deadline: Instant,
    ) -> io::Result<Stop> {
        let mut buffer = vec![0; PIPE_READ_BYTES];
        loop {
            let to_send = outbox.iter().any(|part| !part.is_empty());
            // A descriptor watched for nothing still reports its end; hence OUT or no entry at all.
            let mut watched =
                vec![PollFd::new(&self.stdout, PollFlags::IN), PollFd::new(&self.stderr, PollFlags::IN)];
            if to_send {
                watched.push(PollFd::new(&self.stdin, PollFlags::OUT));
            }
            if !wait(&mut watched, deadline)? {
                return Ok(Stop::OutOfTime);
            }
            let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[1] && self.overhear(inbox, &mut buffer)? == Some(0) {
                return Ok(Stop::Gone);
            }
            if ready[0] {
                match read_some(&mut self.stdout, &mut buffer)? {
                    Some(0) => return Ok(Stop::Gone),
                    Some(count) => match inbox.hear(&buffer[..count]) {
                        Progress::Incomplete => {}
                        Progress::Complete => return Ok(Stop::Answered),
                        Progress::Nonsense => return Ok(Stop::Nonsense),
                    },
                    None => {}
                }
            }
            if to_send && ready[2] && !self.send(outbox)? {
                return Ok(Stop::Gone);
            }
        }
    }

    fn overhear(&mut self, inbox: &mut Inbox, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let count = read_some(&mut self.stderr, buffer)?;
        inbox.overhear(&buffer[..count.unwrap_or(0)]);
        Ok(count)
    }

    /// Sends what the pipe takes; `false` if nobody reads it any more.
    fn send(&mut self, outbox: &mut [&[u8]; 2]) -> io::Result<bool> {
        let Some(part) = outbox.iter_mut().find(|part| !part.is_empty()) else {
            return Ok(true);
        };
        match self.stdin.write(part) {
            Ok(count) => *part = &part[count..],
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Finds out how a worker that fell silent died.
    fn autopsy(&mut self, inbox: &mut Inbox) -> io::Result<Death> {
        let deadline = Instant::now() + EXIT_WAIT;
        let mut buffer = vec![0; PIPE_READ_BYTES];
        loop {
            let mut watched = [PollFd::new(&self.stderr, PollFlags::IN)];
            if !wait(&mut watched, deadline)? || self.overhear(inbox, &mut buffer)? == Some(0) {
                break;
            }
        }
        Ok(match self.reap(deadline)? {
            Some(status) => cause(status, inbox.tells_of_failed_allocation()),
            None => Death::new(Reason::DecoderCrashed, "the worker closed its output and stayed"),
        })
    }

    /// Waits for the exit until `deadline`; then kills, and there is no status worth reading.
    fn reap(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        if wait(&mut [PollFd::new(&process, PollFlags::IN)], deadline)? {
            return self.child.try_wait();
        }
        self.kill();
        Ok(None)
    }

    fn kill(&mut self) {
        // Fails only where the process is gone already, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads a death from an exit status and from what the worker said before.
fn cause(status: ExitStatus, allocation_failed: bool) -> Death {
    match status.signal() {
        Some(signal) if signal == Signal::XCPU.as_raw() => {
            Death::new(Reason::DecodeTimeout, "the CPU time is used up")
        }
        Some(signal) if signal == Signal::ABORT.as_raw() && allocation_failed => {
            Death::new(Reason::DecodeMemory, "an allocation beyond the address space failed")
        }
        Some(signal) => Death::new(Reason::DecoderCrashed, format!("the worker died of signal {signal}")),
        None => {
            let code = status.code().unwrap_or(-1);
            Death::new(Reason::DecoderCrashed, format!("the worker exited with {code}"))
        }
    }
}

/// User and system ticks of a `/proc/PID/stat` line: fields 14 and 15, counted past the name, which may hold
/// anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(ticks()? + ticks()?)
}

/// Waits for one of `watched`; `false` once `deadline` has passed.
fn wait(watched: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(watched, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads what is there: `Some(0)` at the end, `None` if there is nothing now.
fn read_some(from: &mut (impl Read + AsFd), buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match from.read(buffer) {
        Ok(count) => Ok(Some(count)),
        Err(error) if is_passing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_past_any_name() {
        let stat = "42 (a) 1 2 ) S 1 42 42 0 -1 4194560 99 0 0 0 17 5 0 0 20 0 1 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some(22));
        assert_eq!(cpu_ticks("nonsense"), None);
    }

    #[test]
    fn a_death_names_its_cause() {
        let of = |raw, allocation_failed| cause(ExitStatus::from_raw(raw), allocation_failed).reason;
        assert_eq!(of(24, false), Reason::DecodeTimeout);
        assert_eq!(of(6, true), Reason::DecodeMemory);
        assert_eq!(of(6, false), Reason::DecoderCrashed);
        assert_eq!(of(11, true), Reason::DecoderCrashed);
        assert_eq!(of(3 << 8, false), Reason::DecoderCrashed);
    }
}
