//! A local stack of its own for a story: `safelight up` on free ports in a fresh folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::kafka::{self, Held};
use crate::process::Process;
use crate::tools::binary;
use crate::wait::eventually;

/// Apache Kafka's start included, on a busy machine.
const READY_MAX: Duration = Duration::from_secs(120);
const STOP_MAX: Duration = Duration::from_secs(60);

/// A running `safelight up`.
pub struct Stack {
    up: Process,
    ready: Value,
    folder: TempDir,
    flags: Vec<String>,
    _held: Option<Held>,
}

impl Stack {
    /// Starts a stack with further flags, such as `--kafka`, and waits for its ready line. `apache` gives way to the cluster
    /// of `KAFKA_BOOTSTRAP_SERVERS`, where that is set; `own-apache` does not.
    pub async fn up(flags: &[&str]) -> Stack {
        Stack::up_with(flags, &[]).await
    }

    /// Starts a stack with further flags and environment.
    pub async fn up_with(flags: &[&str], env: &[(String, String)]) -> Stack {
        let folder = tempfile::tempdir().expect("a story has a folder");
        let (apache, held) = match flags.contains(&"apache") {
            true => kafka::apache().await,
            false => ("apache".to_owned(), None),
        };
        let translate = |flag: &&str| match *flag {
            "apache" => apache.clone(),
            // A story that kills its broker never takes somebody else's.
            "own-apache" => "apache".to_owned(),
            other => other.to_owned(),
        };
        let flags: Vec<String> = flags.iter().map(translate).collect();
        let (up, ready) = start(folder.path(), &flags, env).await;
        Stack { up, ready, folder, flags, _held: held }
    }

    /// Starts it again on the same folder, after `kill` or `stop`.
    pub async fn again(&mut self) {
        (self.up, self.ready) = start(self.folder.path(), &self.flags, &[]).await;
    }

    /// Kills the whole process at once.
    pub fn kill(&mut self) {
        self.up.kill();
    }

    /// Asks it to stop and waits until it has; its exit must be clean.
    pub async fn stop(&mut self) {
        self.up.signal(Signal::TERM);
        let status = self.up.ended(STOP_MAX).await;
        assert!(status.success(), "`up` ended with {status}");
    }

    /// Returns one of the addresses of the ready line.
    pub fn address(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_else(|| panic!("the ready line has no `{name}`: {}", self.ready))
    }

    /// Returns a client of the API for a customer.
    pub fn api(&self, customer: &str) -> Api {
        Api::new(self.address("http"), self.address("http"), &self.token(customer))
    }

    /// Returns a token of the stack's issuer.
    pub fn token(&self, customer: &str) -> String {
        let data = self.data().display().to_string();
        let args = ["token", "--data", &data, "--customer", customer];
        let made = std::process::Command::new(binary("safelight")).args(args).output().expect("run `token`");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).expect("a token is ASCII").trim().to_owned()
    }

    /// Returns the stack's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Returns the folder of the story itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the process, for its log and its id.
    pub fn process(&self) -> &Process {
        &self.up
    }

    /// Returns the process id of the Apache Kafka that `up` runs as its child.
    pub fn broker(&self) -> Pid {
        let tasks = format!("/proc/{}/task", self.up.pid().as_raw_nonzero());
        let tasks = std::fs::read_dir(tasks).expect("`up` runs").flatten();
        let children =
            tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default());
        let children = children.collect::<Vec<_>>().join(" ");
        let is_kafka = |pid: &&str| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains("kafka.Kafka")
        };
        let pid = children.split_whitespace().find(is_kafka).expect("`up` has a broker");
        pid.parse().ok().and_then(Pid::from_raw).expect("a pid is a number")
    }

    /// Returns what `up` left for others in its `env` file.
    pub fn env(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.data().join("env")).expect("`up` writes `env`");
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        text.lines().filter_map(pair).collect()
    }
}

async fn start(folder: &Path, flags: &[String], env: &[(String, String)]) -> (Process, Value) {
    let data = folder.join("data").display().to_string();
    let mut args = vec!["up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", &data];
    args.extend(flags.iter().map(String::as_str));
    let mut up = Process::start(&binary("safelight"), &args, env, folder);
    let ready = eventually("the stack's ready line", READY_MAX, async || {
        let line = up.stdout();
        if line.ends_with('\n') {
            return serde_json::from_str(line.lines().next()?).ok();
        }
        assert!(up.is_running(), "`up` ended before it was ready");
        None
    });
    let ready = ready.await;
    (up, ready)
}
