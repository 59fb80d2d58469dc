//! Launchers that have it harder than the station's first worker had: what they then cannot give up or must not exceed. A
//! word among the program's arguments makes this test program such a launcher.

use darkroom::Limits;
use darkroom::worker::{Failure, LAUNCHER_ARG, Pool, PoolConfig, Sandbox};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{SeccompAction, SeccompFilter};

use crate::Tests;
use crate::harness::{config, limits};
use crate::programs::{reported, run};

const FEW_SECS_OF_CPU: &str = "launched-with-few-seconds";
const WITHOUT_LANDLOCK: &str = "launched-without-landlock";

pub(crate) const TESTS: Tests = &[
    ("a_limit_that_is_lower_already_stays", a_limit_that_is_lower_already_stays),
    ("what_is_held_by_less_than_the_workers_is_not_run", what_is_held_by_less_than_the_workers_is_not_run),
];

/// Hinders this process if it is a launcher whose order asks for it.
pub(crate) fn hinder() {
    let mut arguments = std::env::args().skip(1);
    let order = arguments.next().filter(|first| first == LAUNCHER_ARG).and_then(|_| arguments.next());
    let order = order.unwrap_or_default();
    if order.contains(FEW_SECS_OF_CPU) {
        let few = Rlimit { current: Some(3), maximum: Some(3) };
        setrlimit(Resource::Cpu, few).expect("a limit can be lowered");
    }
    if order.contains(WITHOUT_LANDLOCK) {
        take_landlock_away();
    }
}

/// The kernel then says what one without Landlock says.
fn take_landlock_away() {
    let calls = [(libc::SYS_landlock_create_ruleset, Vec::new())].into();
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let architecture = std::env::consts::ARCH.try_into().expect("a known architecture");
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, unknown, architecture).expect("a filter");
    let filter: seccompiler::BpfProgram = filter.try_into().expect("a small filter");
    seccompiler::apply_filter(&filter).expect("the kernel takes a filter");
}

fn a_limit_that_is_lower_already_stays() {
    let limits = Limits { cpu_secs: 5, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    assert_eq!(reported(&pool, &["cpu"]), 56);
    assert_eq!(reported(&pool, &["cpu", FEW_SECS_OF_CPU]), 23);
}

fn what_is_held_by_less_than_the_workers_is_not_run() {
    let pool = Pool::start(PoolConfig { sandbox: Sandbox::Prefer, ..config() }).expect("workers start");
    match run(&pool, &["look", WITHOUT_LANDLOCK]) {
        Err(Failure::Unavailable(error)) => {
            let why = error.to_string();
            assert!(why.ends_with(": it could not be confined: landlock"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reported(&pool, &["look"]), 0, "the next one runs");
}
