//! Files that abort, hang, spin, eat memory or take their worker over, and programs of the operator's, against a real pool
//! of real processes. The test program is its own worker: started as one, it renders as production does, unless the
//! file's comment says what to do instead (`deeds`).

#![expect(clippy::print_stdout, reason = "a test without the standard harness reports by itself")]

mod composed;
mod confinement;
mod deaths;
mod deeds;
mod disturbed;
mod escapes;
mod harness;
mod launchers;
mod leftovers;
mod programs;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;

use darkroom::worker::{WORKER_ARG, run_if_worker, serve};

const STATION_ARG: &str = "hanging-station";

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(WORKER_ARG) => serve(deeds::misbehave),
        Some(STATION_ARG) => leftovers::hang_as_a_station(),
        Some(disturbed::DRAINING_ARG) => disturbed::drain_as_a_station(),
        Some(escapes::OUTSIDE_ARG) => attempt_outside(),
        Some(programs::PROGRAM_ARG) => programs::behave(),
        Some("--list") => tests().iter().for_each(|(name, _)| println!("{name}: test")),
        _ => {
            // Launches programs.
            launchers::hinder();
            run_if_worker();
            run();
        }
    }
}

/// Tests by name.
type Tests = &'static [(&'static str, fn())];
type Test = (String, Box<dyn Fn()>);

fn tests() -> Vec<Test> {
    let lists = [
        deaths::TESTS,
        disturbed::TESTS,
        confinement::TESTS,
        leftovers::TESTS,
        programs::TESTS,
        launchers::TESTS,
        composed::TESTS,
    ];
    let named = |(name, test): &(&str, fn())| -> Test { ((*name).to_owned(), Box::new(*test)) };
    let escape = |(name, _): &(&'static str, _)| -> Test {
        let attempt = *name;
        (format!("escape::{attempt}"), Box::new(move || escapes::ends_in_sigsys(attempt)))
    };
    lists.into_iter().flatten().map(named).chain(escapes::ATTEMPTS.iter().map(escape)).collect()
}

fn attempt_outside() {
    let name = std::env::args().nth(2).unwrap_or_default();
    exit(i32::from(escapes::make(&name).is_none()));
}

/// Runs the tests whose names contain the filter, as the standard harness would.
fn run() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let exact = std::env::args().any(|arg| arg == "--exact");
    let wanted = |name: &str| if exact { name == filter } else { name.contains(&filter) };
    let mut failed = 0;
    for (name, test) in tests().iter().filter(|(name, _)| wanted(name)) {
        let outcome = catch_unwind(AssertUnwindSafe(test));
        failed += i32::from(outcome.is_err());
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
    }
    exit(failed.min(1));
}
