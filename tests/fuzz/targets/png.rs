//! Any bytes behind a PNG's signature. Checksums are not looked at: `png` leaves them out under `cfg(fuzzing)`.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| fuzz::develops_as(b"\x89PNG\r\n\x1a\n", file, &fuzz::thumb()));
