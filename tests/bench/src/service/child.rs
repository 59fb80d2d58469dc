//! Owns the programs that the service part starts: each dies with the bench, however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Apache Kafka's start included, on a busy machine.
const READY_MAX: Duration = Duration::from_secs(180);
const STOP_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A running program.
pub(crate) struct Program(Child);

impl Program {
    /// Starts a program with its messages in `log`. The kernel kills it when this thread ends.
    pub(crate) fn start(command: &Command, log: &Path) -> Result<Program> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        let log = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let child = guarded.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn();
        Ok(Program(child.with_context(|| format!("start `{name}`"))?))
    }

    /// Waits for its first line on stdout, which must be JSON.
    pub(crate) fn first_line(&mut self) -> Result<Value> {
        let stdout = self.0.stdout.take().context("stdout is read once")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        serde_json::from_str(&line)
            .with_context(|| format!("a program said `{line}` and not that it is ready"))
    }

    /// Waits until somebody listens on a port of loopback.
    pub(crate) fn listens(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + READY_MAX;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if self.0.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("nobody listens on port {port}");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Asked first, so that a stack takes its broker along; a program that is gone already is what this is after.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let deadline = Instant::now() + STOP_MAX;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free now, for a program that cannot choose one.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
