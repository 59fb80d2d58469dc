//! Bombs and damaged files against a pool of real workers: each ends in renditions or a reason, the pool stands, and a
//! good photo sent in between arrives. The test program is its own worker.
//!
//! `SAFELIGHT_CHAOS_FILES` says how many damaged files of each format there are, 500 if nothing does;
//! `SAFELIGHT_CHAOS_SEQUENCES` how many pairs and triples of files one worker gets, 2,000 if nothing does.

#![expect(clippy::print_stdout, reason = "a test without the standard harness reports by itself")]

mod damage;
#[path = "../judges/foreign.rs"]
mod foreign;
mod sequences;
mod siege;

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::time::Duration;

use damage::{Chance, Kind, damaged};
use darkroom::worker::run_if_worker;
use sequences::Sequences;
use siege::{Attack, Siege};

/// A file gets two chances of `wall_secs` each, and each may need a worker to start first.
const ANSWER_SECS_MAX: u64 = 40;
const FILES_DEFAULT: u64 = 500;
const SEQUENCES_DEFAULT: u64 = 2000;
/// Sequences that went wrong and are told.
const TOLD_MAX: usize = 8;

fn main() {
    run_if_worker();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let outcome = if catch_unwind(test).is_ok() { "ok" } else { "FAILED" };
        passed += i32::from(outcome == "ok");
        failed += i32::from(outcome != "ok");
        println!("test {name} ... {outcome}");
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    exit(failed.min(1));
}

const TESTS: &[(&str, fn())] = &[
    ("every_bomb_ends_in_an_answer", every_bomb_ends_in_an_answer),
    ("every_damaged_file_ends_in_an_answer", every_damaged_file_ends_in_an_answer),
    ("no_original_knows_of_the_one_before_it", no_original_knows_of_the_one_before_it),
];

fn every_bomb_ends_in_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    foreign::script("bombs.py", &[folder.path()]);
    let expected = fs::read(folder.path().join("bombs.json")).expect("the list of bombs");
    let expected: BTreeMap<String, Vec<String>> = serde_json::from_slice(&expected).expect("it is JSON");
    let siege = Siege::begin(1);
    let mut surprises = Vec::new();
    for (name, right) in &expected {
        let bomb = fs::read(folder.path().join(name)).expect("a bomb");
        let (answer, took) = siege.attack("bomber", &bomb);
        println!("{:>8.3} s  {name}: {answer}", took.as_secs_f64());
        if !right.iter().any(|one| one == answer.word()) || took > Duration::from_secs(ANSWER_SECS_MAX) {
            surprises.push(format!("{name}: {answer} after {took:?}, expected one of {right:?}"));
        }
    }
    println!("{}", siege.end());
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

fn every_damaged_file_ends_in_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    foreign::script("seeds.py", &[folder.path()]);
    let count = number("SAFELIGHT_CHAOS_FILES", FILES_DEFAULT);
    for kind in Kind::ALL {
        let seeds = seeds(&folder.path().join(kind.name()));
        let siege = Siege::begin(25);
        for seed in &seeds {
            let (answer, _) = siege.attack("vandal", seed);
            assert_eq!(answer.word(), "developed", "{answer}: a seed is a good file");
        }
        let mut crashes = Vec::new();
        for number in 0..count {
            let file = damaged(kind, &seeds, &mut Chance::new(number));
            let (answer, took) = siege.attack("vandal", &file);
            assert!(took < Duration::from_secs(ANSWER_SECS_MAX), "{} {number} took {took:?}", kind.name());
            if let Attack::Rejected {
                reason: "decoder_crashed" | "decode_timeout" | "decode_memory", ..
            } = answer
            {
                crashes.push(keep(kind, number, &file, &answer));
            }
        }
        println!("{}, {count} damaged files\n{}", kind.name(), siege.end());
        crashes.iter().for_each(|crash| println!("  {crash}"));
    }
}

fn no_original_knows_of_the_one_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    foreign::script("seeds.py", &[folder.path()]);
    let count = number("SAFELIGHT_CHAOS_SEQUENCES", SEQUENCES_DEFAULT);
    let mut sequences = Sequences::begin(|kind| seeds(&folder.path().join(kind.name())));
    let mut chance = Chance::new(9);
    let wrong: Vec<_> = (0..count).filter_map(|_| sequences.send(&mut chance)).collect();
    println!("{count} sequences, {} wrong; {}", wrong.len(), sequences.account());
    let told = wrong.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {count} sequences end otherwise:\n{told}", wrong.len());
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("`{variable}` is a number")))
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder of seeds").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// A file that was too much for its worker stays to be looked at.
fn keep(kind: Kind, number: u64, file: &[u8], answer: &Attack) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{number}.{}", kind.name()));
    fs::write(&path, file).expect("the target folder takes a file");
    format!("{answer}: {}", path.display())
}
