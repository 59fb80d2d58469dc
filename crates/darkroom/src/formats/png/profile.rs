//! Owns the profile of a PNG: which `iCCP` counts, and its bytes. Judged as libpng does: a name, and a stream that is what
//! it says as far as it goes, whether or not it comes to an end.

use flate2::{Decompress, FlushDecompress, Status};

use crate::Limits;

const NAME_BYTES_MAX: usize = 79;
const DEFLATE: u8 = 0;
/// How much room there is for each step of inflating at least.
const STEP_BYTES: usize = 4096;

/// Returns the profile in the content of an `iCCP`; none where it cannot be read or is larger than the limit: then the
/// colours are taken as sRGB.
pub(super) fn inflated(content: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let name =
        content.iter().take(NAME_BYTES_MAX + 1).position(|byte| *byte == 0).filter(|name| *name > 0)?;
    let (&method, stream) = content[name + 1..].split_first()?;
    let profile = unpacked(stream, limits.icc_bytes_max)?;
    (method == DEFLATE && !profile.is_empty()).then_some(profile)
}

/// Returns what a zlib stream holds as far as it goes; none where it is none, or holds more than `bytes_max`.
fn unpacked(stream: &[u8], bytes_max: u64) -> Option<Vec<u8>> {
    let mut decompress = Decompress::new(true);
    let mut bytes = Vec::new();
    loop {
        bytes.reserve(STEP_BYTES);
        let (read, written) = (decompress.total_in(), decompress.total_out());
        let rest = &stream[usize::try_from(read).ok()?..];
        let status = decompress.decompress_vec(rest, &mut bytes, FlushDecompress::None).ok()?;
        let has_moved = (read, written) != (decompress.total_in(), decompress.total_out());
        match status {
            _ if decompress.total_out() > bytes_max => return None,
            Status::Ok if has_moved => {}
            Status::Ok | Status::BufError | Status::StreamEnd => return Some(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write;

    fn content(name: &str, method: u8, profile: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(profile).unwrap();
        [name.as_bytes(), &[0, method], &encoder.finish().unwrap()].concat()
    }

    fn read(content: &[u8]) -> Option<Vec<u8>> {
        inflated(content, &Limits { icc_bytes_max: 1000, ..Limits::DEFAULT })
    }

    #[test]
    fn a_stream_is_read_as_far_as_it_goes_and_a_broken_one_not_at_all() {
        let profile: Vec<u8> = (0..250).collect();
        let whole = content("name", DEFLATE, &profile);
        assert_eq!(read(&whole), Some(profile.clone()));
        for end in 1..=4 {
            assert_eq!(read(&whole[..whole.len() - end]), Some(profile.clone()), "without its checksum");
        }
        let mut broken = whole.clone();
        *broken.last_mut().unwrap() ^= 1;
        for broken in [&broken[..], b"name\0\0what", b"name\0\0", b"name\0", b"name", b""] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
        assert_eq!(read(&content("name", 1, &profile)), None, "another method");
    }

    #[test]
    fn a_name_and_a_length_beyond_the_limits_are_no_profile() {
        assert!(read(&content(&"n".repeat(79), DEFLATE, &[1; 1000])).is_some());
        assert_eq!(read(&content(&"n".repeat(80), DEFLATE, &[1])), None);
        assert_eq!(read(&content("", DEFLATE, &[1])), None);
        assert_eq!(read(&content("name", DEFLATE, &[1; 1001])), None);
        assert_eq!(read(&content("name", DEFLATE, &vec![0; 50 << 20])), None);
    }
}
