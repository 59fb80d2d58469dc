//! Owns the versions: each dependency has one, stated at the root, and none that is known to be bad. What may come
//! in at all (licences, sources) is `deny.toml`'s.

use std::fs;

use crate::source::sources;
use crate::{assert_none, root};

/// Two versions of these in one binary go wrong silently: two metric registries, two SQLite libraries, two wire codecs.
const ONCE: &[&str] =
    &["rdkafka", "libsqlite3-sys", "prost", "metrics", "axum", "jsonwebtoken", "tokio", "hyper", "rustls"];

/// A package and a test of its version that says it is bad, and why.
struct Bad {
    package: &'static str,
    is: fn(Version) -> bool,
    reason: &'static str,
}

type Version = (u64, u64, u64);

const BAD: &[Bad] = &[
    Bad {
        package: "rdkafka",
        is: |v| v.0 == 0 && v.1 == 38,
        reason: "librdkafka 2.10.0 loops in re-bootstrap",
    },
    Bad { package: "jsonwebtoken", is: |v| v.0 < 11, reason: "a string `exp` counts as absent" },
    Bad {
        package: "webp",
        is: |v| v <= (0, 3, 0),
        reason: "the encoder reads out of bounds (RUSTSEC-2024-0443)",
    },
];

/// Every package of a lock file with its version; build metadata and pre-release are cut off.
fn locked(lock: &str) -> Vec<(String, Version)> {
    let lock: toml::Table = lock.parse().expect("a lock file is TOML");
    let packages = lock.get("package").and_then(toml::Value::as_array).expect("a lock file lists packages");
    packages
        .iter()
        .map(|package| {
            let field = |name: &str| {
                package.get(name).and_then(toml::Value::as_str).expect("a package has a name and a version")
            };
            (field("name").to_owned(), version(field("version")))
        })
        .collect()
}

fn version(text: &str) -> Version {
    let plain = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().expect("a version is numbers"));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn bad_versions(locked: &[(String, Version)]) -> Vec<String> {
    let faults = |bad: &Bad, (name, version): &(String, Version)| {
        (name == bad.package && (bad.is)(*version)).then(|| format!("{name} {version:?}: {}", bad.reason))
    };
    locked.iter().flat_map(|package| BAD.iter().filter_map(move |bad| faults(bad, package))).collect()
}

fn doubles(locked: &[(String, Version)]) -> Vec<String> {
    let count = |name: &str| locked.iter().filter(|(package, _)| package == name).count();
    ONCE.iter()
        .filter(|name| count(name) > 1)
        .map(|name| format!("{name} is there {} times", count(name)))
        .collect()
}

/// Dependencies of a member whose version is not the workspace's.
fn own_versions(path: &str, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let is_shared = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flatten()
        .filter(|(_, value)| !is_shared(value))
        .map(|(name, _)| format!("{path}: `{name}` states a version of its own"))
        .collect()
}

#[test]
fn each_dependency_has_one_version_stated_at_the_root() {
    let manifests: Vec<_> = ["proto", "ingest", "processor", "sink", "crates", "tests"]
        .iter()
        .flat_map(|member| sources(&root(), member, &["Cargo.toml"]))
        .collect();
    assert!(manifests.len() >= 11, "only {} manifests were found", manifests.len());
    let faults: Vec<_> =
        manifests.iter().flat_map(|manifest| own_versions(&manifest.path, &manifest.text)).collect();
    assert_none("versions", &faults);
}

#[test]
fn no_version_known_to_be_bad_is_locked() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    let locked = locked(&lock);
    assert_none("bad versions", &bad_versions(&locked));
    assert_none("doubled packages", &doubles(&locked));
}

#[test]
fn a_bad_a_doubled_and_an_own_version_are_found() {
    let lock =
        |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
    let bad = |name: &str, version: &str| bad_versions(&locked(&lock(name, version))).len();
    assert_eq!(bad("rdkafka", "0.38.0"), 1);
    assert_eq!(bad("rdkafka", "0.39.0"), 0);
    assert_eq!(bad("jsonwebtoken", "10.3.1"), 1);
    assert_eq!(bad("webp", "0.3.0"), 1);
    assert_eq!(bad("webp", "0.3.1+libwebp-1.5"), 0);
    let twice = lock("metrics", "0.23.0") + &lock("metrics", "0.24.1");
    assert_eq!(doubles(&locked(&twice)).len(), 1);
    assert_eq!(
        own_versions("a/Cargo.toml", "[dependencies]\ntokio = \"1\"\nhttp = { version = \"1\" }\n").len(),
        2
    );
    assert!(own_versions("a/Cargo.toml", "[dependencies]\ntokio.workspace = true\n").is_empty());
}
