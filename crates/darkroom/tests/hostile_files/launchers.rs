//! Launchers that have it harder than the station's first worker had: what they then cannot give up or must not exceed. A
//! word among the program's arguments makes this test program such a launcher.

use darkroom::Limits;
use darkroom::worker::{LAUNCHER_ARG, Pool, PoolConfig};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::Tests;
use crate::harness::{config, limits};
use crate::programs::reported;

const FEW_SECS_OF_CPU: &str = "launched-with-few-seconds";

pub(crate) const TESTS: Tests =
    &[("a_limit_that_is_lower_already_stays", a_limit_that_is_lower_already_stays)];

/// Hinders this process if it is a launcher whose order asks for it.
pub(crate) fn hinder() {
    let mut arguments = std::env::args().skip(1);
    let order = arguments.next().filter(|first| first == LAUNCHER_ARG).and_then(|_| arguments.next());
    let order = order.unwrap_or_default();
    if order.contains(FEW_SECS_OF_CPU) {
        let few = Rlimit { current: Some(3), maximum: Some(3) };
        setrlimit(Resource::Cpu, few).expect("a limit can be lowered");
    }
}

fn a_limit_that_is_lower_already_stays() {
    let limits = Limits { cpu_secs: 5, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    assert_eq!(reported(&pool, &["cpu"]), 56);
    assert_eq!(reported(&pool, &["cpu", FEW_SECS_OF_CPU]), 23);
}
