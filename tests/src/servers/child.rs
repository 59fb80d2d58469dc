//! A server as a child process, with a port and a folder of its own. Knows no particular server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;
use crate::wait::eventually;

const READY_MAX: Duration = Duration::from_secs(120);
const DONE_MAX: Duration = Duration::from_secs(60);
/// What a short life needs of a Java machine.
pub(super) const JVM: [&str; 2] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// Where a child will live: decided before it starts, since its arguments say so.
pub(super) struct Home {
    pub(super) port: u16,
    folder: TempDir,
}

/// A running child. It can be killed and comes back with the same port and folder.
pub(super) struct Child {
    process: Process,
    program: PathBuf,
    args: Vec<String>,
    // Last, so that it goes when nobody uses it any more.
    home: Home,
}

impl Home {
    pub(super) fn new() -> Home {
        Home { port: free_port(), folder: tempfile::tempdir().expect("a folder for a server") }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder of that name and returns its path.
    pub(super) fn folder(&self, name: &str) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).expect("a server's folder takes folders");
        text(&path)
    }

    /// Runs a program to its end, which must be a good one.
    pub(super) async fn run(&self, program: &str, args: &[&str]) {
        let mut process = Process::start(Path::new(program), args, &[], self.path());
        let status = process.ended(DONE_MAX).await;
        assert!(status.success(), "{program} ended with {status}: {}", process.log());
    }

    /// Starts the server.
    pub(super) fn start(self, program: &Path, args: &[&str]) -> Child {
        let process = Process::start(program, args, &[], self.path());
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Child { process, program: program.to_owned(), args, home: self }
    }
}

impl Child {
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.home.port)
    }

    /// Waits for the answer that says it is there.
    pub(super) async fn answers(&mut self, path: &str, is_right: impl Fn(StatusCode) -> bool) {
        let url = self.url(path);
        eventually(&format!("an answer of {url}"), READY_MAX, async || {
            assert!(self.process.is_running(), "the server of {url} ended: {}", self.process.log());
            let answer = reqwest::get(&url).await.ok()?;
            is_right(answer.status()).then_some(())
        })
        .await;
    }

    pub(super) fn go_away(&mut self) {
        self.process.kill();
    }

    pub(super) fn come_back(&mut self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.process = Process::start(&self.program, &args, &[], self.home.path());
    }
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().expect("a test's paths are UTF-8").to_owned()
}
