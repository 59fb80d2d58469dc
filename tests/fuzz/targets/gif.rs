//! Any bytes behind a GIF's version.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| fuzz::develops_as(b"GIF89a", file, &fuzz::thumb()));
