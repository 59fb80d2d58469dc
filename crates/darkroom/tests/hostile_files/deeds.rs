//! What a hostile file can make its worker do. Owns the misdeeds; judges none of them.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::exit;
use std::time::{Duration, Instant};

use darkroom::worker::Job;
use darkroom::{Developed, RenderError, render};

use crate::escapes;

/// The room for renditions.
const OUTPUT_BYTES: usize = 256 << 20;

/// Renders, unless the file says `do:WORD ARGUMENT;` somewhere.
pub(crate) fn misbehave(job: &Job<'_>) -> Result<Developed, RenderError> {
    let text = String::from_utf8_lossy(job.original).into_owned();
    let deed = text.split_once("do:").and_then(|(_, rest)| rest.split_once(';'));
    let (word, argument) = deed.and_then(|(deed, _)| deed.split_once(' ')).unwrap_or_default();
    match word {
        "abort" => std::process::abort(),
        "panic" => panic!("a decoder's panic"),
        "exit" => exit(0),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "sleep" => loop {
            std::thread::park();
        },
        "eat" => eat(),
        "garbage" => say(&[0xff; 64]),
        "endless" => endless(),
        "flood" => flood(),
        "die-if" => die_if(argument),
        "starve-if" if is_me(argument) => return Err(RenderError::OutOfMemory("its pieces".to_owned())),
        "panic-if" if is_me(argument) => panic!("a decoder's panic"),
        "burn" => burn(argument),
        "pid" => return found(std::process::id()),
        "look" => return found(std::env::vars_os().count()),
        "escape" => return found(escapes::make(argument).expect("the attempt has a name")),
        "map" => return found(escapes::map_without_end() >> 20),
        "unlock" => return found(escapes::unlock(job.original)),
        "scribble" => escapes::scribble(job.original),
        "recurse" => return found(escapes::recurse(0)),
        "overfill" => return overfilled(job),
        "lie-and-change" => lie_and_change(job, argument),
        _ => {}
    }
    render(job.original, &job.plan, &job.limits)
}

fn eat() {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 16 << 20]);
    }
}

fn say(bytes: &[u8]) {
    let mut out = io::stdout();
    let _ = out.write_all(bytes);
    let _ = out.flush();
}

/// Announces an answer as large as the plan allows, and goes on past it.
fn endless() -> ! {
    say(&[2, 0, 0, 0, 0, 0, 1, 0]);
    loop {
        say(&[b'{'; 4096]);
    }
}

fn flood() {
    let mut err = io::stderr();
    for _ in 0..4_000 {
        let _ = err.write_all(&[b'!'; 1024]);
    }
}

fn is_me(pid: &str) -> bool {
    pid.parse() == Ok(std::process::id())
}

fn die_if(pid: &str) {
    if is_me(pid) {
        std::process::abort();
    }
}

fn burn(millis: &str) {
    let millis: u64 = millis.parse().expect("`burn` takes milliseconds");
    let until = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// Reports a number the only way a worker can.
fn found(number: impl Display) -> Result<Developed, RenderError> {
    Err(RenderError::Corrupt(format!("found {number}")))
}

/// Renditions larger than their room.
fn overfilled(job: &Job<'_>) -> Result<Developed, RenderError> {
    let mut developed = render(job.original, &job.plan, &job.limits)?;
    developed.renditions[0].bytes.resize(OUTPUT_BYTES + 1, 0);
    Ok(developed)
}

/// Says `answer` in the name of the worker, and changes what it speaks of while the station reads.
fn lie_and_change(job: &Job<'_>, answer: &str) -> ! {
    let length = u32::try_from(answer.len()).expect("a short answer").to_le_bytes();
    say(&[&length, answer.as_bytes()].concat());
    escapes::change_output_for_ever(job.original, OUTPUT_BYTES)
}
