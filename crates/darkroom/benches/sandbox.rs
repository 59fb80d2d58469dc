//! What the sandbox costs: CPU time of a job through a confined worker, station included, against the same `render` in
//! this process, in turns on the same bytes and with the same heap settings. `cargo bench -p darkroom --bench sandbox`.

#![expect(clippy::print_stdout, reason = "a bench reports by itself")]

use std::io::Cursor;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use darkroom::worker::{HEAP, Pool, PoolConfig, run_if_worker};
use darkroom::{Limits, Plan, Rendition, render};
use rustix::time::{ClockId, clock_gettime};

fn main() {
    run_if_worker();
    let (name, value) = HEAP[0];
    if std::env::var(name).as_deref() != Ok(value) {
        // A heap is set up before `main`: start again with the workers' settings.
        let program = std::env::current_exe().expect("the program knows itself");
        let error = Command::new(program).args(std::env::args_os().skip(1)).envs(HEAP).exec();
        panic!("start again: {error}");
    }
    measure("12 MP", &photo(4000, 3000), 12);
    measure("200 KB", &photo(860, 645), 150);
}

/// Prints CPU milliseconds a job in process and in a worker, and the median ratio of the rounds.
fn measure(name: &str, original: &[u8], rounds: usize) {
    let sizes = [("large", 2048), ("medium", 1024), ("thumb", 320)];
    let plan =
        Plan::from(sizes.map(|(name, longer_side_px)| Rendition::new(name, longer_side_px, 80)).to_vec());
    let config = PoolConfig { workers: NonZeroUsize::MIN, ..PoolConfig::default() };
    let pool = Pool::start(config).expect("a worker starts");
    let in_process = || drop(render(original, &plan, &Limits::DEFAULT).expect("a whole photo"));
    let in_worker = || drop(pool.develop("bench", original, &plan).expect("a whole photo"));
    for _ in 0..3 {
        in_process();
        in_worker();
    }
    let (mut direct, mut confined) = (Duration::ZERO, Duration::ZERO);
    let mut ratios = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (one, other) = (cpu(in_process), cpu(in_worker));
        direct += one;
        confined += other;
        ratios.push(other.as_secs_f64() / one.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    let each = |total: Duration| total.as_secs_f64() * 1e3 / rounds as f64;
    println!(
        "{name}: {} KB, in process {:.2} ms, in a worker {:.2} ms, ratio of the sums {:.3}, median {:.3}",
        original.len() / 1000,
        each(direct),
        each(confined),
        confined.as_secs_f64() / direct.as_secs_f64(),
        ratios[rounds / 2],
    );
}

/// CPU time of this process and its children while `work` runs.
fn cpu(work: impl FnOnce()) -> Duration {
    let before = cpu_so_far();
    work();
    cpu_so_far().saturating_sub(before)
}

fn cpu_so_far() -> Duration {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let own = Duration::try_from(own).expect("CPU time is not negative");
    children().into_iter().map(run_time).fold(own, |sum, time| sum + time)
}

fn children() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted").flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Nanoseconds that a process with one thread has run.
fn run_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanos = stat.split_ascii_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// A JPEG with the statistics of a photo: smooth shapes under grain.
fn photo(width: u32, height: u32) -> Vec<u8> {
    let mut grain = 1_u32;
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y, grain) = (x as f32, y as f32, (grain >> 24) as f32 / 8.0 - 16.0);
        let wave = |period: f32, phase: f32| ((x / period + phase).sin() + (y / period * 0.7).cos()) * 50.0;
        let level = |value: f32| (128.0 + value + grain).clamp(0.0, 255.0) as u8;
        image::Rgb([level(wave(90.0, 0.0)), level(wave(41.0, 1.0)), level(wave(17.0, 2.0))])
    });
    let mut file = Cursor::new(Vec::new());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 85)
        .encode_image(&picture)
        .expect("a photo can be encoded");
    file.into_inner()
}
