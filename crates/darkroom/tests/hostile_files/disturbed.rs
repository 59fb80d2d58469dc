//! A host that stops, starves or kills workers, and a terminal that signals everybody: none of it is the file's fault, and
//! the file is fine at the next try.

#![expect(unsafe_code, reason = "the standard library has no signal handlers")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom::worker::{Failure, Pool, PoolConfig, Produced};
use darkroom::{Developed, Limits, Reason};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::Tests;
use crate::harness::{config, limits, photo, plan, worker_pid};
use crate::leftovers::children_of;
use crate::programs::{myself, run};

pub(crate) const DRAINING_ARG: &str = "draining-station";
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const TESTS: Tests = &[
    ("disturbed::a_stopped_worker_is_the_hosts_doing", a_stopped_worker_is_the_hosts_doing),
    (
        "disturbed::an_answer_that_takes_too_long_with_cpu_time_left_is_the_hosts_doing",
        an_answer_that_takes_too_long_with_cpu_time_left_is_the_hosts_doing,
    ),
    ("disturbed::a_worker_killed_from_outside_is_the_hosts_doing", a_kill_from_outside_is_the_hosts_doing),
    ("disturbed::after_it_the_customer_has_a_new_worker", after_it_the_customer_has_a_new_worker),
    ("disturbed::a_stopped_program_is_the_hosts_doing", a_stopped_program_is_the_hosts_doing),
    ("disturbed::a_program_killed_from_outside_is_the_hosts_doing", a_killed_program_is_the_hosts_doing),
    ("disturbed::a_terminals_signal_reaches_no_worker", a_terminals_signal_reaches_no_worker),
];

fn start(limits: Limits) -> Pool {
    Pool::start(PoolConfig { limits, ..config() }).expect("workers start")
}

fn signal(process: u32, signal: Signal) {
    kill_process(pid(process), signal).expect("the process is there");
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(i32::try_from(process).expect("a pid")).expect("not zero")
}

fn disturbed<T: std::fmt::Debug>(result: Result<T, Failure>) -> (Reason, String) {
    match result {
        Err(Failure::Disturbed { reason, detail }) => (reason, detail),
        other => panic!("{other:?}"),
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

/// Ticks that a process has had of a processor.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn is_child_called(word: &str) -> impl Fn(&u32) -> bool {
    move |child| {
        let command = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    }
}

fn a_stopped_worker_is_the_hosts_doing() {
    let pool = start(Limits { wall_secs: 3, ..limits() });
    signal(worker_pid(&pool, "c"), Signal::STOP);
    let (reason, detail) = disturbed(pool.develop("c", &photo(""), &plan()));
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecodeTimeout, "no answer within 3 s, with 1.0 s of CPU time left")
    );
    assert_eq!((pool.deaths_by_the_host(), pool.deaths(Reason::DecodeTimeout)), (1, 0));
    pool.develop("c", &photo(""), &plan()).expect("the same photo, tried again");
}

fn an_answer_that_takes_too_long_with_cpu_time_left_is_the_hosts_doing() {
    let pool = start(Limits { wall_secs: 3, ..limits() });
    let (reason, detail) = disturbed(pool.develop("c", &photo("do:sleep x;"), &plan()));
    assert!(reason == Reason::DecodeTimeout && detail.contains("of CPU time left"), "{detail}");
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

/// Lets the worker of a customer begin to spin, and does `deed` to it.
fn while_it_spins(pool: &Arc<Pool>, deed: impl FnOnce(u32)) -> Result<Developed, Failure> {
    let worker = worker_pid(pool, "c");
    let before = ticks(worker);
    let spinning = {
        let pool = Arc::clone(pool);
        std::thread::spawn(move || pool.develop("c", &photo("do:spin x;"), &plan()))
    };
    until("the worker spins", || ticks(worker) >= before + 10);
    deed(worker);
    spinning.join().expect("no caller panics")
}

fn a_kill_from_outside_is_the_hosts_doing() {
    let pool = Arc::new(start(Limits { cpu_secs: 30, wall_secs: 60, ..limits() }));
    let killed = while_it_spins(&pool, |worker| signal(worker, Signal::KILL));
    let expected =
        (Reason::DecodeMemory, "the worker was killed from outside, perhaps for memory".to_owned());
    assert_eq!(disturbed(killed), expected);
    let ended = while_it_spins(&pool, |worker| signal(worker, Signal::TERM));
    let expected = (Reason::DecoderCrashed, "the worker was sent signal 15 from outside".to_owned());
    assert_eq!(disturbed(ended), expected);
    assert_eq!((pool.deaths_by_the_host(), pool.deaths(Reason::DecodeMemory)), (2, 0));
    pool.develop("c", &photo(""), &plan()).expect("the next photo");
}

fn after_it_the_customer_has_a_new_worker() {
    let pool = Arc::new(start(Limits { cpu_secs: 30, wall_secs: 60, ..limits() }));
    let mut beside = 0;
    let killed = while_it_spins(&pool, |worker| {
        // The first one is busy: this is another worker of the same customer, idle from now on.
        beside = worker_pid(&pool, "c");
        assert_ne!(beside, worker);
        signal(worker, Signal::KILL);
    });
    disturbed(killed);
    assert_ne!(worker_pid(&pool, "c"), beside, "what befell one may have befallen the other");
}

/// Runs a program that says `word` among its arguments, and does `deed` to it once it works.
fn while_it_runs(pool: &Arc<Pool>, word: &'static str, deed: impl FnOnce(u32)) -> Result<Produced, Failure> {
    let running = {
        let pool = Arc::clone(pool);
        std::thread::spawn(move || run(&pool, &[word]))
    };
    let station = std::process::id();
    // As the program, not as its launcher: that has the word within its order.
    let program = || children_of(station).into_iter().find(is_child_called(word));
    until("the program runs", || program().is_some_and(|program| ticks(program) >= 5));
    deed(program().expect("it runs"));
    running.join().expect("no caller panics")
}

fn a_stopped_program_is_the_hosts_doing() {
    let pool = Arc::new(start(Limits { cpu_secs: 30, wall_secs: 5, ..limits() }));
    let stopped = while_it_runs(&pool, "spin", |program| signal(program, Signal::STOP));
    let (reason, detail) = disturbed(stopped);
    assert!(
        reason == Reason::DecodeTimeout && detail.starts_with("no picture within 5 s, with "),
        "{detail}"
    );
}

fn a_killed_program_is_the_hosts_doing() {
    let pool = Arc::new(start(Limits { cpu_secs: 30, wall_secs: 60, ..limits() }));
    let killed = while_it_runs(&pool, "spin", |program| signal(program, Signal::KILL));
    let expected =
        (Reason::DecodeMemory, "the program was killed from outside, perhaps for memory".to_owned());
    assert_eq!(disturbed(killed), expected);
}

/// A station that hears SIGINT and works on: first in a worker, then in a program.
pub(crate) fn drain_as_a_station() {
    extern "C" fn heard(_: libc::c_int) {}
    // SAFETY: the handler does nothing, which is safe at any moment. It ends with an exec, as ignoring would not.
    unsafe { libc::signal(libc::SIGINT, heard as *const () as libc::sighandler_t) };
    let pool = start(Limits { cpu_secs: 30, wall_secs: 60, ..limits() });
    println!("ready");
    let developed = pool.develop("c", &photo("do:burn 10000;"), &plan()).is_ok();
    println!("developed {developed}");
    let made = pool.run_program(&myself(&["burn"]), &[photo("")]).is_ok();
    let deaths = pool.deaths_by_the_host() + pool.deaths(Reason::DecoderCrashed);
    println!("made {made}, {deaths} deaths");
}

fn a_terminals_signal_reaches_no_worker() {
    let program = std::env::current_exe().expect("the program knows itself");
    let mut station = Command::new(program);
    let mut station =
        station.arg(DRAINING_ARG).stdout(Stdio::piped()).process_group(0).spawn().expect("it starts");
    let mut said = BufReader::new(station.stdout.take().expect("stdout is piped"));
    let group = pid(station.id());
    let interrupt = |works: &dyn Fn(&u32) -> bool| {
        until("one of them works", || children_of(station.id()).iter().any(works));
        kill_process_group(group, Signal::INT).expect("the group is there");
    };
    assert_eq!(line(&mut said), "ready");
    interrupt(&|worker| ticks(*worker) >= 15);
    assert_eq!(line(&mut said), "developed true");
    interrupt(&|program| is_child_called("burn")(program) && ticks(*program) >= 5);
    assert_eq!(line(&mut said), "made true, 0 deaths");
    assert!(station.wait().expect("it ends").success());
}

fn line(said: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    said.read_line(&mut line).expect("the station speaks");
    line.trim_end().to_owned()
}
