//! A child process that never outlives its story.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::eventually;

/// Log lines that a failing story shows.
const TAIL_BYTES: usize = 6000;

/// A running program with its output in files.
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `program`; its output goes to files in `folder`.
    pub fn start(program: &Path, args: &[&str], env: &[(String, String)], folder: &Path) -> Process {
        let name = program.file_name().expect("a program has a name").to_string_lossy().into_owned();
        let place = |end: &str| {
            let count = std::fs::read_dir(folder).map_or(0, Iterator::count);
            folder.join(format!("{name}-{count}.{end}"))
        };
        let (stdout, stderr) = (place("out"), place("err"));
        let file = |path: &Path| File::create(path).expect("the story's folder takes files");
        // The kernel kills the child when this thread ends, so that a killed test runner leaves nothing behind.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .envs(env.iter().filter(|(name, _)| name == "KAFKA_BOOTSTRAP_SERVERS").map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .unwrap_or_else(|cause| panic!("start {name}: {cause}"));
        Process { name, child, stdout, stderr }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // A process that has ended already is what every signal of a story is after.
        let _ = kill_process(self.pid(), signal);
    }

    /// Kills it at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        drop(self.child.wait());
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        eventually(&what, deadline, async || self.child.try_wait().expect("the child is ours")).await
    }

    /// Says whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the child is ours").is_none()
    }

    /// Returns its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Returns what it has printed on stdout.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// Returns what it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let mut log = String::new();
            drop(File::open(&self.stderr).and_then(|mut file| file.read_to_string(&mut log)));
            let start = log.floor_char_boundary(log.len().saturating_sub(TAIL_BYTES));
            show(&format!("--- end of the log of {} ---\n{}", self.name, &log[start..]));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failing story shows what its processes said")]
fn show(text: &str) {
    eprintln!("{text}");
}
