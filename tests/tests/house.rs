//! The house rules, held by a test: arrows (who may depend on whom), doors (which crate may touch which outside
//! world), circles (no files ask each other), parameters (each has a name), the street (what stands at the top level),
//! sizes and versions, and what is compiled only once. Each rule is a function over plain text or names, and is shown to
//! fail on a bad example before it is held against the sources.

#[path = "house/arrows.rs"]
mod arrows;
#[path = "house/circles.rs"]
mod circles;
#[path = "house/doors.rs"]
mod doors;
#[path = "house/once.rs"]
mod once;
#[path = "house/parameters.rs"]
mod parameters;
#[path = "house/source.rs"]
mod source;
#[path = "house/street.rs"]
mod street;
#[path = "house/versions.rs"]
mod versions;

use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the package stands in the workspace").to_path_buf()
}

/// Fails with every fault on a line of its own, so that one run shows them all.
#[track_caller]
fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
