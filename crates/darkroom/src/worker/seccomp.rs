//! Owns which system calls are left to a process that holds a stranger's bytes, as seccomp filters. Every other call,
//! and a listed one with other arguments, kills the process with SIGSYS before the kernel does anything.

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// An argument that has to be equal under a mask: its position, the mask, the value.
type Argument = (u8, u64, u64);
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

const WHOLE: u64 = u32::MAX as u64;
const EXECUTABLE: (u64, u64) = (libc::PROT_EXEC as u64, 0);

/// Calls that neither name anything nor reach beyond the process, whatever their arguments.
const HARMLESS: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Signals whose handling the Rust runtime and `abort` change. Not SIGXCPU: it has to kill.
const OWN_SIGNALS: [i32; 3] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT];

/// What a decoder may call: read the questions, write the answers, have memory, die.
pub(super) fn decoder() -> io::Result<BpfProgram> {
    let mut rules: Rules = HARMLESS.iter().map(|call| (*call, Vec::new())).collect();
    let (exec_mask, not_exec) = EXECUTABLE;
    let private = libc::MAP_ANONYMOUS as u64;
    let me = u64::from(std::process::id());
    let listed: &[(c_long, &[Argument])] = &[
        (libc::SYS_read, &[(0, WHOLE, libc::STDIN_FILENO as u64)]),
        (libc::SYS_write, &[(0, WHOLE, libc::STDOUT_FILENO as u64)]),
        (libc::SYS_write, &[(0, WHOLE, libc::STDERR_FILENO as u64)]),
        (libc::SYS_mmap, &[(2, exec_mask, not_exec), (3, private, private)]),
        (libc::SYS_mprotect, &[(2, exec_mask, not_exec)]),
        (libc::SYS_tgkill, &[(0, WHOLE, me), (2, WHOLE, libc::SIGABRT as u64)]),
    ];
    for (call, arguments) in listed {
        allow(&mut rules, *call, arguments)?;
    }
    for signal in OWN_SIGNALS {
        allow(&mut rules, libc::SYS_rt_sigaction, &[(0, WHOLE, signal as u64)])?;
    }
    program(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// Puts a filter over this process for good. Whether the kernel took it.
pub(super) fn apply(program: &BpfProgram) -> bool {
    seccompiler::apply_filter(program).is_ok()
}

fn allow(rules: &mut Rules, call: c_long, arguments: &[Argument]) -> io::Result<()> {
    let condition = |(position, mask, value): &Argument| {
        let operator = SeccompCmpOp::MaskedEq(*mask);
        // The kernel reads these as `int`; the upper half may hold anything.
        SeccompCondition::new(*position, SeccompCmpArgLen::Dword, operator, *value)
    };
    let conditions: Result<Vec<_>, _> = arguments.iter().map(condition).collect();
    let rule = conditions.and_then(SeccompRule::new).map_err(io::Error::other)?;
    rules.entry(call).or_default().push(rule);
    Ok(())
}

fn program(rules: Rules, unlisted: SeccompAction, listed: SeccompAction) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, unlisted, listed, architecture).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_a_program_the_kernel_can_take() {
        let program = decoder().unwrap();
        assert!((10..4096).contains(&program.len()), "{}", program.len());
    }
}
