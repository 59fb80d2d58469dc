//! Owns one worker process from the station's side: starts it, gives it a job, bounds its time, reads its death.
//! Knows nothing about customers or retries.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, getrlimit, pidfd_open, prlimit};

use super::death::Death;
use super::inbox::{Inbox, Progress};
use super::poll::{is_passing, read_some, wait};
use crate::worker::shared::{Shared, hand_over};
use crate::worker::wire::{self, Asked, Doubt, OUTPUT_BYTES_MAX, Question, Ready, Said};
use crate::worker::{Confinement, HEAP, WORKER_ARG};
use crate::{Limits, Reason};

/// A worker that is not ready by then has not understood its argument, or the machine is stuck.
const START_SECS_MAX: u64 = 10;
/// From the end of a worker's stdout to its exit; a worker that lives longer is killed.
const EXIT_WAIT: Duration = Duration::from_millis(500);
const PIPE_READ_BYTES: usize = 64 << 10;
/// A worker process. Dropping it kills and reaps it.
pub(super) struct Worker {
    child: Child,
    /// The worker's stdin: a socket, so that it could carry the memory files.
    stdin: UnixStream,
    stdout: ChildStdout,
    stderr: ChildStderr,
    input: Shared,
    output: Shared,
    /// What it reported.
    pub(super) confinement: Confinement,
    /// Jobs given to it.
    pub(super) jobs: u32,
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
        let input = Shared::create("darkroom-original", limits.file_bytes_max.max(1))?;
        let output = Shared::create("darkroom-renditions", OUTPUT_BYTES_MAX)?;
        let (stdin, theirs) = UnixStream::pair()?;
        hand_over(&stdin, [input.read_only()?.as_fd(), output.as_fd()])?;
        let mut child = Command::new(program)
            .arg0(WORKER_ARG)
            .arg(WORKER_ARG)
            .arg(limits.address_space_bytes_max.to_string())
            .arg(std::process::id().to_string())
            .env_clear()
            .envs(HEAP)
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let taken = "a piped stream is there until it is taken";
        let stdout = child.stdout.take().expect(taken);
        let stderr = child.stderr.take().expect(taken);
        // Our ends only: the worker's ends are other file descriptions and stay blocking.
        ioctl_fionbio(&stdin, true)?;
        ioctl_fionbio(&stdout, true)?;
        ioctl_fionbio(&stderr, true)?;
        let confinement = Confinement::default();
        let mut worker = Self { child, stdin, stdout, stderr, input, output, confinement, jobs: 0 };
        worker.await_ready()?;
        worker.prove(limits)?;
        Ok(worker)
    }

    /// Does once what every job and every death needs, so that a machine without it is found out at the start and not by
    /// the first bad file.
    fn prove(&self, limits: &Limits) -> io::Result<()> {
        self.allow_cpu(limits.cpu_secs)?;
        pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        Ok(())
    }

    fn await_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(START_SECS_MAX);
        let mut inbox = Inbox::default();
        match self.converse(&mut [].as_slice(), &mut inbox, deadline)? {
            Stop::Answered => {}
            Stop::Nonsense => return Err(io::Error::other("the program does not serve as a worker")),
            Stop::OutOfTime => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the worker is never ready"));
            }
            Stop::Gone => return Err(io::Error::other("the worker ended before it was ready")),
        }
        let ready: Ready = serde_json::from_slice(inbox.answer())?;
        self.confinement = ready.confinement;
        Ok(())
    }

    /// Whether the process is still there.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives the worker `original`, in parts, and waits for its answer, at most `wall_secs`.
    pub(super) fn ask<B: AsRef<[u8]>>(&mut self, asked: Asked<'_>, original: &[B]) -> Result<Said, NoAnswer> {
        let deadline = Instant::now() + Duration::from_secs(asked.limits.wall_secs);
        self.jobs += 1;
        self.allow_cpu(asked.limits.cpu_secs)?;
        self.input.fill(original)?;
        let original_bytes = original.iter().map(|part| part.as_ref().len() as u64).sum();
        let question = Question { original_bytes, plan: asked.plan.clone(), limits: asked.limits.clone() };
        let question = wire::frame(&question)?;
        let mut inbox = Inbox::default();
        match self.converse(&mut question.as_slice(), &mut inbox, deadline)? {
            Stop::Answered => self.believe(asked, inbox.answer()),
            Stop::Nonsense => Err(self.disbelieve("an answer out of bounds")),
            Stop::OutOfTime => {
                self.kill();
                let secs = asked.limits.wall_secs;
                let detail = format!("no answer within {secs} s");
                Err(NoAnswer::Died(Death::new(Reason::DecodeTimeout, detail)))
            }
            Stop::Gone => Err(NoAnswer::Died(self.autopsy(&mut inbox).unwrap_or_else(|error| {
                // It is gone all the same: to ask again and again would stop everybody behind this file.
                self.kill();
                Death::new(Reason::DecoderCrashed, format!("the worker ended, nobody knows how: {error}"))
            }))),
        }
    }

    fn believe(&mut self, asked: Asked<'_>, answer: &[u8]) -> Result<Said, NoAnswer> {
        let said = wire::check(asked, answer, |at, bytes| self.output.read(at, bytes));
        match said {
            Ok(said) => {
                self.input.trim()?;
                self.output.trim()?;
                Ok(said)
            }
            Err(Doubt::Lie(lie)) => Err(self.disbelieve(lie)),
            Err(Doubt::Unreadable(error)) => Err(NoAnswer::Failed(error)),
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

    /// Sends the question and hears the answer.
    fn converse(&mut self, outbox: &mut &[u8], inbox: &mut Inbox, deadline: Instant) -> io::Result<Stop> {
        let mut buffer = vec![0; PIPE_READ_BYTES];
        loop {
            let to_send = !outbox.is_empty();
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

    /// Sends what the socket takes; `false` if nobody reads it any more.
    fn send(&mut self, outbox: &mut &[u8]) -> io::Result<bool> {
        match self.stdin.write(outbox) {
            Ok(count) => *outbox = &outbox[count..],
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
            Some(status) => Death::of("the worker", status, inbox.tells_of_failed_allocation()),
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
        // Without a deadline: what hangs in the kernel has its memory still, and admission must not give that away.
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_past_any_name() {
        let stat = "42 (a) 1 2 ) S 1 42 42 0 -1 4194560 99 0 0 0 17 5 0 0 20 0 1 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some(22));
        assert_eq!(cpu_ticks("nonsense"), None);
    }
}
