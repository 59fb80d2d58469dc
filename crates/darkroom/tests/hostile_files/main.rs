//! Files that abort, hang, spin, eat memory or take their worker over, against a real pool of real processes. The
//! test program is its own worker: started as one, it renders as production does, unless the file's comment says
//! what to do instead (`deeds`).

#![expect(clippy::print_stdout, reason = "a test without the standard harness reports by itself")]

mod deeds;
mod escapes;

use std::io::{self, BufRead};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom::worker::{Failure, Pool, PoolConfig, Reuse, Sandbox, StartError, WORKER_ARG, serve};
use darkroom::{Limits, Reason, Rendition, render};

const STATION_ARG: &str = "hanging-station";

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(WORKER_ARG) => serve(deeds::misbehave),
        Some(STATION_ARG) => hang_as_a_station(),
        Some(escapes::OUTSIDE_ARG) => attempt_outside(),
        Some("--list") => tests().iter().for_each(|(name, _)| println!("{name}: test")),
        _ => run(),
    }
}

const TESTS: &[(&str, fn())] = &[
    ("a_photo_comes_out_as_render_makes_it", a_photo_comes_out_as_render_makes_it),
    ("a_rejection_keeps_its_reason", a_rejection_keeps_its_reason),
    ("an_abort_is_decoder_crashed", an_abort_is_decoder_crashed),
    ("a_panic_is_decoder_crashed", a_panic_is_decoder_crashed),
    ("a_quiet_exit_is_decoder_crashed", a_quiet_exit_is_decoder_crashed),
    ("a_spinning_decoder_is_decode_timeout", a_spinning_decoder_is_decode_timeout),
    ("a_sleeping_decoder_is_decode_timeout", a_sleeping_decoder_is_decode_timeout),
    ("a_greedy_decoder_is_decode_memory", a_greedy_decoder_is_decode_memory),
    ("garbage_is_not_believed", garbage_is_not_believed),
    ("an_endless_answer_is_cut_off", an_endless_answer_is_cut_off),
    ("a_closed_output_is_decoder_crashed", a_closed_output_is_decoder_crashed),
    (
        "a_worker_that_is_not_whole_is_refused_or_preferred",
        a_worker_that_is_not_whole_is_refused_or_preferred,
    ),
    ("a_worker_says_what_holds_it", a_worker_says_what_holds_it),
    ("a_mapping_bomb_ends_at_its_address_space", a_mapping_bomb_ends_at_its_address_space),
    ("the_original_cannot_be_made_writable", the_original_cannot_be_made_writable),
    ("writing_to_the_original_is_decoder_crashed", writing_to_the_original_is_decoder_crashed),
    ("a_stack_overflow_is_decoder_crashed", a_stack_overflow_is_decoder_crashed),
    ("renditions_beyond_their_room_are_decode_memory", renditions_beyond_their_room_are_decode_memory),
    ("output_that_changes_after_the_answer_is_read_once", output_that_changes_after_the_answer_is_read_once),
    ("inherited_descriptors_are_closed", inherited_descriptors_are_closed),
    ("parts_come_out_as_the_whole", parts_come_out_as_the_whole),
    ("memory_is_admitted_by_estimate", memory_is_admitted_by_estimate),
    ("a_flood_on_stderr_harms_nobody", a_flood_on_stderr_harms_nobody),
    ("a_single_death_is_forgiven", a_single_death_is_forgiven),
    ("a_worker_serves_one_customer", a_worker_serves_one_customer),
    ("the_cpu_allowance_is_for_each_job", the_cpu_allowance_is_for_each_job),
    ("a_worker_has_no_environment", a_worker_has_no_environment),
    ("a_program_that_is_no_worker_is_unavailable", a_program_that_is_no_worker_is_unavailable),
    ("a_thousand_damaged_files_are_all_answered", a_thousand_damaged_files_are_all_answered),
    ("no_worker_outlives_a_killed_station", no_worker_outlives_a_killed_station),
    ("no_worker_outlives_its_pool", no_worker_outlives_its_pool),
    ("many_callers_share_few_workers", many_callers_share_few_workers),
];

type Test = (String, Box<dyn Fn()>);

fn tests() -> Vec<Test> {
    let whole = TESTS.iter().map(|(name, test)| (String::from(*name), Box::new(*test) as Box<dyn Fn()>));
    let escape = |(name, _): &(&'static str, _)| -> Test {
        let attempt = *name;
        (format!("escape::{attempt}"), Box::new(move || escapes::ends_in_sigsys(attempt)))
    };
    whole.chain(escapes::ATTEMPTS.iter().map(escape)).collect()
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

// ---- the station ----

fn photo(deed: &str) -> Vec<u8> {
    let pixels: Vec<u8> = (0..120 * 90 * 3).map(|i| (i % 251) as u8).collect();
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut file)
        .encode(&pixels, 120, 90, image::ExtendedColorType::Rgb8)
        .expect("a small photo can be encoded");
    // Behind the end of the image: a decoder does not look there.
    file.extend(deed.bytes());
    file
}

fn plan() -> Vec<Rendition> {
    let rendition = |name: &str, longer_side_px| Rendition { name: name.into(), longer_side_px, quality: 80 };
    vec![rendition("small", 40), rendition("large", 100)]
}

fn limits() -> Limits {
    Limits { cpu_secs: 1, wall_secs: 20, address_space_bytes_max: 512 << 20, ..Limits::DEFAULT }
}

fn config() -> PoolConfig {
    PoolConfig {
        workers: NonZeroUsize::new(2).expect("two is not zero"),
        limits: limits(),
        ..PoolConfig::default()
    }
}

fn pool() -> Pool {
    Pool::start(config()).expect("workers start")
}

fn rejection(pool: &Pool, customer: &str, deed: &str) -> (Reason, String) {
    match pool.develop(customer, &photo(deed), &plan()) {
        Err(Failure::Rejected { reason, detail }) => (reason, detail),
        other => panic!("`{deed}` gives {other:?}"),
    }
}

/// One deed's reason, and that the pool works on after it.
fn reason(deed: &str) -> Reason {
    let pool = pool();
    let (reason, _) = rejection(&pool, "c", deed);
    pool.develop("c", &photo(""), &plan()).expect("the next photo of the same customer");
    pool.develop("d", &photo(""), &plan()).expect("the next photo of another customer");
    reason
}

fn worker_pid(pool: &Pool, customer: &str) -> u32 {
    let (_, detail) = rejection(pool, customer, "do:pid x;");
    let (_, pid) = detail.rsplit_once(' ').expect("the detail ends with the pid");
    pid.parse().expect("a pid is a number")
}

fn a_photo_comes_out_as_render_makes_it() {
    let developed = pool().develop("c", &photo(""), &plan()).expect("a good photo");
    assert_eq!(developed, render(&photo(""), &plan(), &limits()).expect("a good photo"));
    assert_eq!(developed.renditions[0].name, "small");
    assert_eq!((developed.renditions[1].width, developed.renditions[1].height), (100, 75));
}

fn a_rejection_keeps_its_reason() {
    let pool = pool();
    let whole = photo("");
    let cut = pool.develop("c", &whole[..whole.len() / 2], &plan());
    assert!(matches!(cut, Err(Failure::Rejected { reason: Reason::Truncated, .. })), "{cut:?}");
    let text = pool.develop("c", b"not a picture", &plan());
    assert!(matches!(text, Err(Failure::Rejected { reason: Reason::UnsupportedFormat, .. })), "{text:?}");
}

fn an_abort_is_decoder_crashed() {
    assert_eq!(reason("do:abort x;"), Reason::DecoderCrashed);
}

fn a_panic_is_decoder_crashed() {
    assert_eq!(reason("do:panic x;"), Reason::DecoderCrashed);
}

fn a_quiet_exit_is_decoder_crashed() {
    assert_eq!(reason("do:exit x;"), Reason::DecoderCrashed);
}

fn a_spinning_decoder_is_decode_timeout() {
    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", "do:spin x;");
    assert_eq!((reason, detail.as_str()), (Reason::DecodeTimeout, "the CPU time is used up"));
}

fn a_sleeping_decoder_is_decode_timeout() {
    let limits = Limits { wall_secs: 1, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:sleep x;");
    assert_eq!((reason, detail.as_str()), (Reason::DecodeTimeout, "no answer within 1 s"));
}

fn a_greedy_decoder_is_decode_memory() {
    // Touching half a gigabyte for the first time takes CPU time too, on a virtual machine more than a second.
    let pool = Pool::start(PoolConfig { limits: Limits { cpu_secs: 10, ..limits() }, ..config() })
        .expect("workers start");
    assert_eq!(rejection(&pool, "c", "do:eat x;").0, Reason::DecodeMemory);
}

fn garbage_is_not_believed() {
    assert_eq!(reason("do:garbage x;"), Reason::DecoderCrashed);
}

fn an_endless_answer_is_cut_off() {
    assert_eq!(reason("do:endless x;"), Reason::DecoderCrashed);
}

/// A worker made of a shell, which nothing confines: it says so, reads a question, and does `then`.
fn loose_worker(folder: &Path, then: &str) -> PathBuf {
    let ready =
        r#"{"confinement":{"no_new_privs":true,"landlock_abi":0,"seccomp":false,"sealed_memory":true}}"#;
    let length = ready.len();
    let script =
        format!("#!/bin/sh\nprintf '\\{length:03o}\\0\\0\\0%s' '{ready}'\nread -r question\n{then}\n");
    let path = folder.join("loose");
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    path
}

fn a_closed_output_is_decoder_crashed() {
    let folder = tempfile::tempdir().expect("a folder");
    // The question has no end of line: `read` ends with the station.
    let program = loose_worker(folder.path(), "").to_owned();
    let script = std::fs::read_to_string(&program).expect("the script");
    let closing = script.replace("read -r question", "exec >&- 2>&-\nread -r question");
    std::fs::write(&program, closing).expect("a script");
    let config = PoolConfig { program: Some(program), sandbox: Sandbox::Prefer, ..config() };
    let pool = Pool::start(config).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "");
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecoderCrashed, "the worker closed its output and stayed")
    );
}

fn a_worker_that_is_not_whole_is_refused_or_preferred() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = PoolConfig { program: Some(loose_worker(folder.path(), "")), ..config() };
    let refused = Pool::start(config.clone()).err().expect("required is refused");
    assert!(
        matches!(&refused, StartError::Unconfined(missing) if missing == "landlock, seccomp"),
        "{refused:?}"
    );
    let preferred = Pool::start(PoolConfig { sandbox: Sandbox::Prefer, ..config }).expect("workers start");
    assert_eq!(preferred.confinement().missing(), ["landlock", "seccomp"]);
}

fn a_worker_says_what_holds_it() {
    let pool = pool();
    assert!(pool.confinement().missing().is_empty());
    let pid = worker_pid(&pool, "c");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the worker is there");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1"] {
        assert!(status.contains(line), "{line} in {status}");
    }
}

fn a_mapping_bomb_ends_at_its_address_space() {
    let pool = Pool::start(PoolConfig { limits: Limits { cpu_secs: 10, ..limits() }, ..config() })
        .expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:map x;");
    let mapped = detail.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
    assert_eq!(reason, Reason::Corrupt);
    assert!(mapped.is_some_and(|mib| (64..512).contains(&mib)), "{detail}");
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn the_original_cannot_be_made_writable() {
    let (reason, detail) = rejection(&pool(), "c", "do:unlock x;");
    // 13 is EACCES: the memory came through a description that cannot write.
    assert_eq!((reason, detail.as_str()), (Reason::Corrupt, "find the file corrupt: found -13"));
}

fn writing_to_the_original_is_decoder_crashed() {
    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", "do:scribble x;");
    assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, "the worker died of signal 11"));
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn a_stack_overflow_is_decoder_crashed() {
    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", "do:recurse x;");
    let signals = ["the worker died of signal 6", "the worker died of signal 11"];
    assert!(reason == Reason::DecoderCrashed && signals.contains(&detail.as_str()), "{detail}");
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn renditions_beyond_their_room_are_decode_memory() {
    let limits = Limits { cpu_secs: 10, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:overfill x;");
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecodeMemory, "the renditions are larger than their room")
    );
    pool.develop("c", &photo(""), &plan()).expect("the next photo");
}

/// A worker that answers as it did before and changes a first byte all the time: what the station accepts is what it
/// checked.
fn output_that_changes_after_the_answer_is_read_once() {
    let pool = pool();
    let (mut believed, mut doubted) = (0, 0);
    for round in 0..100 {
        let customer = format!("c{round}");
        let made = pool.develop(&customer, &photo(""), &plan()).expect("a good photo");
        let header = |made: &darkroom::Encoded| {
            let (name, width, height, bytes) = (&made.name, made.width, made.height, made.bytes.len());
            format!(
                r#"{{"name":"{name}","format":"jpeg","width":{width},"height":{height},"bytes":{bytes}}}"#
            )
        };
        let headers: Vec<String> = made.renditions.iter().map(header).collect();
        let source = r#"{"format":"jpeg","width":120,"height":90}"#;
        let answer = format!(r#"{{"Developed":{{"source":{source},"renditions":[{}]}}}}"#, headers.join(","));
        match pool.develop(&customer, &photo(&format!("do:lie-and-change {answer};")), &plan()) {
            Ok(developed) => {
                believed += 1;
                assert_eq!(developed, made);
            }
            Err(Failure::Rejected { reason, .. }) => {
                doubted += 1;
                assert_eq!(reason, Reason::DecoderCrashed);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(believed + doubted == 100 && believed > 0, "{believed} believed, {doubted} doubted");
}

/// The writing end of a pipe that workers inherit: the reading end ends once nobody holds it.
fn inherited_descriptors_are_closed() {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe that is not closed on exec");
    let pool = pool();
    worker_pid(&pool, "c");
    drop(writer);
    assert!(ends_within(&reader, Duration::from_secs(5)), "a worker holds a descriptor that it inherited");
}

fn parts_come_out_as_the_whole() {
    let whole = photo("");
    let parts: Vec<&[u8]> = whole.chunks(7).collect();
    let developed = pool().develop_parts("c", &parts, &plan()).expect("a good photo");
    assert_eq!(developed, render(&whole, &plan(), &limits()).expect("a good photo"));
}

/// With room for one of these estimates a second worker never works beside the first.
fn memory_is_admitted_by_estimate() {
    let pool = Pool::start(PoolConfig { decode_bytes_max: 1, ..config() }).expect("workers start");
    let pool = Arc::new(pool);
    let begun = Instant::now();
    let callers: Vec<_> = ["c", "d"]
        .map(|customer| {
            let pool = pool.clone();
            std::thread::spawn(move || pool.develop(customer, &photo("do:burn 300;"), &plan()))
        })
        .into();
    for caller in callers {
        caller.join().expect("no caller panics").expect("what could never fit is admitted alone");
    }
    assert!(begun.elapsed() >= Duration::from_millis(600), "one after the other");
}

fn a_flood_on_stderr_harms_nobody() {
    pool().develop("c", &photo("do:flood x;"), &plan()).expect("stderr is drained");
}

fn a_single_death_is_forgiven() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    pool.develop("c", &photo(&format!("do:die-if {first};")), &plan()).expect("a fresh worker does it");
    assert_ne!(worker_pid(&pool, "c"), first, "the first worker died");
    assert_eq!(pool.deaths(Reason::DecoderCrashed), 1);
}

fn a_worker_serves_one_customer() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    assert_eq!(worker_pid(&pool, "c"), first);
    let others: Vec<u32> = ["d", "e", "f"].map(|customer| worker_pid(&pool, customer)).into();
    assert!(!others.contains(&first));
    assert_ne!(worker_pid(&pool, "c"), first, "its place was needed");

    let never = Pool::start(PoolConfig { reuse: Reuse::Never, ..config() }).expect("workers start");
    assert_ne!(worker_pid(&never, "c"), worker_pid(&never, "c"));
    let always = Pool::start(PoolConfig { reuse: Reuse::Always, ..config() }).expect("workers start");
    assert_eq!(worker_pid(&always, "c"), worker_pid(&always, "d"));
}

fn the_cpu_allowance_is_for_each_job() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    for _ in 0..4 {
        pool.develop("c", &photo("do:burn 700;"), &plan()).expect("0.7 s of 1 s");
    }
    assert_eq!(worker_pid(&pool, "c"), first, "one worker did it all");
}

fn a_worker_has_no_environment() {
    let (_, seen) = rejection(&pool(), "c", "do:look x;");
    // What tells the allocator to keep the heap.
    assert_eq!(seen, "find the file corrupt: found 3");
}

fn a_program_that_is_no_worker_is_unavailable() {
    for program in ["/bin/true", "/bin/cat", "/nonexistent"] {
        let started = Pool::start(PoolConfig { program: Some(program.into()), ..config() });
        assert!(started.is_err(), "{program}");
    }
}

/// Real files with bytes changed, taken out and doubled: each is developed or rejected, and no worker is unreachable.
fn a_thousand_damaged_files_are_all_answered() {
    let pool = pool();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..250 {
        for mut file in one_of_each_format() {
            for _ in 0..=round % 5 {
                damage(&mut file, &mut seed);
            }
            let answer = pool.develop("c", &file, &plan());
            assert!(!matches!(answer, Err(Failure::Unavailable(_))), "{answer:?}");
        }
    }
}

fn one_of_each_format() -> [Vec<u8>; 4] {
    let picture = image::RgbaImage::from_fn(48, 36, |x, y| {
        image::Rgba([(x * 5) as u8, (y * 7) as u8, (x * y) as u8, 200])
    });
    let picture = image::DynamicImage::from(picture);
    let encoded = |format| {
        let mut file = io::Cursor::new(Vec::new());
        picture.write_to(&mut file, format).expect("a small picture can be encoded");
        file.into_inner()
    };
    use image::ImageFormat::{Gif, Png, WebP};
    let lossy = webp::Encoder::from_rgba(picture.as_bytes(), 48, 36).encode(60.0).to_vec();
    [encoded(Png), encoded(Gif), encoded(WebP), lossy]
}

fn damage(file: &mut Vec<u8>, seed: &mut u64) {
    let mut next = |below: usize| {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        usize::try_from(*seed % below as u64).expect("below a length")
    };
    // The magic number stays: without it nothing is decoded.
    let at = 12 + next(file.len() - 13);
    match next(4) {
        0 => file[at] ^= 1 << next(8),
        1 => file[at] = 0xff,
        2 => drop(file.drain(at..(at + 1 + next(8)).min(file.len() - 1))),
        _ => file.insert(at, file[at]),
    }
}

fn many_callers_share_few_workers() {
    let pool = Arc::new(pool());
    let expected = render(&photo(""), &plan(), &limits()).expect("a good photo");
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let (pool, expected) = (pool.clone(), expected.clone());
            std::thread::spawn(move || {
                for round in 0..10 {
                    let customer = format!("c{}", (caller + round) % 3);
                    let developed = pool.develop(&customer, &photo(""), &plan());
                    assert_eq!(developed.expect("a good photo"), expected);
                    assert!(children_of(std::process::id()).len() <= 6, "two at work, two idle, spares");
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().expect("no caller panics"));
}

// ---- what is left behind ----

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A pool with an idle worker, a spare, and a worker that sleeps over a file.
fn hang_as_a_station() {
    let limits = Limits { wall_secs: 600, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    worker_pid(&pool, "idle");
    worker_pid(&pool, "busy");
    println!("hanging");
    let _ = pool.develop("busy", &photo("do:sleep x;"), &plan());
}

fn no_worker_outlives_a_killed_station() {
    let program = std::env::current_exe().expect("the program knows itself");
    let mut station =
        Command::new(program).arg(STATION_ARG).stdout(Stdio::piped()).spawn().expect("the station starts");
    let mut line = String::new();
    let output = station.stdout.take().expect("stdout is piped");
    io::BufReader::new(output).read_line(&mut line).expect("the station speaks");
    assert_eq!(line, "hanging\n");
    let workers = children_of(station.id());
    assert!(workers.len() >= 2, "{workers:?}");
    let watched: Vec<_> = workers.into_iter().filter_map(pidfd).collect();
    station.kill().expect("SIGKILL is sent");
    station.wait().expect("the station is gone");
    for worker in &watched {
        assert!(ends_within(worker, Duration::from_secs(5)), "a worker outlived its station");
    }
}

fn no_worker_outlives_its_pool() {
    let pool = pool();
    worker_pid(&pool, "c");
    assert!(!children_of(std::process::id()).is_empty());
    drop(pool);
    assert_eq!(children_of(std::process::id()), Vec::<u32>::new());
}

fn pidfd(id: u32) -> Option<rustix::fd::OwnedFd> {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).ok()?)?;
    rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok()
}

fn ends_within(watched: &rustix::fd::OwnedFd, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec::try_from(limit).expect("a few seconds");
    poll(&mut [PollFd::new(watched, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready == 1)
}
