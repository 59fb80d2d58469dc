//! Any bytes in a WebP's container. The container's length is mended: without it every insertion is just a cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let length = u32::try_from(file.len().max(12) - 8).expect("libFuzzer's files are small");
    let mut magic = *b"RIFF\0\0\0\0WEBP";
    magic[4..8].copy_from_slice(&length.to_le_bytes());
    fuzz::develops_as(&magic, file, &fuzz::thumb());
});
