//! Owns what the kernel says of a process that is ours and not reaped yet: how much CPU time it has had, and whether it
//! waits by its own will. Judges nothing.

use std::io;
use std::time::Duration;

/// Of a `/proc/PID/stat` line, counted past the name, which may hold anything: the state, and user and system ticks.
const STATE: usize = 0;
const USER_TICKS: usize = 11;
/// Asleep until something happens that it waits for itself.
const ASLEEP: &str = "S";

/// Returns the CPU time of all threads since the process began; of one that has ended too, until it is reaped.
pub(super) fn cpu_time(pid: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat is odd"))?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks.saturating_mul(1000) / per_second))
}

/// Says whether every thread is asleep by its own will: none is stopped, waits for a processor or for a disk. A process of
/// which nothing can be read is not.
pub(super) fn waits_by_itself(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let mut stats = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("stat")));
    stats.all(|stat| stat.is_ok_and(|stat| field(&stat, STATE) == Some(ASLEEP)))
}

fn cpu_ticks(stat: &str) -> Option<u64> {
    let ticks = |at| field(stat, at)?.parse::<u64>().ok();
    Some(ticks(USER_TICKS)? + ticks(USER_TICKS + 1)?)
}

fn field(stat: &str, at: usize) -> Option<&str> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(at)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn ticks_are_counted_past_any_name() {
        let stat = "42 (a) 1 2 ) S 1 42 42 0 -1 4194560 99 0 0 0 17 5 0 0 20 0 1 0 100 1 2";
        assert_eq!((cpu_ticks(stat), field(stat, STATE)), (Some(22), Some(ASLEEP)));
        assert_eq!(cpu_ticks("nonsense"), None);
    }

    #[test]
    fn who_reads_what_never_comes_waits_by_itself_and_who_works_does_not() {
        let reader = Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let worker = Command::new("/bin/sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !waits_by_itself(reader.id()) || cpu_time(worker.id()).unwrap().is_zero() {
            assert!(std::time::Instant::now() < deadline, "one reads and one works");
            std::thread::yield_now();
        }
        assert!(!waits_by_itself(worker.id()));
        for mut child in [reader, worker] {
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!waits_by_itself(child.id()) && cpu_time(child.id()).is_err());
        }
    }
}
