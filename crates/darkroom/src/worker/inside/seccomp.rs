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
/// For a pointer that has to be null.
const WHOLE_POINTER: u64 = u64::MAX;
/// Advice beyond the first 32 kinds is for testing the kernel: it takes pages from the whole machine.
const COMMON_ADVICE: Argument = (2, WHOLE & !31, 0);
const EXECUTABLE: (u64, u64) = (libc::PROT_EXEC as u64, 0);

/// Calls that neither name anything nor reach beyond the process, whatever their arguments.
const HARMLESS: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    // The C library's `qsort`, which libwebp sorts with, asks once how much memory the machine has.
    libc::SYS_sysinfo,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What programs need beyond that, under names that every architecture has.
const PROGRAM: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fadvise64,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_membarrier,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_getppid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getcpu,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_uname,
    libc::SYS_umask,
];

/// How a program may open a file, whatever Landlock of its day governs: to read what is there. (Without access rights
/// in its flags a file can still be emptied, and older Landlocks do not look.)
const READ_ONLY: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
/// What a program may ask `fcntl` for. Not to be told of what happens: that signal could go to anybody.
const FCNTLS: [i32; 5] = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL];
/// And devices: what C libraries ask of any descriptor.
const IOCTLS: [u64; 5] = [libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX, libc::TCGETS];

/// Older names for some of these, of an older architecture.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_time,
    libc::SYS_getrlimit,
    libc::SYS_getpgrp,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[c_long] = &[];

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
        (libc::SYS_madvise, &[COMMON_ADVICE]),
        (libc::SYS_tgkill, &[(0, WHOLE, me), (2, WHOLE, libc::SIGABRT as u64)]),
    ];
    for (call, arguments) in listed {
        allow(&mut rules, *call, arguments)?;
    }
    for signal in OWN_SIGNALS {
        allow(&mut rules, libc::SYS_rt_sigaction, &[(0, WHOLE, signal as u64)])?;
    }
    program_of(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// What a configured program may call: files that Landlock lets it read, memory, threads, time, itself. Anything else,
/// sockets, tracing, further processes and other processes first, does not exist for it (`ENOSYS`): libraries then do
/// without. Threads come by `clone`, whose flags a filter can read; `clone3` hides them.
pub(super) fn program() -> io::Result<BpfProgram> {
    let calls = HARMLESS.iter().chain(PROGRAM).chain(LEGACY);
    let mut rules: Rules = calls.map(|call| (*call, Vec::new())).collect();
    let me = u64::from(std::process::id());
    let thread = libc::CLONE_THREAD as u64;
    let listed: &[(c_long, &[Argument])] = &[
        (libc::SYS_clone, &[(0, thread, thread)]),
        (libc::SYS_kill, &[(0, WHOLE, me)]),
        (libc::SYS_tgkill, &[(0, WHOLE, me)]),
        // Its own limits, to read: root could raise them.
        (libc::SYS_prlimit64, &[(0, WHOLE, 0), (2, WHOLE_POINTER, 0)]),
        (libc::SYS_prlimit64, &[(0, WHOLE, me), (2, WHOLE_POINTER, 0)]),
        (libc::SYS_madvise, &[COMMON_ADVICE]),
        (libc::SYS_prctl, &[(0, WHOLE, libc::PR_SET_NAME as u64)]),
        (libc::SYS_prctl, &[(0, WHOLE, libc::PR_GET_NAME as u64)]),
        (libc::SYS_openat, &[(2, READ_ONLY, 0)]),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, &[(1, READ_ONLY, 0)]),
        (libc::SYS_fcntl, &[(1, WHOLE, libc::F_SETFL as u64), (2, libc::O_ASYNC as u64, 0)]),
    ];
    for (call, arguments) in listed {
        allow(&mut rules, *call, arguments)?;
    }
    for asked in FCNTLS {
        allow(&mut rules, libc::SYS_fcntl, &[(1, WHOLE, asked as u64)])?;
    }
    for asked in IOCTLS {
        allow(&mut rules, libc::SYS_ioctl, &[(1, WHOLE, asked)])?;
    }
    program_of(rules, SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow)
}

/// Puts a filter over this process for good. Whether the kernel took it.
pub(super) fn apply(program: &BpfProgram) -> bool {
    seccompiler::apply_filter(program).is_ok()
}

fn allow(rules: &mut Rules, call: c_long, arguments: &[Argument]) -> io::Result<()> {
    let condition = |(position, mask, value): &Argument| {
        // What the kernel reads as `int` may hold anything in its upper half.
        let length = if *mask > WHOLE { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
        SeccompCondition::new(*position, length, SeccompCmpOp::MaskedEq(*mask), *value)
    };
    let conditions: Result<Vec<_>, _> = arguments.iter().map(condition).collect();
    let rule = conditions.and_then(SeccompRule::new).map_err(io::Error::other)?;
    rules.entry(call).or_default().push(rule);
    Ok(())
}

fn program_of(rules: Rules, unlisted: SeccompAction, listed: SeccompAction) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, unlisted, listed, architecture).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_programs_that_a_kernel_can_take() {
        for filter in [decoder().unwrap(), program().unwrap()] {
            assert!((10..4096).contains(&filter.len()), "{}", filter.len());
        }
    }
}
