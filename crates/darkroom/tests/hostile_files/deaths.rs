//! Files that abort, hang, spin and eat memory, one after the other on one pool: each ends in its reason, and the pool
//! works on.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use darkroom::worker::{Failure, Pool, PoolConfig, Reuse};
use darkroom::{Limits, Reason, render};

use crate::Tests;
use crate::harness::{config, limits, photo, plan, pool, reason, rejection, worker_pid};

pub(crate) const TESTS: Tests = &[
    ("a_photo_comes_out_as_render_makes_it", a_photo_comes_out_as_render_makes_it),
    ("a_rejection_keeps_its_reason", a_rejection_keeps_its_reason),
    ("an_abort_is_decoder_crashed", an_abort_is_decoder_crashed),
    ("a_panic_is_decoder_crashed", a_panic_is_decoder_crashed),
    ("a_quiet_exit_is_decoder_crashed", a_quiet_exit_is_decoder_crashed),
    ("a_spinning_decoder_is_decode_timeout", a_spinning_decoder_is_decode_timeout),
    ("a_greedy_decoder_is_decode_memory", a_greedy_decoder_is_decode_memory),
    ("garbage_is_not_believed", garbage_is_not_believed),
    ("an_endless_answer_is_cut_off", an_endless_answer_is_cut_off),
    ("parts_come_out_as_the_whole", parts_come_out_as_the_whole),
    ("memory_is_admitted_by_estimate", memory_is_admitted_by_estimate),
    ("a_flood_on_stderr_harms_nobody", a_flood_on_stderr_harms_nobody),
    ("a_single_death_is_forgiven", a_single_death_is_forgiven),
    ("what_a_used_worker_lacks_is_asked_of_a_fresh_one", what_a_used_worker_lacks_is_asked_of_a_fresh_one),
    ("a_worker_serves_one_customer", a_worker_serves_one_customer),
    ("the_cpu_allowance_is_for_each_job", the_cpu_allowance_is_for_each_job),
    ("a_program_that_is_no_worker_is_unavailable", a_program_that_is_no_worker_is_unavailable),
    ("a_thousand_damaged_files_are_all_answered", a_thousand_damaged_files_are_all_answered),
];

fn a_photo_comes_out_as_render_makes_it() {
    let developed = pool().develop("c", &photo(""), &plan()).expect("a good photo");
    assert_eq!(developed, render(&photo(""), &plan(), &limits()).expect("a good photo"));
    assert_eq!(developed.renditions[0].name, "small");
    assert_eq!((developed.renditions[1].width, developed.renditions[1].height), (100, 75));
}

fn a_rejection_keeps_its_reason() {
    let pool = pool();
    let whole = photo("");
    let cut = pool.develop("c", &whole[..whole.len() / 2], &plan());
    assert!(matches!(cut, Err(Failure::Rejected { reason: Reason::Truncated, .. })), "{cut:?}");
    let text = pool.develop("c", b"not a picture", &plan());
    assert!(matches!(text, Err(Failure::Rejected { reason: Reason::UnsupportedFormat, .. })), "{text:?}");
}

fn an_abort_is_decoder_crashed() {
    assert_eq!(reason("do:abort x;"), Reason::DecoderCrashed);
}

fn a_panic_is_decoder_crashed() {
    assert_eq!(reason("do:panic x;"), Reason::DecoderCrashed);
}

fn a_quiet_exit_is_decoder_crashed() {
    assert_eq!(reason("do:exit x;"), Reason::DecoderCrashed);
}

fn a_spinning_decoder_is_decode_timeout() {
    // A machine that is busy with something else takes long to give a second of CPU time.
    let limits = Limits { wall_secs: 120, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejection(&pool, "c", "do:spin x;");
    assert_eq!((reason, detail.as_str()), (Reason::DecodeTimeout, "the CPU time is used up"));
}

fn a_greedy_decoder_is_decode_memory() {
    // Touching half a gigabyte for the first time takes CPU time too, on a virtual machine more than a second.
    let pool =
        Pool::start(PoolConfig { limits: Limits { cpu_secs: 10, wall_secs: 60, ..limits() }, ..config() })
            .expect("workers start");
    assert_eq!(rejection(&pool, "c", "do:eat x;").0, Reason::DecodeMemory);
}

fn garbage_is_not_believed() {
    assert_eq!(reason("do:garbage x;"), Reason::DecoderCrashed);
}

fn an_endless_answer_is_cut_off() {
    assert_eq!(reason("do:endless x;"), Reason::DecoderCrashed);
}

fn parts_come_out_as_the_whole() {
    let whole = photo("");
    let parts: Vec<&[u8]> = whole.chunks(7).collect();
    let developed = pool().develop_parts("c", &parts, &plan()).expect("a good photo");
    assert_eq!(developed, render(&whole, &plan(), &limits()).expect("a good photo"));
}

fn memory_is_admitted_by_estimate() {
    let pool = Pool::start(PoolConfig { decode_bytes_max: 1, ..config() }).expect("workers start");
    let pool = Arc::new(pool);
    let begun = Instant::now();
    let callers: Vec<_> = ["c", "d"]
        .map(|customer| {
            let pool = pool.clone();
            std::thread::spawn(move || pool.develop(customer, &photo("do:burn 300;"), &plan()))
        })
        .into();
    for caller in callers {
        caller.join().expect("no caller panics").expect("what could never fit is admitted alone");
    }
    assert!(begun.elapsed() >= Duration::from_millis(600), "one after the other");
}

fn a_flood_on_stderr_harms_nobody() {
    pool().develop("c", &photo("do:flood x;"), &plan()).expect("stderr is drained");
}

fn a_single_death_is_forgiven() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    pool.develop("c", &photo(&format!("do:die-if {first};")), &plan()).expect("a fresh worker does it");
    assert_ne!(worker_pid(&pool, "c"), first, "the first worker died");
    assert_eq!(pool.deaths(Reason::DecoderCrashed), 1);
}

fn what_a_used_worker_lacks_is_asked_of_a_fresh_one() {
    let pool = pool();
    for deed in ["starve-if", "panic-if"] {
        let first = worker_pid(&pool, "c");
        pool.develop("c", &photo(&format!("do:{deed} {first};")), &plan()).expect("a fresh worker does it");
        assert_ne!(worker_pid(&pool, "c"), first, "{deed}: the first worker is gone");
    }
}

fn a_worker_serves_one_customer() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    assert_eq!(worker_pid(&pool, "c"), first);
    let others: Vec<u32> = ["d", "e", "f"].map(|customer| worker_pid(&pool, customer)).into();
    assert!(!others.contains(&first));
    assert_ne!(worker_pid(&pool, "c"), first, "its place was needed");

    let never = Pool::start(PoolConfig { reuse: Reuse::Never, ..config() }).expect("workers start");
    assert_ne!(worker_pid(&never, "c"), worker_pid(&never, "c"));
    let always = Pool::start(PoolConfig { reuse: Reuse::Always, ..config() }).expect("workers start");
    assert_eq!(worker_pid(&always, "c"), worker_pid(&always, "d"));
}

fn the_cpu_allowance_is_for_each_job() {
    let pool = pool();
    let first = worker_pid(&pool, "c");
    for _ in 0..4 {
        pool.develop("c", &photo("do:burn 700;"), &plan()).expect("0.7 s of 1 s");
    }
    assert_eq!(worker_pid(&pool, "c"), first, "one worker did it all");
}

fn a_program_that_is_no_worker_is_unavailable() {
    for program in ["/bin/true", "/bin/cat", "/nonexistent"] {
        let started = Pool::start(PoolConfig { program: Some(program.into()), ..config() });
        assert!(started.is_err(), "{program}");
    }
}

fn a_thousand_damaged_files_are_all_answered() {
    let pool = pool();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..250 {
        for mut file in one_of_each_format() {
            for _ in 0..=round % 5 {
                damage(&mut file, &mut seed);
            }
            let answer = pool.develop("c", &file, &plan());
            assert!(matches!(answer, Ok(_) | Err(Failure::Rejected { .. })), "{answer:?}");
        }
    }
}

fn one_of_each_format() -> [Vec<u8>; 4] {
    let picture = image::RgbaImage::from_fn(48, 36, |x, y| {
        image::Rgba([(x * 5) as u8, (y * 7) as u8, (x * y) as u8, 200])
    });
    let picture = image::DynamicImage::from(picture);
    let encoded = |format| {
        let mut file = io::Cursor::new(Vec::new());
        picture.write_to(&mut file, format).expect("a small picture can be encoded");
        file.into_inner()
    };
    use image::ImageFormat::{Gif, Png, WebP};
    // What is sheer becomes a lossy WebP.
    let lossy = vec![darkroom::Rendition::new("lossy", 48, 60)].into();
    let mut lossy = render(&encoded(Png), &lossy, &Limits::DEFAULT).expect("a small picture is rendered");
    [encoded(Png), encoded(Gif), encoded(WebP), lossy.renditions.remove(0).bytes]
}

fn damage(file: &mut Vec<u8>, seed: &mut u64) {
    let mut next = |below: usize| {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        usize::try_from(*seed % below as u64).expect("below a length")
    };
    // The magic number stays: without it nothing is decoded.
    let at = 12 + next(file.len() - 13);
    match next(4) {
        0 => file[at] ^= 1 << next(8),
        1 => file[at] = 0xff,
        2 => drop(file.drain(at..(at + 1 + next(8)).min(file.len() - 1))),
        _ => file.insert(at, file[at]),
    }
}
