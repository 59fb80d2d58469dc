//! Any bytes behind a PNG's signature, cut into chunks as they say. The checksums are mended: without that nearly every
//! change is just a wrong checksum.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let mut file = file.to_vec();
    mend_checksums(file.get_mut(8..).unwrap_or_default());
    fuzz::develops_as(b"\x89PNG\r\n\x1a\n", &file, &fuzz::thumb());
});

/// A chunk is its length, four letters, so many bytes, and the CRC of letters and bytes.
fn mend_checksums(mut chunks: &mut [u8]) {
    while let Some((length, rest)) = chunks.split_first_chunk_mut::<4>() {
        let covered = u32::from_be_bytes(*length) as usize + 4;
        let Some((body, rest)) = rest.split_at_mut_checked(covered) else { return };
        let Some((sum, rest)) = rest.split_first_chunk_mut::<4>() else { return };
        *sum = crc32(body).to_be_bytes();
        chunks = rest;
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
