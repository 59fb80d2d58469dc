//! Tells libFuzzer how an input ended: it keeps what ended as nothing before did. This guides it where the code under test
//! is not instrumented.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU8, Ordering};

const COUNTERS: usize = 1 << 14;

/// libFuzzer finds its counters by the name of this section and clears them before each input.
#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static OUTCOMES: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

/// Notes that an input ended like this. Say little: what differs for every input tells nothing.
pub fn note(outcome: impl Hash) {
    let mut hasher = DefaultHasher::new();
    outcome.hash(&mut hasher);
    let place = usize::try_from(hasher.finish() % COUNTERS as u64).expect("a remainder is small");
    OUTCOMES[place].store(1, Ordering::Relaxed);
}

/// The words of a message, without numbers and what else is the input's own.
pub fn words(message: &str) -> String {
    message.chars().filter(|letter| letter.is_ascii_alphabetic()).take(40).collect()
}
