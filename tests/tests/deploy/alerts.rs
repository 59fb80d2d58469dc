//! Holds what alerts and panels say against what there is: labels and their values, commands, alerts, topics, variables.

use std::collections::BTreeSet;
use std::process::Command;

use proto::Topic;
use serde_json::Value;

use crate::binaries::binary;
use crate::{assert_none, read, root, words};

const RULES: &str = "deploy/prometheus/rules.yml";
const ASKING: &[&str] =
    &[RULES, "deploy/prometheus/rules_test.yml", "deploy/grafana/dashboards/safelight.json"];
/// Given by Prometheus, to every series or to a histogram's.
const PROMETHEUS_LABELS: &[&str] = &["job", "instance", "le"];

/// Every `name{...}` of a metric of ours: what stands between the braces.
fn selectors(text: &str) -> Vec<String> {
    let ours = text.match_indices("safelight_").map(|(at, _)| &text[at..]);
    let braces = ours.filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
        rest[end..].strip_prefix('{')?.split_once('}').map(|(inside, _)| inside.replace('\\', ""))
    });
    braces.collect()
}

/// The labels of a selector with the values that it names, a pattern's each for itself.
fn labels(selector: &str) -> Vec<(String, Vec<String>)> {
    let one = |part: &str| {
        let (label, value) = part.split_once(['=', '!'])?;
        let value = value.trim_start_matches(['=', '~']).trim_matches('"');
        Some((label.trim().to_owned(), value.split('|').map(str::to_owned).collect()))
    };
    selector.split(", ").flat_map(|part| part.split(',')).filter_map(one).collect()
}

/// The sources of the stations and of what they stand on: path and text.
fn sources() -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    open.extend(["ingest", "processor", "sink", "proto", "crates"].map(|name| root().join(name)));
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.extend((!path.ends_with("tests")).then_some(path));
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

/// Everything that stands between quotes in the sources, and more.
fn literals() -> BTreeSet<String> {
    sources().iter().flat_map(|(_, text)| text.split('"')).map(str::to_owned).collect()
}

#[test]
fn every_label_and_value_that_an_alert_or_a_panel_asks_for_is_one_that_is_measured() {
    let literals = literals();
    let is_known = |value: &String| {
        literals.contains(value) || value.starts_with(|c: char| c.is_ascii_digit()) || value.contains('$')
    };
    let mut faults = Vec::new();
    for path in ASKING {
        let asked: Vec<_> = selectors(&read(path)).iter().flat_map(|selector| labels(selector)).collect();
        assert!(asked.len() >= 2, "{path} asks for only {} labels", asked.len());
        for (label, values) in asked.into_iter().filter(|(label, _)| !PROMETHEUS_LABELS.contains(&&**label)) {
            faults.extend((!literals.contains(&label)).then(|| format!("{path}: nobody sets `{label}`")));
            let unknown = values.iter().filter(|value| !is_known(value));
            faults.extend(unknown.map(|value| format!("{path}: `{label}` is never `{value}`")));
        }
    }
    assert_none("labels", &faults);
}

/// The sentences that people read when an alert fires.
fn annotations() -> Vec<String> {
    let lines = read(RULES);
    let said = |line: &str| {
        let (name, text) = line.trim().split_once(": ")?;
        ["summary", "action"].contains(&name).then(|| text.to_owned())
    };
    lines.lines().filter_map(said).collect()
}

fn alert_names() -> BTreeSet<String> {
    read(RULES).lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect()
}

/// Two words or more written as one: the name of an alert.
fn is_alert_like(word: &str) -> bool {
    let humps = word.chars().filter(char::is_ascii_uppercase).count();
    let begins = word.starts_with(|c: char| c.is_ascii_uppercase());
    begins
        && humps >= 2
        && !word
            .chars()
            .zip(word.chars().skip(1))
            .any(|(a, b)| a.is_ascii_uppercase() && b.is_ascii_uppercase())
}

#[test]
fn what_an_alert_tells_people_to_look_at_exists() {
    let (alerts, sentences) = (alert_names(), annotations());
    assert!(alerts.len() >= 15 && sentences.len() == 2 * alerts.len(), "{} sentences", sentences.len());
    let settings = read("README.md");
    let topics: BTreeSet<&str> = Topic::ALL.into_iter().map(Topic::name).collect();
    let mut faults = Vec::new();
    for sentence in &sentences {
        for word in words(sentence, |c: char| c.is_ascii_alphanumeric() || "_.".contains(c)) {
            let word = word.trim_matches('.');
            let is_wrong = (is_alert_like(word) && !alerts.contains(word))
                || (word.starts_with("images.") && !topics.contains(word))
                || (is_variable(word) && !settings.contains(&format!("| `{word}` |")));
            faults.extend(is_wrong.then(|| format!("no `{word}` for: {sentence}")));
        }
    }
    assert_none("alerts", &faults);
}

fn is_variable(word: &str) -> bool {
    word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[test]
fn every_command_that_a_text_names_is_one_that_safelight_has() {
    let help = Command::new(binary("safelight")).arg("--help").output().expect("the command starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands: BTreeSet<&str> = help.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains("tail"), "{help}");
    let texts = [RULES, "README.md", "CONTRIBUTING.md", "deploy/grafana/dashboards/safelight.json"];
    let texts = texts.map(|path| (path.to_owned(), read(path))).into_iter().chain(sources());
    let mut faults = Vec::new();
    for (path, text) in texts {
        let code = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let named = code.filter_map(|code| code.strip_prefix("safelight ")?.split_whitespace().next());
        let wrong = named.filter(|word| !word.starts_with('-') && !commands.contains(word));
        faults.extend(wrong.map(|word| format!("{path}: no `safelight {word}`")));
    }
    assert_none("commands", &faults);
}

#[test]
fn labels_are_read_from_selectors_and_nothing_else() {
    let read = |text: &str| selectors(text).iter().flat_map(|selector| labels(selector)).collect::<Vec<_>>();
    let label =
        |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(ToString::to_string).collect());
    assert_eq!(
        read(
            "sum by (job) (rate(safelight_a_total{job=\"x\", status=~\"5..|4..\"}[5m])) / safelight_b{o!=\"ok\"}"
        ),
        [label("job", &["x"]), label("status", &["5..", "4.."]), label("o", &["ok"])]
    );
    let escaped = Value::String("rate(safelight_a_total{o=\"ok\"}[1m])".to_owned()).to_string();
    assert_eq!(read(&escaped), [label("o", &["ok"])]);
    assert!(["StorageUnavailable", "WorldAway"].into_iter().all(is_alert_like));
    assert!(!["DynamoDB", "Kafka", "JWKS"].into_iter().any(is_alert_like));
}
