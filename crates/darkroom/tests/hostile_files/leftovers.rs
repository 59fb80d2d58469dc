//! What is left behind when a station or a pool ends, and how many processes there are before.

use std::io::{self, BufRead};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom::worker::{Pool, PoolConfig};
use darkroom::{Limits, render};

use crate::harness::{config, limits, photo, plan, pool, worker_pid};
use crate::{STATION_ARG, Tests};

pub(crate) const TESTS: Tests = &[
    ("no_worker_outlives_a_killed_station", no_worker_outlives_a_killed_station),
    ("no_worker_outlives_its_pool", no_worker_outlives_its_pool),
    ("an_idle_worker_ends_by_itself_in_time", an_idle_worker_ends_by_itself_in_time),
    ("many_callers_share_few_workers", many_callers_share_few_workers),
    ("what_a_worker_takes_is_within_the_estimate", what_a_worker_takes_is_within_the_estimate),
];

pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

pub(crate) fn hang_as_a_station() {
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

fn an_idle_worker_ends_by_itself_in_time() {
    let pool = Pool::start(PoolConfig { idle_secs_max: 1, ..config() }).expect("workers start");
    let begun = Instant::now();
    let worker = worker_pid(&pool, "c");
    // Without one it is gone already.
    if let Some(watched) = pidfd(worker) {
        assert!(ends_within(&watched, Duration::from_secs(20)), "an idle worker stays");
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "an idle worker ended early");
    assert_ne!(worker_pid(&pool, "c"), worker, "the next photo has another");
}

fn pidfd(id: u32) -> Option<rustix::fd::OwnedFd> {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).ok()?)?;
    rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok()
}

pub(crate) fn ends_within(watched: &rustix::fd::OwnedFd, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec::try_from(limit).expect("a few seconds");
    poll(&mut [PollFd::new(watched, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready == 1)
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

/// Six bytes a pixel for JPEG, twelve for the rest, and the file twice: more memory than that admission has not counted.
fn what_a_worker_takes_is_within_the_estimate() {
    use image::{ColorType, DynamicImage, ImageFormat};
    for (format, colour, width, height, bytes_per_pixel) in [
        (ImageFormat::Jpeg, ColorType::Rgb8, 4000, 3000, 6),
        (ImageFormat::Jpeg, ColorType::L8, 4000, 3000, 6),
        (ImageFormat::Png, ColorType::Rgba8, 3000, 2000, 12),
        (ImageFormat::Png, ColorType::Rgba16, 3000, 2000, 12),
        (ImageFormat::Gif, ColorType::Rgba8, 2000, 1500, 12),
        (ImageFormat::WebP, ColorType::Rgba8, 3000, 2000, 12),
    ] {
        let mut file = io::Cursor::new(Vec::new());
        let picture = DynamicImage::new(width, height, colour);
        picture.write_to(&mut file, format).expect("a picture can be encoded");
        let limits = Limits { cpu_secs: 10, ..limits() };
        let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
        let pid = worker_pid(&pool, "c");
        let before = peak_bytes(pid);
        pool.develop("c", file.get_ref(), &plan()).expect("a whole picture");
        let taken = peak_bytes(pid).saturating_sub(before);
        let estimate =
            u64::from(width) * u64::from(height) * bytes_per_pixel + 2 * file.get_ref().len() as u64;
        assert!(taken <= estimate, "{format:?} {colour:?}: {taken} of {estimate} bytes");
        println!("estimate {format:?} {colour:?}: {taken} of {estimate} bytes");
    }
}

fn peak_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the worker is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak is reported");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
