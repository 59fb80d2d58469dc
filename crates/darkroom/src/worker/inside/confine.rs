//! Owns what a worker gives up before its first job, and the report of what the kernel let it give up: privileges by
//! exec (`no_new_privs`), files, ports and signals (Landlock without a rule), system calls (seccomp), memory, files and
//! processes (rlimits). Decides nothing about a kernel that lacks one of these: the station does.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, AddRuleError, AddRulesError, LandlockStatus, PathBeneath, PathFd,
    PathFdError, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use serde::{Deserialize, Serialize};

use super::seccomp;
use crate::Limits;

/// The newest Landlock that is asked for; an older kernel enforces what it knows of it.
const LANDLOCK_ABI: ABI = ABI::V9;
/// A decoder has no business with deep recursion.
const STACK_BYTES: u64 = 8 << 20;
/// Libraries are opened one after the other.
const PROGRAM_DESCRIPTORS_MAX: u64 = 64;

/// What holds a worker, as it reported before its first job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        self.parts().into_iter().filter_map(|(name, held)| (held <= 0).then_some(name)).collect()
    }

    /// What holds another process more than this one, by name; empty if this one is held as well or better.
    pub(in crate::worker) fn less_than(&self, other: Self) -> Vec<&'static str> {
        let both = self.parts().into_iter().zip(other.parts());
        both.filter_map(|((name, here), (_, there))| (here < there).then_some(name)).collect()
    }

    /// Each part by name and how much there is of it.
    fn parts(&self) -> [(&'static str, i32); 4] {
        [
            ("no_new_privs", self.no_new_privs.into()),
            ("landlock", self.landlock_abi),
            ("seccomp", self.seccomp.into()),
            ("memfd sealing", self.sealed_memory.into()),
        ]
    }
}

/// Why a program cannot be confined as it should be.
pub(super) enum NotConfined {
    /// No rule can be made for this listed path.
    Path(PathBuf, io::Error),
    /// The machine could not.
    Unable(io::Error),
}

impl From<io::Error> for NotConfined {
    fn from(error: io::Error) -> Self {
        Self::Unable(error)
    }
}

/// Asks the kernel to take this process before the station where memory runs out. A wish: nothing hangs on it.
pub(super) fn die_first() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
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
    let landlock_abi = denying().map_or(0, enforce);
    limit(address_space_bytes)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let seccomp = seccomp::apply(&seccomp::decoder()?);
    Ok(Confinement { no_new_privs, landlock_abi, seccomp, sealed_memory: false })
}

/// What a configured program and its libraries need, and nothing else: read and execute under `allowed`. Fails where that
/// cannot be had as it is said.
pub(super) fn confine_program(limits: &Limits, allowed: &[PathBuf]) -> Result<Confinement, NotConfined> {
    let no_new_privs = set_no_new_privs(true).is_ok();
    let landlock_abi = deny_all_but(allowed)?;
    let wanted = [
        (Resource::As, limits.address_space_bytes_max),
        (Resource::Stack, STACK_BYTES),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, PROGRAM_DESCRIPTORS_MAX),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        // Not Nproc: it counts all threads of the user, the station's too, and none of root's. Processes are seccomp's to
        // deny; how many threads there are is bounded by the time that they have, and by the cgroup's `pids.max`.
    ];
    set_limits(&wanted)?;
    // A second above, so that a program which ignores SIGXCPU is killed all the same.
    set_limit(Resource::Cpu, limits.cpu_secs, 1)?;
    let seccomp = seccomp::apply(&seccomp::program()?);
    Ok(Confinement { no_new_privs, landlock_abi, seccomp, sealed_memory: false })
}

/// Landlock with a rule for each of `allowed`, and nothing else. Returns the version that enforces it, 0 if none.
fn deny_all_but(allowed: &[PathBuf]) -> Result<i32, NotConfined> {
    let Some(mut rules) = denying() else { return Ok(0) };
    for path in allowed {
        rules = admit(rules, path).map_err(|error| NotConfined::Path(path.clone(), error))?;
    }
    Ok(enforce(rules))
}

/// Landlock without a rule: whatever it can deny is denied. `None` if it fails on this kernel.
fn denying() -> Option<RulesetCreated> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK_ABI)))
        .and_then(|rules| rules.scope(Scope::from_all(LANDLOCK_ABI)))
        .and_then(Ruleset::create);
    rules.ok()
}

/// Lets what lies under `path` be read and executed.
fn admit(rules: RulesetCreated, path: &Path) -> io::Result<RulesetCreated> {
    let listed = match PathFd::new(path) {
        Ok(listed) => listed,
        // One list serves machines of several kinds. What is not there now is denied, should it come.
        Err(PathFdError::OpenCall { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(rules);
        }
        Err(PathFdError::OpenCall { source, .. }) => return Err(source),
        Err(other) => return Err(io::Error::other(other)),
    };
    let rule = PathBeneath::new(listed, AccessFs::from_read(LANDLOCK_ABI));
    rules.add_rule(rule).map_err(|error| match error {
        RulesetError::AddRules(AddRulesError::Fs(AddRuleError::AddRuleCall { source, .. })) => source,
        other => io::Error::other(other),
    })
}

/// Binds this process for good. Returns the version of Landlock that does, 0 if none.
fn enforce(rules: RulesetCreated) -> i32 {
    rules.restrict_self().map_or(0, |status| abi_of(&status))
}

/// The Landlock version that enforces what was asked for.
fn abi_of(status: &RestrictionStatus) -> i32 {
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
    set_limits(&limits)
}

fn set_limits(limits: &[(Resource, u64)]) -> io::Result<()> {
    limits.iter().try_for_each(|&(resource, value)| set_limit(resource, value, 0))
}

/// Sets a limit for good, or to what is allowed already where that is less: what warns to `value`, what kills to `margin`
/// more.
fn set_limit(resource: Resource, value: u64, margin: u64) -> io::Result<()> {
    let wanted = value.saturating_add(margin);
    let maximum = getrlimit(resource).maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let current = maximum.saturating_sub(margin);
    setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })?;
    Ok(())
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

    #[test]
    fn less_is_what_another_has_and_this_one_has_not() {
        let whole = Confinement { no_new_privs: true, landlock_abi: 5, seccomp: true, sealed_memory: true };
        let older = Confinement { landlock_abi: 4, ..whole };
        let bare = Confinement { landlock_abi: 0, seccomp: false, ..whole };
        assert_eq!(older.less_than(whole), ["landlock"]);
        assert_eq!(bare.less_than(whole), ["landlock", "seccomp"]);
        for (better, other) in [(whole, whole), (whole, bare), (bare, bare)] {
            assert!(better.less_than(other).is_empty());
        }
    }
}
