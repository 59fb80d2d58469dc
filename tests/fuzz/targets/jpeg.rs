//! Any bytes behind a JPEG's first marker.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| fuzz::develops_as(&[0xff, 0xd8, 0xff], file, &fuzz::thumb()));
