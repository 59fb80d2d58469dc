//! Any bytes behind a GIF's version.
#![no_main]

mod check;

libfuzzer_sys::fuzz_target!(|file: &[u8]| check::develops_as(b"GIF89a", file, &check::thumb()));
