//! What holds a worker besides the system calls that it may not make: memory, descriptors, what it says of itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use darkroom::worker::{Failure, Pool, PoolConfig, Sandbox, StartError};
use darkroom::{Limits, Reason};

use crate::Tests;
use crate::harness::{config, limits, photo, plan, pool, rejection, worker_pid};
use crate::leftovers::ends_within;

pub(crate) const TESTS: Tests = &[
    ("a_closed_output_is_decoder_crashed", a_closed_output_is_decoder_crashed),
    (
        "a_worker_that_is_not_whole_is_refused_or_preferred",
        a_worker_that_is_not_whole_is_refused_or_preferred,
    ),
    ("a_worker_says_what_holds_it", a_worker_says_what_holds_it),
    ("a_mapping_bomb_ends_at_its_address_space", a_mapping_bomb_ends_at_its_address_space),
    ("the_original_cannot_be_made_writable", the_original_cannot_be_made_writable),
    ("writing_to_the_original_is_decoder_crashed", writing_to_the_original_is_decoder_crashed),
    ("a_stack_overflow_is_decoder_crashed", a_stack_overflow_is_decoder_crashed),
    ("renditions_beyond_their_room_are_decode_memory", renditions_beyond_their_room_are_decode_memory),
    ("output_that_changes_after_the_answer_is_read_once", output_that_changes_after_the_answer_is_read_once),
    ("inherited_descriptors_are_closed", inherited_descriptors_are_closed),
    ("a_worker_has_no_environment", a_worker_has_no_environment),
];

fn loose_worker(folder: &Path, then: &str) -> PathBuf {
    let ready =
        r#"{"confinement":{"no_new_privs":true,"landlock_abi":0,"seccomp":false,"sealed_memory":true}}"#;
    let length = ready.len();
    let script =
        format!("#!/bin/sh\nprintf '\\{length:03o}\\0\\0\\0%s' '{ready}'\nread -r question\n{then}\n");
    let path = folder.join("loose");
    std::fs::write(&path, script).expect("a script");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    path
}

fn a_worker_that_is_not_whole_is_refused_or_preferred() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = PoolConfig { program: Some(loose_worker(folder.path(), "")), ..config() };
    let refused = Pool::start(config.clone()).err().expect("required is refused");
    assert!(
        matches!(&refused, StartError::Unconfined(missing) if missing == "landlock, seccomp"),
        "{refused:?}"
    );
    let preferred = Pool::start(PoolConfig { sandbox: Sandbox::Prefer, ..config }).expect("workers start");
    assert_eq!(preferred.confinement().missing(), ["landlock", "seccomp"]);
}

fn a_worker_says_what_holds_it() {
    let pool = pool();
    assert!(pool.confinement().missing().is_empty());
    let pid = worker_pid(&pool, "c");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the worker is there");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1"] {
        assert!(status.contains(line), "{line} in {status}");
    }
}

fn a_mapping_bomb_ends_at_its_address_space() {
    let pool =
        Pool::start(PoolConfig { limits: Limits { cpu_secs: 10, wall_secs: 60, ..limits() }, ..config() })
            .expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:map x;");
    let mapped = detail.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
    assert_eq!(reason, Reason::Corrupt);
    assert!(mapped.is_some_and(|mib| (64..512).contains(&mib)), "{detail}");
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn the_original_cannot_be_made_writable() {
    let (reason, detail) = rejection(&pool(), "c", "do:unlock x;");
    // 13 is EACCES: the memory came through a description that cannot write.
    assert_eq!((reason, detail.as_str()), (Reason::Corrupt, "find the file corrupt: found -13"));
}

fn writing_to_the_original_is_decoder_crashed() {
    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", "do:scribble x;");
    assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, "the worker died of signal 11"));
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn a_stack_overflow_is_decoder_crashed() {
    let pool = pool();
    let (reason, detail) = rejection(&pool, "c", "do:recurse x;");
    let signals = ["the worker died of signal 6", "the worker died of signal 11"];
    assert!(reason == Reason::DecoderCrashed && signals.contains(&detail.as_str()), "{detail}");
    pool.develop("d", &photo(""), &plan()).expect("the next photo");
}

fn renditions_beyond_their_room_are_decode_memory() {
    let limits = Limits { cpu_secs: 10, wall_secs: 60, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:overfill x;");
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecodeMemory, "the renditions are larger than their room")
    );
    pool.develop("c", &photo(""), &plan()).expect("the next photo");
}

fn output_that_changes_after_the_answer_is_read_once() {
    let pool = pool();
    let (mut believed, mut doubted) = (0, 0);
    for round in 0..100 {
        let customer = format!("c{round}");
        let made = pool.develop(&customer, &photo(""), &plan()).expect("a good photo");
        let header = |made: &darkroom::Encoded| {
            let (name, width, height, bytes) = (&made.name, made.width, made.height, made.bytes.len());
            format!(
                r#"{{"name":"{name}","format":"jpeg","width":{width},"height":{height},"bytes":{bytes}}}"#
            )
        };
        let headers: Vec<String> = made.renditions.iter().map(header).collect();
        let source = r#"{"format":"jpeg","width":120,"height":90}"#;
        let extras = r#"{"thumbhash":null,"dominant_colour":null}"#;
        let answer = format!(
            r#"{{"Developed":{{"source":{source},"renditions":[{}],"extras":{extras}}}}}"#,
            headers.join(",")
        );
        match pool.develop(&customer, &photo(&format!("do:lie-and-change {answer};")), &plan()) {
            Ok(developed) => {
                believed += 1;
                assert_eq!(developed, made);
            }
            Err(Failure::Rejected { reason, .. }) => {
                doubted += 1;
                assert_eq!(reason, Reason::DecoderCrashed);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(believed + doubted == 100 && believed > 0, "{believed} believed, {doubted} doubted");
}

fn inherited_descriptors_are_closed() {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe that is not closed on exec");
    let pool = pool();
    worker_pid(&pool, "c");
    drop(writer);
    assert!(ends_within(&reader, Duration::from_secs(5)), "a worker holds a descriptor that it inherited");
}

fn a_worker_has_no_environment() {
    let (_, seen) = rejection(&pool(), "c", "do:look x;");
    // What tells the allocator to keep the heap.
    assert_eq!(seen, "find the file corrupt: found 3");
}

fn a_closed_output_is_decoder_crashed() {
    let folder = tempfile::tempdir().expect("a folder");
    // The first byte comes with the memory, the second with a question. That has no end of line: `read` ends with the
    // station.
    let program = loose_worker(folder.path(), "");
    let script = std::fs::read_to_string(&program).expect("the script");
    let closing = script
        .replace("read -r question", "dd bs=1 count=2 >/dev/null 2>&1\nexec >&- 2>&-\nread -r question");
    std::fs::write(&program, closing).expect("a script");
    let config = PoolConfig { program: Some(program), sandbox: Sandbox::Prefer, ..config() };
    let pool = Pool::start(config).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "");
    assert_eq!(
        (reason, detail.as_str()),
        (Reason::DecoderCrashed, "the worker closed its output and stayed")
    );
}
