//! What stands around the code says what the code says: the compose file, the Dockerfile, the proxy, the alerts and
//! the dashboard name only variables, commands, paths, ports and metrics that exist. No Docker engine is needed.

#[path = "deploy/alerts.rs"]
mod alerts;
#[path = "deploy/binaries.rs"]
mod binaries;
#[path = "deploy/compose.rs"]
mod compose;
#[path = "deploy/files.rs"]
mod files;
#[path = "deploy/metrics.rs"]
mod metrics;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package stands in the workspace").to_path_buf()
}

/// The text of a file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with every fault on a line of its own, so that one run shows them all.
#[track_caller]
fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// The words of a text that a pattern of plain characters allows.
fn words(text: &str, allowed: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c: char| !allowed(c)).filter(|word| !word.is_empty())
}
