//! Any bytes behind a GIF's version.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| darkroom_fuzz::develops_as(b"GIF89a", file, &darkroom_fuzz::thumb()));
