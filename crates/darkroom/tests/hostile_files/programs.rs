//! Programs of the operator's in their own profile: what they need works, what they must not do is refused. The program is
//! this test program again; it reports a number as the width of a picture.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, exit};

use darkroom::worker::{Failure, Pool, PoolConfig, Produced, Sandbox};
use darkroom::{Format, Limits, Program, ProgramInput, Reason, pam_header};

use crate::harness::{config, limits, photo, plan, pool};
use crate::{Tests, escapes};

/// First argument of this program when it is a program of the operator's.
pub(crate) const PROGRAM_ARG: &str = "operators-program";

pub(crate) const TESTS: Tests = &[
    ("a_program_makes_a_picture_of_the_original", a_program_makes_a_picture_of_the_original),
    ("a_program_makes_a_picture_of_pixels", a_program_makes_a_picture_of_pixels),
    ("what_a_program_must_not_do_is_refused", what_a_program_must_not_do_is_refused),
    ("what_a_program_needs_works", what_a_program_needs_works),
    ("a_program_reads_only_what_is_listed", a_program_reads_only_what_is_listed),
    ("a_program_is_bounded_in_time", a_program_is_bounded_in_time),
    ("a_program_is_bounded_in_memory_and_output", a_program_is_bounded_in_memory_and_output),
    ("what_is_no_picture_is_rejected", what_is_no_picture_is_rejected),
    ("what_cannot_be_started_is_rejected", what_cannot_be_started_is_rejected),
    (
        "a_path_that_cannot_be_listed_rejects_and_loosens_nothing",
        a_path_that_cannot_be_listed_rejects_and_loosens_nothing,
    ),
];

// ---- the program ----

/// Does what its second argument says and reports.
pub(crate) fn behave() -> ! {
    let mut arguments = std::env::args().skip(2);
    let word = arguments.next().unwrap_or_default();
    let argument = arguments.next().unwrap_or_default();
    let number = match word.as_str() {
        "encode" => return_encoded(),
        "escape" => -escapes::make(&argument).expect("the attempt has a name"),
        "read" => {
            std::fs::read(&argument).map_or_else(|error| error.raw_os_error().map_or(-1, i64::from), |_| 0)
        }
        "write" => std::fs::write(&argument, "x")
            .map_or_else(|error| error.raw_os_error().map_or(-1, i64::from), |()| 0),
        "run" => i64::from(
            Command::new(&argument).status().err().and_then(|error| error.raw_os_error()).unwrap_or(0),
        ),
        "thread" => std::thread::spawn(|| 7).join().expect("a thread may run"),
        "look" => std::env::vars_os().count() as i64,
        "cpu" => cpu_limits(),
        "map" => escapes::map_without_end() as i64 >> 20,
        "spin" => loop {
            std::hint::spin_loop();
        },
        "sleep" => loop {
            std::thread::park();
        },
        "burn" => burn(),
        "flood" => loop {
            std::io::stdout().write_all(&[0xff; 4096]).unwrap_or_else(|_| exit(0));
        },
        "say" => say(argument.as_bytes()),
        "exit" => exit(argument.parse().expect("an exit code")),
        _ => 0,
    };
    say(&picture(number))
}

/// Works for five seconds.
fn burn() -> i64 {
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_secs(5) {
        std::hint::spin_loop();
    }
    0
}

/// The hard limit, and ten times the soft one.
fn cpu_limits() -> i64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Cpu);
    let secs = |limit: Option<u64>| i64::try_from(limit.expect("a limit")).expect("a few seconds");
    secs(limit.current) * 10 + secs(limit.maximum)
}

/// The first bytes of a PNG, as wide as `number` and one more.
fn picture(number: i64) -> Vec<u8> {
    let width = u32::try_from(number + 1).unwrap_or(0).to_be_bytes();
    [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &width, &1_u32.to_be_bytes(), &[8, 0, 0, 0, 0]].concat()
}

fn say(bytes: &[u8]) -> ! {
    std::io::stdout().write_all(bytes).expect("the station listens");
    exit(0)
}

/// Reads pixels as PAM and writes a PNG.
fn return_encoded() -> ! {
    let mut pam = Vec::new();
    std::io::stdin().read_to_end(&mut pam).expect("the input can be read");
    let at = pam.windows(7).position(|window| window == b"ENDHDR\n").expect("a header") + 7;
    let head = String::from_utf8(pam[..at].to_vec()).expect("a header is text");
    let field = |name: &str| -> u32 {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).expect("the field is there");
        line.trim().parse().expect("a number")
    };
    let (width, height, samples) = (field("WIDTH"), field("HEIGHT"), pam[at..].to_vec());
    let pixels = match field("DEPTH") {
        4 => image::RgbaImage::from_raw(width, height, samples).map(image::DynamicImage::from),
        _ => image::RgbImage::from_raw(width, height, samples).map(image::DynamicImage::from),
    };
    let pixels = pixels.expect("all pixels");
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).expect("a small picture can be encoded");
    say(&file.into_inner())
}

// ---- the station ----

/// What any dynamically linked program needs, as far as this system has it.
pub(crate) fn libraries() -> Vec<PathBuf> {
    let paths = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];
    paths.into_iter().map(PathBuf::from).filter(|path| path.exists()).collect()
}

pub(crate) fn myself(args: &[&str]) -> Program {
    Program {
        path: std::env::current_exe().expect("the program knows itself"),
        args: [PROGRAM_ARG].iter().chain(args).map(|arg| (*arg).to_owned()).collect(),
        input: ProgramInput::Original,
        allow: libraries(),
    }
}

pub(crate) fn run(pool: &Pool, args: &[&str]) -> Result<Produced, Failure> {
    pool.run_program(&myself(args), &[photo("")])
}

pub(crate) fn reported(pool: &Pool, args: &[&str]) -> u32 {
    match run(pool, args) {
        Ok(produced) => produced.width - 1,
        Err(failure) => panic!("{args:?}: {failure:?}"),
    }
}

fn rejected(pool: &Pool, args: &[&str]) -> (Reason, String) {
    match run(pool, args) {
        Err(Failure::Rejected { reason, detail }) => (reason, detail),
        other => panic!("{args:?}: {other:?}"),
    }
}

fn a_program_makes_a_picture_of_the_original() {
    let cat =
        Program { path: "/bin/cat".into(), args: vec![], input: ProgramInput::Original, allow: libraries() };
    let original = photo("");
    let parts: Vec<&[u8]> = original.chunks(100).collect();
    let produced = pool().run_program(&cat, &parts).expect("cat writes what it reads");
    let expected = Produced { format: Format::Jpeg, width: 120, height: 90, bytes: original };
    assert_eq!(produced, expected);
}

fn a_program_makes_a_picture_of_pixels() {
    let pixels: Vec<u8> = (0..5 * 3 * 3).collect();
    let produced = pool()
        .run_program(&myself(&["encode"]), &[pam_header(5, 3, 3), pixels.clone()])
        .expect("the program encodes what it reads");
    assert_eq!((produced.format, produced.width, produced.height), (Format::Png, 5, 3));
    let decoded = image::load_from_memory(&produced.bytes).expect("a whole PNG");
    assert_eq!(decoded.into_rgb8().into_raw(), pixels);
}

/// By the number of the error that the kernel gave: 38 is ENOSYS (seccomp), 13 EACCES (Landlock), 9 EBADF.
fn what_a_program_must_not_do_is_refused() {
    let pool = pool();
    for attempt in [
        "make_a_tcp_socket",
        "make_a_unix_socket",
        "make_a_netlink_socket",
        "connect",
        "bind",
        "send_on_its_socket",
        "fork",
        "start_a_thread_by_clone3",
        "trace_the_station",
        "read_the_stations_memory",
        "kill_the_station",
        "signal_another_process",
        "signal_by_pidfd",
        "make_a_memory_file",
        "raise_its_limits",
        "poison_memory",
        "filter_the_filter",
        "undo_its_confinement",
        "become_root_elsewhere",
        "enter_a_namespace",
        "mount",
        "change_its_root",
        "change_its_user",
        "read_the_key_ring",
        "load_a_bpf_program",
        "use_io_uring",
        "use_userfaultfd",
        "measure_the_machine",
        "shrink_the_shared_memory",
        "delete_a_file",
    ] {
        assert_eq!(reported(&pool, &["escape", attempt]), 38, "{attempt}");
    }
    assert_eq!(reported(&pool, &["escape", "read_a_file"]), 13);
    assert_eq!(reported(&pool, &["escape", "create_a_file"]), 38);
    let station = format!("/proc/{}/environ", std::process::id());
    assert_eq!(reported(&pool, &["read", &station]), 13);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("a file");
    assert_eq!(reported(&pool, &["write", file.to_str().expect("a path")]), 38);
    assert_eq!(reported(&pool, &["write", "/dev/null"]), 38);
    // Its input: the description cannot write.
    assert_eq!(reported(&pool, &["escape", "write_to_its_input"]), 9);
    // Neither in a process of its own, which it cannot have, nor in its place.
    assert_eq!(reported(&pool, &["run", "/bin/true"]), 38);
    assert_eq!(reported(&pool, &["escape", "run_a_program"]), 13);
    pool.develop("c", &photo(""), &plan()).expect("the next photo");
}

fn what_a_program_needs_works() {
    let pool = pool();
    assert_eq!(reported(&pool, &["thread"]), 7);
    assert_eq!(reported(&pool, &["look"]), 0, "no variables");
}

fn a_program_reads_only_what_is_listed() {
    let pool = pool();
    let folder = tempfile::tempdir().expect("a folder");
    let (listed, other) = (folder.path().join("listed"), folder.path().join("other"));
    std::fs::write(&listed, "x").expect("a file");
    std::fs::write(&other, "x").expect("a file");
    let read = |path: &PathBuf| {
        let program = myself(&["read", path.to_str().expect("a path")]);
        let allow = program.allow.iter().cloned().chain([listed.clone()]).collect();
        let produced = pool.run_program(&Program { allow, ..program }, &[photo("")]).expect("it reports");
        produced.width - 1
    };
    assert_eq!(read(&listed), 0);
    assert_eq!(read(&other), 13);
}

fn a_program_is_bounded_in_time() {
    for (args, wall_secs, expected) in
        [(["spin"], 60, "the CPU time is used up"), (["sleep"], 2, "no picture within 2 s")]
    {
        let limits = Limits { wall_secs, cpu_secs: 1, ..limits() };
        let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
        let (reason, detail) = rejected(&pool, &args);
        assert_eq!((reason, detail.as_str()), (Reason::DecodeTimeout, expected));
        assert_eq!(pool.deaths(Reason::DecodeTimeout), 1);
        pool.develop("c", &photo(""), &plan()).expect("the next photo");
    }
}

fn a_program_is_bounded_in_memory_and_output() {
    let limits = Limits { cpu_secs: 10, wall_secs: 60, file_bytes_max: 1 << 20, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let mapped = reported(&pool, &["map"]);
    assert!((64..512).contains(&mapped), "{mapped}");
    let (reason, detail) = rejected(&pool, &["flood"]);
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecoderCrashed, "the program wrote more than 1048576 bytes")
    );
}

fn what_is_no_picture_is_rejected() {
    let pool = pool();
    for (args, expected) in [
        (["say", "hello"], "the program wrote no JPEG, PNG or WebP"),
        (["say", "GIF89a\u{1}\u{1}\u{1}\u{1}"], "the program wrote no JPEG, PNG or WebP"),
        (["exit", "0"], "the program wrote no JPEG, PNG or WebP"),
        (["exit", "3"], "the program exited with 3"),
    ] {
        let (reason, detail) = rejected(&pool, &args);
        assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, expected), "{args:?}");
    }
}

fn refused(pool: &Pool, path: &str, allow: Vec<PathBuf>) -> String {
    let program = Program { path: path.into(), args: vec![], input: ProgramInput::Original, allow };
    match pool.run_program(&program, &[photo("")]) {
        Err(Failure::Rejected { reason: Reason::DecoderCrashed, detail }) => detail,
        other => panic!("{path}: {other:?}"),
    }
}

fn what_cannot_be_started_is_rejected() {
    let pool = pool();
    let missing = "cannot start /nonexistent: No such file or directory (os error 2)";
    assert_eq!(refused(&pool, "/nonexistent", libraries()), missing);
    let denied = |path| format!("cannot start {path}: Permission denied (os error 13)");
    assert_eq!(refused(&pool, "/etc/passwd", libraries()), denied("/etc/passwd"));
    // The loader is not listed.
    assert_eq!(refused(&pool, "/bin/cat", vec![]), denied("/bin/cat"));
}

fn a_path_that_cannot_be_listed_rejects_and_loosens_nothing() {
    // What a kernel cannot do is let pass here: a path that it refuses must not be taken for that.
    let pool = Pool::start(PoolConfig { sandbox: Sandbox::Prefer, ..config() }).expect("workers start");
    for (listed, error) in [
        // The input, which lies in no file system that has paths.
        ("/dev/stdin", "File descriptor in bad state (os error 77)"),
        ("/etc/passwd/x", "Not a directory (os error 20)"),
    ] {
        let allow = libraries().into_iter().chain([listed.into()]).collect();
        let expected = format!("cannot start /bin/cat: allow {listed}: {error}");
        assert_eq!(refused(&pool, "/bin/cat", allow), expected);
    }
    let allow = libraries().into_iter().chain(["/nonexistent".into()]).collect();
    let cat = Program { path: "/bin/cat".into(), args: vec![], input: ProgramInput::Original, allow };
    pool.run_program(&cat, &[photo("")]).expect("what is not there needs no rule");
}
