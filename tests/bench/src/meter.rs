//! Owns what the kernel says about processes: CPU time, the largest resident set, the core they may run on. Linux only.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, all threads, in milliseconds.
pub(crate) fn own_cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// CPU time of the living children of this process, in milliseconds. Exact for a child that waits.
pub(crate) fn children_cpu_ms() -> f64 {
    children_of(std::process::id()).into_iter().map(cpu_ms_of).sum()
}

/// CPU time of a living process in milliseconds. Threads that have ended are not in it.
fn cpu_ms_of(pid: u32) -> f64 {
    let nanoseconds = |task: fs::DirEntry| -> Option<f64> {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    tasks.into_iter().flatten().flatten().filter_map(nanoseconds).sum::<f64>() / 1e6
}

/// The living children of a process, in no order.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    texts
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// A process and all its living descendants.
pub(crate) fn tree_of(pid: u32) -> Vec<u32> {
    let mut tree = vec![pid];
    let mut next = 0;
    while next < tree.len() {
        tree.extend(children_of(tree[next]));
        next += 1;
    }
    tree
}

/// The largest resident set that a process ever had, KiB.
pub(crate) fn peak_kib_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU seconds of a living process, at the grain of a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Secs {
    /// Its own, all threads, those that have ended included.
    pub own: f64,
    /// Of its children that are gone.
    pub gone_children: f64,
}

/// CPU seconds of a process; zero if it is gone.
pub(crate) fn cpu_secs_of(pid: u32) -> Secs {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    secs(&stat).unwrap_or(Secs { own: 0.0, gone_children: 0.0 })
}

/// Fields 14 to 17 of a `/proc/PID/stat` line, counted past the name, which may hold anything.
fn secs(stat: &str) -> Option<Secs> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let per_sec = rustix::param::clock_ticks_per_second() as f64;
    let mut pair = || -> Option<f64> {
        let mut next = || fields.next()?.parse::<f64>().ok();
        Some((next()? + next()?) / per_sec)
    };
    Some(Secs { own: pair()?, gone_children: pair()? })
}

/// The command line of a process, its words apart by spaces.
pub(crate) fn command_of(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Holds this process, and all that it starts meanwhile, on one core; dropped, it lets go.
pub(crate) struct Pinned {
    allowed: CpuSet,
}

impl Pinned {
    /// Pins to the last core that is allowed.
    pub(crate) fn to_one_core() -> Result<Pinned> {
        let allowed = sched_getaffinity(None).context("ask for the allowed cores")?;
        let mut cores = (0..CpuSet::MAX_CPU).rev();
        let core = cores.find(|&core| allowed.is_set(core)).context("no core is allowed")?;
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one).context("pin to one core")?;
        Ok(Pinned { allowed })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // What was allowed before is allowed again.
        let _ = sched_setaffinity(None, &self.allowed);
    }
}

/// The first value of a `name : value` line of a `/proc` file.
pub(crate) fn proc_line(path: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_past_any_name() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat =
            format!("42 (a) 1 2 ) S 1 42 42 0 -1 4194560 99 0 0 0 {ticks} 0 {ticks} {ticks} 20 0 1 0 100");
        assert_eq!(secs(&stat), Some(Secs { own: 1.0, gone_children: 2.0 }));
        assert_eq!(secs("nonsense"), None);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        assert!(own_cpu_ms() > 0.0);
        assert!(cpu_ms_of(std::process::id()) > 0.0);
        assert!(peak_kib_of(std::process::id()).unwrap() > 100);
        assert_eq!(tree_of(std::process::id())[0], std::process::id());
    }
}
