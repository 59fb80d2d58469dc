//! Owns what a worker gives up before its first job, and the report of what the kernel let it give up: privileges by
//! exec (`no_new_privs`), files, ports and signals (Landlock without a rule), system calls (seccomp), memory, files and
//! processes (rlimits). Decides nothing about a kernel that lacks one of these: the station does.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use serde::{Deserialize, Serialize};

use super::seccomp;

/// The newest Landlock that is asked for; an older kernel enforces what it knows of it.
pub(super) const LANDLOCK_ABI: ABI = ABI::V9;
/// A decoder has no business with deep recursion.
const STACK_BYTES: u64 = 8 << 20;

/// What holds a worker, as it reported before its first job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// No program that it starts could gain privileges.
    pub no_new_privs: bool,
    /// The version of Landlock that denies it every file, port and foreign signal; 0 without.
    pub landlock_abi: i32,
    /// Every system call beyond a short list kills it.
    pub seccomp: bool,
    /// The size of the memory that it shares with the station cannot change.
    pub sealed_memory: bool,
}

impl Confinement {
    /// What is missing, by name; empty on a kernel that has everything.
    pub fn missing(&self) -> Vec<&'static str> {
        let held = [
            (self.no_new_privs, "no_new_privs"),
            (self.landlock_abi > 0, "landlock"),
            (self.seccomp, "seccomp"),
            (self.sealed_memory, "memfd sealing"),
        ];
        held.into_iter().filter_map(|(is_held, name)| (!is_held).then_some(name)).collect()
    }
}

/// Binds this process's life to that of `station`, its parent.
pub(super) fn die_with(station: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(Pid::as_raw_pid) != Some(station) {
        // The station died before the line above: nobody would ever end this process.
        return Err(io::Error::other("the station is gone"));
    }
    Ok(())
}

/// Gives up what a decoder does not need; irrevocable. Fails only where a limit is refused: that any kernel has.
pub(super) fn confine(address_space_bytes: u64) -> io::Result<Confinement> {
    let no_new_privs = set_no_new_privs(true).is_ok();
    let landlock_abi = deny_everything();
    limit(address_space_bytes)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let seccomp = seccomp::apply(&seccomp::decoder()?);
    Ok(Confinement { no_new_privs, landlock_abi, seccomp, sealed_memory: false })
}

/// Landlock without a rule: whatever it can deny is denied. Returns the version that does, 0 if none.
fn deny_everything() -> i32 {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LANDLOCK_ABI)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK_ABI)))
        .and_then(Ruleset::create);
    ruleset.and_then(landlock::RulesetCreated::restrict_self).map_or(0, |status| abi_of(&status))
}

/// The Landlock version that enforces what was asked for.
pub(super) fn abi_of(status: &RestrictionStatus) -> i32 {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
            effective_abi as i32
        }
        _ => 0,
    }
}

fn limit(address_space_bytes: u64) -> io::Result<()> {
    let limits = [
        (Resource::As, address_space_bytes),
        (Resource::Stack, STACK_BYTES),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        // What is open stays open; nothing can be opened.
        (Resource::Nofile, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    for (resource, value) in limits {
        set_limit(resource, value)?;
    }
    Ok(())
}

/// Sets a limit for good, or to what is allowed already if that is less.
pub(super) fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let whole = Confinement { no_new_privs: true, landlock_abi: 1, seccomp: true, sealed_memory: true };
        assert!(whole.missing().is_empty());
        let bare = Confinement { landlock_abi: 0, seccomp: false, ..whole };
        assert_eq!(bare.missing(), ["landlock", "seccomp"]);
    }
}
