//! Owns the engines as the harness sees them: which there are, how each is started, and asking one. An engine is a warm
//! process that answers a line with a line; it ends when its stdin does.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::meter;
use crate::protocol::{Job, Ready, Reply};

/// One thread for everybody, whichever library asks.
const SINGLE: &[&str] = &[
    "VIPS_CONCURRENCY",
    "MAGICK_THREAD_LIMIT",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "UV_THREADPOOL_SIZE",
];

/// An engine of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Such as `sharp-chained`.
    pub name: &'static str,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum How {
    /// This program again.
    Own,
    /// The engine of this name in the bench of an earlier build.
    Before(&'static str),
    /// A script for node, and its argument.
    Node(&'static str, &'static str),
    /// A script for the Python of an environment, and its argument.
    Python(&'static str, &'static str, &'static str),
}

/// Our engine as it was in an earlier build.
pub(crate) const BEFORE: &str = "before";

/// Every engine, ours first.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "safelight", how: How::Own },
    Kind { name: "safelight-worker", how: How::Own },
    Kind { name: BEFORE, how: How::Before("safelight") },
    Kind { name: "before-worker", how: How::Before("safelight-worker") },
    Kind { name: "sharp", how: How::Node("sharp.mjs", "each") },
    Kind { name: "sharp-chained", how: How::Node("sharp.mjs", "chained") },
    Kind { name: "vips", how: How::Python("py", "vips.py", "each") },
    Kind { name: "vips-chained", how: How::Python("py", "vips.py", "chained") },
    Kind { name: "pillow-simd", how: How::Python("simd", "pillow.py", "") },
    Kind { name: "image-fir", how: How::Own },
    Kind { name: "pillow", how: How::Python("py", "pillow.py", "") },
    Kind { name: "image", how: How::Own },
    Kind { name: "imagemagick", how: How::Python("py", "magick.py", "") },
];

/// The engines that are part of this program.
pub(crate) fn own() -> Vec<Kind> {
    KINDS.iter().copied().filter(|kind| kind.how == How::Own).collect()
}

/// Our engine as it is, and as it was in the earlier build where there is one.
pub(crate) fn ours(places: &Places) -> Vec<Kind> {
    let is_ours = |kind: &Kind| kind.name.starts_with("safelight") || kind.name == BEFORE;
    KINDS.iter().copied().filter(|kind| is_ours(kind) && places.has(*kind)).collect()
}

/// The engines whose packages have been fetched.
pub(crate) fn present(places: &Places) -> Vec<Kind> {
    KINDS.iter().copied().filter(|kind| places.has(*kind)).collect()
}

impl Kind {
    fn command(self, places: &Places) -> Result<Command> {
        let script = |name: &str| places.scripts.join(name);
        let mut command = match self.how {
            How::Own => {
                let mut command = Command::new(std::env::current_exe().context("find this program")?);
                command.args(["engine", self.name]);
                command
            }
            How::Before(engine) => {
                let mut command = Command::new(places.before.as_ref().context("find the bench of before")?);
                command.args(["engine", engine]);
                command
            }
            How::Node(name, argument) => {
                let mut command = Command::new("node");
                command.arg(script(name)).arg(argument).env("BENCH_NODE", places.peers.join("node"));
                command
            }
            How::Python(environment, name, argument) => {
                let mut command = Command::new(places.python(environment));
                command.arg("-B").arg(script(name)).arg(argument);
                command
            }
        };
        command.envs(SINGLE.iter().map(|name| (name, "1")));
        Ok(command)
    }
}

/// Where scripts and fetched peers are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// `tests/bench/peers`.
    pub scripts: PathBuf,
    /// `bench` in the cache.
    pub peers: PathBuf,
    /// The bench of an earlier build, where one is compared.
    pub before: Option<PathBuf>,
}

impl Places {
    /// The Python of one of the environments in the cache.
    pub(crate) fn python(&self, environment: &str) -> PathBuf {
        self.peers.join(environment).join("bin/python")
    }

    /// Whether an engine's packages have been fetched.
    fn has(&self, kind: Kind) -> bool {
        match kind.how {
            How::Own => true,
            How::Before(_) => self.before.is_some(),
            How::Node(..) => self.peers.join("node/node_modules/sharp").is_dir(),
            How::Python(_, "magick.py", _) => self.python("py").is_file() && is_on_path("convert"),
            How::Python(environment, ..) => self.python(environment).is_file(),
        }
    }
}

/// Whether a program is on the path.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// A running engine.
pub(crate) struct Engine {
    /// Which.
    pub kind: Kind,
    /// What it is made of.
    pub versions: BTreeMap<String, String>,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    child_peak_kib: u64,
}

impl Engine {
    /// Starts an engine and waits until it is ready.
    pub(crate) fn start(kind: Kind, places: &Places) -> Result<Engine> {
        let mut command = kind.command(places)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start the engine `{}`", kind.name))?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a piped stream is there"));
        let versions = BTreeMap::new();
        let mut engine = Engine { kind, versions, child, stdin, stdout, child_peak_kib: 0 };
        let ready: Ready = serde_json::from_str(&engine.line()?)?;
        engine.versions = ready.versions;
        Ok(engine)
    }

    /// Has a job done. Fails where the engine does; `Ok(None)` where it cannot do such a job at all.
    pub(crate) fn ask(&mut self, job: &Job) -> Result<Option<Cost>> {
        let stdin = self.stdin.as_mut().expect("stdin is open until the engine is dropped");
        writeln!(stdin, "{}", serde_json::to_string(job)?)?;
        let name = self.kind.name;
        match serde_json::from_str(&self.line()?).with_context(|| format!("read the answer of `{name}`"))? {
            Reply::Done { cpu_ms, bytes, child_peak_kib } => {
                self.child_peak_kib = self.child_peak_kib.max(child_peak_kib);
                Ok(Some(Cost { cpu_ms: cpu_ms / f64::from(job.repeat), bytes: bytes.iter().sum() }))
            }
            Reply::Unsupported(_) => Ok(None),
            Reply::Failed(why) => bail!("`{name}` failed on {}: {why}", job.input.display()),
        }
    }

    /// The largest resident set so far, of the engine and its children together, KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let tree = meter::tree_of(self.child.id());
        tree.into_iter().filter_map(meter::peak_kib_of).sum::<u64>() + self.child_peak_kib
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the engine `{}` ended", self.kind.name);
        }
        Ok(line)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The end of its input is what an engine ends at; what comes after is its exit alone.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a job cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// User and system time of one repeat, milliseconds.
    pub cpu_ms: f64,
    /// Of all renditions together.
    pub bytes: u64,
}
