//! What a hostile file can make its worker do. Owns the misdeeds; judges none of them.

use std::io::{self, Write};
use std::process::exit;
use std::time::{Duration, Instant};

use darkroom::worker::Job;
use darkroom::{Developed, RenderError, render};

/// Renders, unless the file says `do:WORD ARGUMENT;` somewhere.
pub(crate) fn misbehave(job: &Job) -> Result<Developed, RenderError> {
    let text = String::from_utf8_lossy(&job.original).into_owned();
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
        "close" => close_output(),
        "flood" => flood(),
        "die-once" => die_once(argument),
        "burn" => burn(argument),
        "pid" => return Err(RenderError::Corrupt(format!("pid {}", std::process::id()))),
        "write" => write_a_file(),
        "look" => return Err(RenderError::Corrupt(look())),
        _ => {}
    }
    render(&job.original, &job.plan, &job.limits)
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

/// `close` without `unsafe`: the descriptor's owner is dropped.
fn close_output() {
    use std::os::fd::AsFd;
    let null = std::fs::File::open("/dev/null").expect("a worker may open /dev/null");
    // stdout and stderr become /dev/null: the pipes' last writing ends are gone, the process is not.
    rustix::stdio::dup2_stdout(null.as_fd()).expect("stdout can be replaced");
    rustix::stdio::dup2_stderr(null.as_fd()).expect("stderr can be replaced");
    loop {
        std::thread::park();
    }
}

fn flood() {
    let mut err = io::stderr();
    for _ in 0..4_000 {
        let _ = err.write_all(&[b'!'; 1024]);
    }
}

/// Dies if the flag is there, and takes it down first.
fn die_once(flag: &str) {
    if std::fs::remove_file(flag).is_ok() {
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

fn look() -> String {
    let variables = std::env::vars_os().count();
    let opened: Vec<_> = (0..64).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
    format!("variables {variables}, descriptors {}", opened.len())
}

fn write_a_file() {
    let path = std::env::temp_dir().join(format!("darkroom-escape-{}", std::process::id()));
    let mut file = std::fs::File::create(&path).expect("an empty file can be made");
    let _ = std::fs::remove_file(&path);
    let _ = file.write_all(b"x");
}
