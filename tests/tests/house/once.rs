//! Owns the price of a build: what `make demo` has compiled of others, `make test` does not compile again. Cargo compiles
//! a crate once for each set of features, so both must ask the same of every crate that they share.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{assert_none, root};

/// The crates that a selection builds, each with its version and features on a line: `tokio v1.54.1 macros,net`.
fn crates_of(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--prefix=none", "--format={p} {f}"])
        .args(selection)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    tree.lines().map(|line| line.trim_end_matches("(*)").trim_end().to_owned()).collect()
}

/// Name and version of a crate's line.
fn package(line: &str) -> &str {
    let end = line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

/// What the second build wants otherwise than the first has compiled it.
fn compiled_again(first: &BTreeSet<String>, second: &BTreeSet<String>) -> Vec<String> {
    let known: BTreeSet<&str> = first.iter().map(|line| package(line)).collect();
    second.difference(first).filter(|line| known.contains(package(line))).cloned().collect()
}

#[test]
fn what_the_demo_compiles_the_tests_do_not_compile_again() {
    let demo = crates_of(&["--package=safelight", "--edges=normal,build"]);
    let tests = crates_of(&["--workspace", "--edges=normal,build,dev"]);
    assert!(demo.len() >= 100, "cargo named only {} crates", demo.len());
    assert_none(
        "crates that `make test` wants with other features (state them in the root's Cargo.toml)",
        &compiled_again(&demo, &tests),
    );
}

#[test]
fn a_crate_with_another_feature_is_found_and_a_new_one_is_not() {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let demo = lines(&["tokio v1.54.1 net", "rand v0.9.5 std", "once v1.0.0"]);
    assert_eq!(compiled_again(&demo, &lines(&["tokio v1.54.1 net,test-util"])).len(), 1);
    assert_eq!(compiled_again(&demo, &lines(&["once v1.0.0 std"])).len(), 1);
    assert!(
        compiled_again(&demo, &lines(&["tokio v1.54.1 net", "rand v0.10.3 std", "fast v1.0.0"])).is_empty()
    );
}
