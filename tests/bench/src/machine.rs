//! Owns the description of the machine and of what was run on it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::meter::proc_line;

/// The machine: CPU, cores, memory, kernel.
pub(crate) fn describe() -> Value {
    json!({
        "cpu": proc_line(Path::new("/proc/cpuinfo"), "model name"),
        "cores": online(),
        "memory": proc_line(Path::new("/proc/meminfo"), "MemTotal"),
        "kernel": output("uname", &["-sr"]),
        "date": output("date", &["-u", "+%F"]),
    })
}

/// The cores of the machine, whichever this process may use.
pub(crate) fn online() -> usize {
    output("getconf", &["_NPROCESSORS_ONLN"]).and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// What a command prints, if it can be run.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
