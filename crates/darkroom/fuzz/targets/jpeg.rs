//! Any bytes behind a JPEG's first marker.
#![no_main]

mod check;

libfuzzer_sys::fuzz_target!(|file: &[u8]| check::develops_as(&[0xff, 0xd8, 0xff], file, &check::thumb()));
