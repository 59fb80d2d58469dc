//! Owns the look of the street: what stands at the top level, how long a file may be, what it may not be called.

use std::fs;

use crate::source::{Source, sources};
use crate::{assert_none, root};

/// The top level is the diagram. What begins with a dot is a tool's own business.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "crates",
    "deny.toml",
    "deploy",
    "docker-compose.yml",
    "docs",
    "findings",
    "ingest",
    "processor",
    "proto",
    "rust-toolchain.toml",
    "sink",
    "target",
    "tests",
    "web",
];

/// A file longer than this, tests included, is two files.
const LINES_MAX: usize = 400;

/// Generated, and nobody reads them.
const GENERATED: &[&str] = &["proto/src/safelight.v1.rs"];

/// Names that explain nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "misc", "impl", "data", "info"];

fn top_level_faults<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names
        .into_iter()
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name))
        .map(|name| format!("`{name}` does not belong at the top level"))
        .collect()
}

fn size_faults(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX || GENERATED.contains(&source.path.as_str()) {
        return Vec::new();
    }
    vec![format!("{} has {lines} lines, {LINES_MAX} is the wall: split it by noun", source.path)]
}

fn name_faults(source: &Source) -> Vec<String> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        vec![format!("{} has a name that explains nothing", source.path)]
    } else {
        Vec::new()
    }
}

#[test]
fn the_top_level_holds_only_what_the_house_lists() {
    let entries = fs::read_dir(root()).expect("the workspace can be listed");
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_none("the street", &top_level_faults(names.iter().map(String::as_str)));
}

#[test]
fn every_file_is_short_and_named_by_a_noun() {
    let all = sources(&root(), "", &[".rs", ".ts", ".tsx", ".mjs", ".css", ".py", ".sh"]);
    assert!(all.len() >= 20, "only {} sources were found", all.len());
    assert_none("sizes", &all.iter().flat_map(size_faults).collect::<Vec<_>>());
    assert_none("names", &all.iter().flat_map(name_faults).collect::<Vec<_>>());
}

#[test]
fn a_stranger_a_long_file_and_an_empty_name_are_found() {
    assert_eq!(top_level_faults(["Cargo.toml", "notes.md", ".ci"]).len(), 1);
    let source = |path: &str, lines: usize| Source { path: path.to_owned(), text: "x\n".repeat(lines) };
    assert_eq!(size_faults(&source("sink/src/run.rs", LINES_MAX + 1)).len(), 1);
    assert!(size_faults(&source("sink/src/run.rs", LINES_MAX)).is_empty());
    assert_eq!(name_faults(&source("sink/src/utils.rs", 1)).len(), 1);
    assert!(name_faults(&source("sink/src/rows.rs", 1)).is_empty());
}
