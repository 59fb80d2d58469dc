//! Holds alerts and dashboard against the sources: each metric they ask for is one that some `metrics.rs` names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{assert_none, read, root, words};

/// What Prometheus' histograms add to the name of their metric.
const SUFFIXES: &[&str] = &["_bucket", "_count", "_sum"];

fn metric_names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    words(text, is_name).filter(|word| word.starts_with("safelight_")).map(base_name).collect()
}

fn base_name(name: &str) -> String {
    let base = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    base.unwrap_or(name).to_owned()
}

/// The names in every `metrics.rs` under a folder.
fn defined(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            defined(&path, names);
        } else if path.ends_with("metrics.rs") {
            names.extend(metric_names(&fs::read_to_string(&path).expect("a source file is UTF-8")));
        }
    }
}

#[test]
fn every_metric_that_an_alert_or_a_panel_asks_for_is_measured() {
    let mut measured = BTreeSet::new();
    for member in ["ingest", "processor", "sink", "crates"] {
        defined(&root().join(member), &mut measured);
    }
    let mut faults = Vec::new();
    for path in [
        "deploy/prometheus/rules.yml",
        "deploy/prometheus/rules_test.yml",
        "deploy/grafana/dashboards/safelight.json",
    ] {
        let asked = metric_names(&read(path));
        assert!(asked.len() >= 8, "{path} asks for only {} metrics", asked.len());
        faults.extend(asked.difference(&measured).map(|name| format!("{path}: nobody measures {name}")));
    }
    assert_none("metrics", &faults);
}

#[test]
fn names_are_read_without_what_a_histogram_adds() {
    let asked = metric_names("rate(safelight_render_seconds_bucket{a=\"b\"}[5m]) / safelight_ready");
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["safelight_ready", "safelight_render_seconds"]);
}
