//! Owns the arrows: which of our crates may depend on which, read from cargo's own metadata. Knows nothing about
//! sources. Tests and benches are not bound, so development dependencies are left out.

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

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

/// The arrows of one package to others of the house, tests and benches aside.
fn arrows_of(package: &Package, members: &[String]) -> Vec<(String, String)> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .filter(|dependency| members.contains(&dependency.name))
        .map(|dependency| (package.name.to_string(), dependency.name.clone()))
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
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    let members: Vec<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let arrows: Vec<_> = metadata.packages.iter().flat_map(|package| arrows_of(package, &members)).collect();
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
