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

use super::death::{Death, Remains};
use super::inbox::{Inbox, Progress};
use super::poll::{is_passing, read_some, wait};
use super::vitals::cpu_time;
use crate::worker::shared::{Shared, hand_over};
use crate::worker::wire::{self, Asked, Doubt, OUTPUT_BYTES_MAX, Question, Ready, Said};
use crate::worker::{Confinement, HEAP, WORKER_ARG};
use crate::{Limits, Reason};

/// A worker that is not ready by then has not understood its argument, or the machine is stuck.
const START_SECS_MAX: u64 = 10;
/// From the end of a worker's stdout to its exit, its memory given back; a worker that lives longer is killed.
const EXIT_WAIT: Duration = Duration::from_secs(2);
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
    /// CPU time that it had before the job in hand.
    cpu_time_before: Duration,
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
            // A terminal's signals go to its whole group, and the station wants to drain.
            .process_group(0)
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
        let cpu_time_before = Duration::ZERO;
        let mut worker =
            Self { child, stdin, stdout, stderr, input, output, confinement, jobs: 0, cpu_time_before };
        worker.await_ready()?;
        worker.prove(limits)?;
        Ok(worker)
    }

    /// Does once what every job and every death needs, so that a machine without it is found out at the start and not by
    /// the first bad file.
    fn prove(&mut self, limits: &Limits) -> io::Result<()> {
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
                let cpu_time = self.cpu_time();
                self.kill();
                Err(NoAnswer::Died(Death::late("answer", cpu_time, asked.limits)))
            }
            Stop::Gone => {
                Err(NoAnswer::Died(self.autopsy(&mut inbox, asked.limits).unwrap_or_else(|error| {
                    // It is gone all the same: to ask again and again would stop everybody behind this file.
                    self.kill();
                    let detail = format!("the worker ended, nobody knows how: {error}");
                    Death::of_file(Reason::DecoderCrashed, detail)
                })))
            }
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
        NoAnswer::Died(Death::of_file(Reason::DecoderCrashed, format!("the worker sent {wrong}")))
    }

    /// Lets the worker use `secs` more of CPU. RLIMIT_CPU counts from the start of a process, so the soft limit is
    /// what it has used and the allowance; SIGXCPU then ends it, even if this station is gone by then.
    fn allow_cpu(&mut self, secs: u64) -> io::Result<()> {
        self.cpu_time_before = cpu_time(self.child.id())?;
        let used_secs = self.cpu_time_before.as_millis().div_ceil(1000);
        let used_secs = u64::try_from(used_secs).map_err(io::Error::other)?;
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

    /// What it has had of CPU time for the job in hand, until it is reaped. None that can be read is none.
    fn cpu_time(&self) -> Duration {
        cpu_time(self.child.id()).map_or(Duration::ZERO, |now| now.saturating_sub(self.cpu_time_before))
    }

    /// Finds out how a worker that fell silent died.
    fn autopsy(&mut self, inbox: &mut Inbox, limits: &Limits) -> io::Result<Death> {
        let deadline = Instant::now() + EXIT_WAIT;
        let mut buffer = vec![0; PIPE_READ_BYTES];
        loop {
            let mut watched = [PollFd::new(&self.stderr, PollFlags::IN)];
            if !wait(&mut watched, deadline)? || self.overhear(inbox, &mut buffer)? == Some(0) {
                break;
            }
        }
        self.await_exit(deadline)?;
        let cpu_time = self.cpu_time();
        let Some(status) = self.reap()? else {
            return Ok(Death::of_file(Reason::DecoderCrashed, "the worker closed its output and stayed"));
        };
        let allocation_failed = inbox.tells_of_failed_allocation();
        Ok(Death::of(&Remains { who: "the worker", status, cpu_time, allocation_failed }, limits))
    }

    fn await_exit(&self, deadline: Instant) -> io::Result<()> {
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        wait(&mut [PollFd::new(&process, PollFlags::IN)], deadline)?;
        Ok(())
    }

    /// Returns how it ended. One that has not is killed, and then there is no status worth reading.
    fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_none() {
            self.kill();
        }
        Ok(status)
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
