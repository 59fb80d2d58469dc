//! Owns what an end means: whose doing it was, its reason from the closed list, and a detail for people.
//!
//! A file can spend CPU time, ask for memory and break a decoder. It can neither kill nor stop its worker nor take the
//! processor away: that is the host, and the file may be fine.

use std::process::ExitStatus;
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::{Limits, Reason};

/// Of the time that a process may have, the share after which its end is its own: the kernel counts in ticks, and looks
/// now and then.
const USED_UP: f32 = 0.9;
/// What people and supervisors send. No decoder dies of these by itself.
const SENT: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// How a worker or program ended with a job in hand. An observation: where the cause is the file, a fresh worker may say
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) cause: Cause,
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// Whose doing a death is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The file's, or the program's that works on it.
    File,
    /// The machine's, or a person's at it.
    Host,
}

/// What is left of a process.
pub(super) struct Remains {
    pub(super) who: &'static str,
    pub(super) status: ExitStatus,
    /// What it had of CPU time for this job.
    pub(super) cpu_time: Duration,
    /// Its allocator said so before.
    pub(super) allocation_failed: bool,
}

impl Death {
    pub(super) fn of_file(reason: Reason, detail: impl Into<String>) -> Self {
        Self { cause: Cause::File, reason, detail: detail.into() }
    }

    fn of_host(reason: Reason, detail: impl Into<String>) -> Self {
        Self { cause: Cause::Host, reason, detail: detail.into() }
    }

    /// Reads a death from what is left.
    pub(super) fn of(remains: &Remains, limits: &Limits) -> Self {
        let Remains { who, status, cpu_time, allocation_failed } = remains;
        let Some(signal) = status.signal() else {
            let code = status.code().unwrap_or(-1);
            return Self::of_file(Reason::DecoderCrashed, format!("{who} exited with {code}"));
        };
        let is = |known: Signal| signal == known.as_raw();
        let cpu_is_used_up = *cpu_time >= Duration::from_secs(limits.cpu_secs).mul_f32(USED_UP);
        if is(Signal::XCPU) || is(Signal::KILL) && cpu_is_used_up {
            return Self::of_file(Reason::DecodeTimeout, "the CPU time is used up");
        }
        if is(Signal::ABORT) && *allocation_failed {
            return Self::of_file(Reason::DecodeMemory, "an allocation beyond the address space failed");
        }
        if is(Signal::KILL) {
            let detail = format!("{who} was killed from outside, perhaps for memory");
            return Self::of_host(Reason::DecodeMemory, detail);
        }
        if is(Signal::BUS) {
            // What it maps is sealed and cannot shrink: the kernel had no page for it.
            let detail = format!("{who} was promised memory that was not there");
            return Self::of_host(Reason::DecodeMemory, detail);
        }
        if SENT.into_iter().any(is) {
            let detail = format!("{who} was sent signal {signal} from outside");
            return Self::of_host(Reason::DecoderCrashed, detail);
        }
        if is(Signal::SYS) {
            let detail = format!("{who} made a system call that it may not make");
            return Self::of_file(Reason::DecoderCrashed, detail);
        }
        Self::of_file(Reason::DecoderCrashed, format!("{who} died of signal {signal}"))
    }

    /// Judges one that we killed because `what` did not come in time. With CPU time left the host did not let it work;
    /// where the wall clock is the shorter limit, having worked all the time is the file's doing.
    pub(super) fn late(what: &str, cpu_time: Duration, limits: &Limits) -> Self {
        let waited = format!("no {what} within {} s", limits.wall_secs);
        let whole = Duration::from_secs(limits.cpu_secs.min(limits.wall_secs));
        if cpu_time >= whole.mul_f32(USED_UP) {
            return Self::of_file(Reason::DecodeTimeout, waited);
        }
        let left = Duration::from_secs(limits.cpu_secs).saturating_sub(cpu_time).as_secs_f32();
        Self::of_host(Reason::DecodeTimeout, format!("{waited}, with {left:.1} s of CPU time left"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { cpu_secs: 5, wall_secs: 10, ..Limits::DEFAULT };

    fn of(raw: i32, cpu_secs: f32, allocation_failed: bool) -> (Cause, Reason) {
        let status = ExitStatus::from_raw(raw);
        let cpu_time = Duration::from_secs_f32(cpu_secs);
        let death = Death::of(&Remains { who: "it", status, cpu_time, allocation_failed }, &LIMITS);
        (death.cause, death.reason)
    }

    #[test]
    fn what_a_file_can_do_is_the_files() {
        assert_eq!(of(24, 5.0, false), (Cause::File, Reason::DecodeTimeout));
        assert_eq!(of(9, 4.9, false), (Cause::File, Reason::DecodeTimeout), "it did not heed the warning");
        assert_eq!(of(6, 0.0, true), (Cause::File, Reason::DecodeMemory));
        for raw in [6, 11, 31, 3 << 8] {
            assert_eq!(of(raw, 0.0, false), (Cause::File, Reason::DecoderCrashed), "{raw}");
        }
        assert_eq!(of(11, 0.0, true), (Cause::File, Reason::DecoderCrashed));
    }

    #[test]
    fn what_no_file_can_do_is_the_hosts() {
        for raw in [9, 7] {
            assert_eq!(of(raw, 1.0, false), (Cause::Host, Reason::DecodeMemory), "{raw}");
        }
        for raw in [1, 2, 3, 15] {
            assert_eq!(of(raw, 1.0, false), (Cause::Host, Reason::DecoderCrashed), "{raw}");
        }
    }

    #[test]
    fn lateness_is_the_hosts_as_long_as_cpu_time_is_left() {
        let late = |cpu_secs, limits: &Limits| {
            let death = Death::late("answer", Duration::from_secs_f32(cpu_secs), limits);
            assert_eq!(death.reason, Reason::DecodeTimeout);
            (death.cause, death.detail)
        };
        let (cause, detail) = late(0.8, &LIMITS);
        assert_eq!(
            (cause, detail.as_str()),
            (Cause::Host, "no answer within 10 s, with 4.2 s of CPU time left")
        );
        assert_eq!(late(4.0, &LIMITS).0, Cause::Host);
        assert_eq!(late(4.9, &LIMITS).0, Cause::File);
        let hasty = Limits { cpu_secs: 60, ..LIMITS };
        assert_eq!(late(9.5, &hasty).0, Cause::File, "it worked all the time that it had");
        assert_eq!(late(5.0, &hasty).0, Cause::Host);
    }
}
