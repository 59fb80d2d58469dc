//! Owns what an exit status says about a death: its reason from the closed list, and a detail for people.

use std::process::ExitStatus;

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::Reason;

/// How a worker ended with a job in hand. An observation: the cause is the file, until a fresh worker says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Death {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// Reads the death of `who` from an exit status and from what it said before.
    pub(super) fn of(who: &str, status: ExitStatus, allocation_failed: bool) -> Self {
        match status.signal() {
            Some(signal) if signal == Signal::XCPU.as_raw() => {
                Self::new(Reason::DecodeTimeout, "the CPU time is used up")
            }
            Some(signal) if signal == Signal::ABORT.as_raw() && allocation_failed => {
                Self::new(Reason::DecodeMemory, "an allocation beyond the address space failed")
            }
            // Neither the file nor we can do that: the kernel out of memory does, or a person.
            Some(signal) if signal == Signal::KILL.as_raw() => {
                Self::new(Reason::DecodeMemory, format!("{who} was killed from outside, perhaps for memory"))
            }
            Some(signal) if signal == Signal::SYS.as_raw() => {
                Self::new(Reason::DecoderCrashed, format!("{who} made a system call that it may not make"))
            }
            Some(signal) => Self::new(Reason::DecoderCrashed, format!("{who} died of signal {signal}")),
            None => {
                let code = status.code().unwrap_or(-1);
                Self::new(Reason::DecoderCrashed, format!("{who} exited with {code}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_names_its_cause() {
        let of =
            |raw, allocation_failed| Death::of("it", ExitStatus::from_raw(raw), allocation_failed).reason;
        assert_eq!(of(24, false), Reason::DecodeTimeout);
        assert_eq!(of(6, true), Reason::DecodeMemory);
        assert_eq!(of(6, false), Reason::DecoderCrashed);
        assert_eq!(of(9, false), Reason::DecodeMemory);
        assert_eq!(of(11, true), Reason::DecoderCrashed);
        assert_eq!(of(31, false), Reason::DecoderCrashed);
        assert_eq!(of(3 << 8, false), Reason::DecoderCrashed);
    }
}
