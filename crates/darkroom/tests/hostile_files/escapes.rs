//! Attempts to get out of a worker, each a bare system call as injected code would make it. Owns the attempts and what
//! has to become of each. An attempt that has to kill its worker with SIGSYS is also made outside, where it has to come
//! back: what never works proves nothing.

#![expect(unsafe_code, reason = "an exploit does not ask the standard library")]

use std::ffi::CStr;
use std::io;
use std::process::Command;

use darkroom::Reason;
use darkroom::worker::WORKER_ARG;
use libc::{c_int, c_long};

use crate::harness::{limits, photo, plan, pool, rejection};

/// First argument of this program when it makes an attempt unconfined.
pub(crate) const OUTSIDE_ARG: &str = "attempt-outside";
/// A descriptor that a worker would have if it had kept its memory files.
const THIRD: c_long = 3;
const DETAIL: &str = "the worker made a system call that it may not make";

type Attempt = fn() -> c_long;

/// What is tried, by name. All of them have to end in SIGSYS.
pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("read_a_file", || open(c"/etc/passwd", libc::O_RDONLY)),
    ("read_its_environment", || open(c"/proc/self/environ", libc::O_RDONLY)),
    ("create_a_file", || open(c"/tmp", libc::O_TMPFILE | libc::O_WRONLY)),
    ("reopen_its_own_memory", || open(c"/proc/self/mem", libc::O_RDWR)),
    ("stat_a_file", || {
        let mut stat = [0_u8; 256];
        let at = stat.as_mut_ptr() as c_long;
        call(libc::SYS_newfstatat, [libc::AT_FDCWD.into(), c"/etc/passwd".as_ptr() as c_long, at, 0, 0, 0])
    }),
    ("delete_a_file", || {
        call(libc::SYS_unlinkat, [libc::AT_FDCWD.into(), c"/tmp/none".as_ptr() as c_long, 0, 0, 0, 0])
    }),
    ("make_a_tcp_socket", || socket(libc::AF_INET, libc::SOCK_STREAM)),
    ("make_a_unix_socket", || socket(libc::AF_UNIX, libc::SOCK_DGRAM)),
    ("make_a_netlink_socket", || socket(libc::AF_NETLINK, libc::SOCK_RAW)),
    ("connect", || with_address(libc::SYS_connect)),
    ("bind", || with_address(libc::SYS_bind)),
    ("send_on_its_socket", || call(libc::SYS_sendto, [0, c"x".as_ptr() as c_long, 1, 0, 0, 0])),
    ("run_a_program", || {
        let arguments = [c"true".as_ptr(), std::ptr::null()];
        let arguments = arguments.as_ptr() as c_long;
        call(libc::SYS_execve, [c"/bin/true".as_ptr() as c_long, arguments, 0, 0, 0, 0])
    }),
    ("fork", || clone(libc::SIGCHLD)),
    // Without shared memory, which the kernel refuses outside: a thread on this very stack would be nobody's gain.
    ("start_a_thread", || clone(libc::CLONE_THREAD)),
    ("start_a_thread_by_clone3", || call(libc::SYS_clone3, [0; 6])),
    ("trace_the_station", || call(libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), station(), 0, 0, 0, 0])),
    ("read_the_stations_memory", || call(libc::SYS_process_vm_readv, [station(), 0, 0, 0, 0, 0])),
    ("kill_the_station", || call(libc::SYS_kill, [station(), libc::SIGKILL.into(), 0, 0, 0, 0])),
    ("signal_another_process", || {
        call(libc::SYS_tgkill, [station(), station(), libc::SIGABRT.into(), 0, 0, 0])
    }),
    ("signal_by_pidfd", || call(libc::SYS_pidfd_open, [station(), 0, 0, 0, 0, 0])),
    ("map_executable_memory", || {
        map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, libc::MAP_ANONYMOUS, -1)
    }),
    ("map_a_descriptor", || map(libc::PROT_READ, 0, THIRD)),
    ("make_memory_executable", || {
        let page = map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_ANONYMOUS, -1);
        call(libc::SYS_mprotect, [page, 4096, (libc::PROT_READ | libc::PROT_EXEC).into(), 0, 0, 0])
    }),
    // Of no memory at all: outside the call has to be harmless.
    ("poison_memory", || call(libc::SYS_madvise, [0, 0, libc::MADV_HWPOISON.into(), 0, 0, 0])),
    ("make_a_memory_file", || call(libc::SYS_memfd_create, [c"x".as_ptr() as c_long, 0, 0, 0, 0, 0])),
    ("raise_its_limits", || {
        let limit = [u64::MAX, u64::MAX];
        call(libc::SYS_prlimit64, [0, libc::RLIMIT_CPU as c_long, limit.as_ptr() as c_long, 0, 0, 0])
    }),
    ("outlive_its_cpu_time", || {
        let ignore = [libc::SIG_IGN, 0, 0, 0];
        let signal = libc::SIGXCPU.into();
        call(libc::SYS_rt_sigaction, [signal, ignore.as_ptr() as c_long, 0, 8, 0, 0])
    }),
    ("undo_its_confinement", || call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0])),
    ("filter_the_filter", || call(libc::SYS_seccomp, [2, 0, 0, 0, 0, 0])),
    ("become_root_elsewhere", || call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0, 0])),
    ("enter_a_namespace", || call(libc::SYS_setns, [0, 0, 0, 0, 0, 0])),
    ("mount", || call(libc::SYS_mount, [0, c"/none".as_ptr() as c_long, 0, 0, 0, 0])),
    ("change_its_root", || call(libc::SYS_chroot, [c"/none".as_ptr() as c_long, 0, 0, 0, 0, 0])),
    ("change_its_user", || call(libc::SYS_setuid, [0; 6])),
    ("read_the_key_ring", || call(libc::SYS_keyctl, [0, -3, 0, 0, 0, 0])),
    ("load_a_bpf_program", || call(libc::SYS_bpf, [5, 0, 0, 0, 0, 0])),
    ("use_io_uring", || call(libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0])),
    ("use_userfaultfd", || call(libc::SYS_userfaultfd, [0; 6])),
    ("measure_the_machine", || call(libc::SYS_perf_event_open, [0, 0, -1, -1, 0, 0])),
    ("shrink_the_shared_memory", || call(libc::SYS_ftruncate, [THIRD, 0, 0, 0, 0, 0])),
    ("write_by_position", || call(libc::SYS_pwrite64, [THIRD, c"x".as_ptr() as c_long, 1, 0, 0, 0])),
    ("write_to_its_input", || call(libc::SYS_write, [0, c"x".as_ptr() as c_long, 1, 0, 0, 0])),
    ("write_to_an_unknown_descriptor", || {
        call(libc::SYS_write, [THIRD, c"x".as_ptr() as c_long, 1, 0, 0, 0])
    }),
    ("read_an_unknown_descriptor", || {
        let mut byte = [0_u8];
        call(libc::SYS_read, [THIRD, byte.as_mut_ptr() as c_long, 1, 0, 0, 0])
    }),
    ("double_a_descriptor", || call(libc::SYS_dup, [0; 6])),
    ("control_a_device", || call(libc::SYS_ioctl, [0, libc::FIONREAD as c_long, 0, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    ("use_another_abi", || call(X32 | libc::SYS_getpid, [0; 6])),
];

/// The bit that makes a system call one of the x32 ABI.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// Makes an attempt: what the call returned, or minus its error number.
pub(crate) fn make(name: &str) -> Option<c_long> {
    ATTEMPTS.iter().find(|(attempt, _)| *attempt == name).map(|(_, attempt)| attempt())
}

/// Inside the attempt dies by SIGSYS, twice, before the kernel has done anything; the next photos are fine. Outside the
/// same call comes back.
pub(crate) fn ends_in_sigsys(name: &str) {
    let program = std::env::current_exe().expect("the program knows itself");
    let outside = Command::new(program).args([OUTSIDE_ARG, name]).output().expect("the attempt is made");
    assert!(outside.status.success(), "outside `{name}` gives {outside:?}");

    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", &format!("do:escape {name};"));
    assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, DETAIL));
    assert_eq!(pool.deaths(Reason::DecoderCrashed), 2);
    pool.develop("c", &photo(""), &plan()).expect("the next photo of the same customer");
    pool.develop("d", &photo(""), &plan()).expect("the next photo of another customer");
}

/// Maps and touches memory until it is refused; returns how much there was.
pub(crate) fn map_without_end() -> u64 {
    const STEP: u64 = 1 << 20;
    let mut mapped = 0;
    while call(
        libc::SYS_mmap,
        [0, STEP as c_long, 3, (libc::MAP_ANONYMOUS | libc::MAP_PRIVATE).into(), -1, 0],
    ) > 0
    {
        mapped += STEP;
        assert!(mapped < limits().address_space_bytes_max * 8, "somebody has to stop this");
    }
    mapped
}

/// Tries to make the original's memory writable; returns minus the error number.
pub(crate) fn unlock(original: &[u8]) -> c_long {
    let page = original.as_ptr() as c_long;
    call(libc::SYS_mprotect, [page, 4096, (libc::PROT_READ | libc::PROT_WRITE).into(), 0, 0, 0])
}

/// Writes into the original.
pub(crate) fn scribble(original: &[u8]) {
    // SAFETY: none. The test wants the fault.
    unsafe { std::ptr::write_volatile(original.as_ptr().cast_mut(), 0) };
}

/// Changes the renditions' memory without end. It lies below the original's: that is where the kernel put the second
/// mapping; the first job's picture in it shows that this is the place.
pub(crate) fn change_output_for_ever(original: &[u8], output_bytes: usize) -> ! {
    let output = original.as_ptr().cast_mut().wrapping_sub(output_bytes);
    // SAFETY: none. A wrong address faults, and the test fails.
    unsafe {
        assert_eq!(std::ptr::read_volatile(output), 0xff, "the first rendition is there");
        loop {
            std::ptr::write_volatile(output, 0);
            std::ptr::write_volatile(output, 0xff);
        }
    }
}

/// Overflows the stack.
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[7] }
}

fn open(path: &CStr, flags: c_int) -> c_long {
    call(libc::SYS_openat, [libc::AT_FDCWD.into(), path.as_ptr() as c_long, flags.into(), 0o600, 0, 0])
}

fn socket(family: c_int, kind: c_int) -> c_long {
    call(libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0, 0])
}

fn with_address(number: c_long) -> c_long {
    // Family 2, port 80, 127.0.0.1.
    let address = [2_u8, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    call(number, [0, address.as_ptr() as c_long, 16, 0, 0, 0])
}

fn clone(flags: c_int) -> c_long {
    let child = call(libc::SYS_clone, [flags.into(), 0, 0, 0, 0, 0]);
    if child == 0 {
        std::process::exit(0);
    }
    child
}

fn map(protection: c_int, flags: c_int, file: c_long) -> c_long {
    call(libc::SYS_mmap, [0, 4096, protection.into(), (flags | libc::MAP_PRIVATE).into(), file, 0])
}

/// The parent's process id, which a worker was told; outside nobody's.
fn station() -> c_long {
    let mut arguments = std::env::args().skip(1);
    let is_worker = arguments.next().is_some_and(|first| first == WORKER_ARG);
    let station = arguments.nth(1).and_then(|text| text.parse().ok()).filter(|_| is_worker);
    station.unwrap_or(c_long::from(i32::MAX))
}

fn call(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    // SAFETY: none is claimed inside a worker, where this is an attack. Outside, the calls above either get valid
    // memory or pointers that the kernel refuses, and none changes memory of this process but what it was given.
    let returned = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    let error = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if returned == -1 { -c_long::from(error) } else { returned }
}
