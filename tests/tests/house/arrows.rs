//! Owns the arrows: which of our crates may depend on which, read from cargo's own metadata. Knows nothing about
//! sources. Tests and benches are not bound, so development dependencies are left out.

use std::process::Command;

use serde_json::Value;

use crate::{assert_none, root};

/// Everything in the house, and whom it may ask. Whoever is not here may depend on nobody.
const ARROWS: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("darkroom", &[]),
    ("chassis", &[]),
    ("gate", &["chassis", "proto"]),
    ("depot", &["proto"]),
    ("conveyor", &["proto"]),
    ("ingest", &["gate", "depot", "conveyor", "chassis", "proto"]),
    ("processor", &["depot", "conveyor", "chassis", "proto", "darkroom"]),
    ("sink", &["gate", "depot", "conveyor", "chassis", "proto"]),
    ("safelight", ALL),
    ("street", ALL),
    ("bench", &["darkroom"]),
    ("fuzz", &["darkroom"]),
];

/// The operator's command and the end-to-end tests see the whole house; nothing sees them but the tests.
const ALL: &[&str] = &[
    "proto",
    "darkroom",
    "chassis",
    "gate",
    "depot",
    "conveyor",
    "ingest",
    "processor",
    "sink",
    "safelight",
];

/// The packages of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo describes the workspace");
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("cargo lists packages, not {other}"),
    }
}

fn name_of(described: &Value) -> String {
    described["name"].as_str().expect("what cargo describes has a name").to_owned()
}

/// The arrows of one package to others of the house, tests and benches aside.
fn arrows_of(package: &Value, members: &[String]) -> Vec<(String, String)> {
    let dependencies = package["dependencies"].as_array().expect("a package lists what it needs");
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .map(name_of)
        .filter(|name| members.contains(name))
        .map(|name| (name_of(package), name))
        .collect()
}

fn arrow_faults(arrows: &[(String, String)]) -> Vec<String> {
    let allowed = |from: &str, to: &str| {
        ARROWS.iter().any(|(name, targets)| *name == from && targets.contains(&to) && from != to)
    };
    arrows
        .iter()
        .filter(|(from, to)| !allowed(from, to))
        .map(|(from, to)| format!("`{from}` may not depend on `{to}`"))
        .collect()
}

#[test]
fn every_arrow_in_the_workspace_is_drawn_in_the_house() {
    let packages = packages();
    let members: Vec<String> = packages.iter().map(name_of).collect();
    let arrows: Vec<_> = packages.iter().flat_map(|package| arrows_of(package, &members)).collect();
    assert!(arrows.len() >= 15, "cargo named only {} arrows", arrows.len());
    assert_none("arrows", &arrow_faults(&arrows));
    let strangers: Vec<_> =
        members.into_iter().filter(|name| !ARROWS.iter().any(|(known, _)| known == name)).collect();
    assert_none("packages that the house does not know", &strangers);
}

#[test]
fn an_arrow_that_is_not_drawn_is_found() {
    let arrow = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
    for (from, to) in [
        ("ingest", "sink"),
        ("processor", "gate"),
        ("proto", "chassis"),
        ("sink", "darkroom"),
        ("ingest", "safelight"),
        ("unknown", "proto"),
    ] {
        assert_eq!(arrow_faults(&arrow(from, to)).len(), 1, "{from} -> {to}");
    }
    assert!(arrow_faults(&arrow("gate", "proto")).is_empty());
    assert!(arrow_faults(&arrow("street", "safelight")).is_empty());
}
