//! Owns WebP decoding: the still picture or the first frame, and whether the file is whole.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;

use super::{Decoded, from_image_error, orientation_of, read_pixels, within_limit};
use crate::{Limits, RenderError};

/// `RIFF`, length, `WEBP`.
const HEADER_BYTES: usize = 12;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let parts = walk(file)?;
    let icc = within_limit(parts.icc.map(<[u8]>::to_vec), limits);
    let decoder = WebPDecoder::new(Cursor::new(file)).map_err(from_image_error)?;
    let picture = read_pixels(decoder, limits)?;
    let size = (picture.width, picture.height);
    Ok(Decoded { picture, size, times: 1.0, orientation: orientation_of(parts.exif), icc })
}

/// The block of EXIF, where there is one.
pub(super) fn exif(file: &[u8]) -> Option<&[u8]> {
    walk(file).ok()?.exif
}

#[derive(Default)]
struct Parts<'a> {
    exif: Option<&'a [u8]>,
    icc: Option<&'a [u8]>,
}

/// Walks the chunks within the announced length. Fails as `truncated` when the file or a chunk ends before it should.
fn walk(file: &[u8]) -> Result<Parts<'_>, RenderError> {
    let announced = u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize + 8;
    let Some(mut rest) = file.get(HEADER_BYTES..announced.max(HEADER_BYTES)) else {
        return Err(RenderError::truncated("the file is shorter than it announces"));
    };
    let mut parts = Parts::default();
    while !rest.is_empty() {
        let cut = || RenderError::truncated("the file ends in a chunk");
        let (head, after) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let content = after.get(..length).ok_or_else(cut)?;
        match &head[..4] {
            b"EXIF" => parts.exif = Some(content),
            b"ICCP" => parts.icc = Some(content),
            _ => {}
        }
        // Chunks are padded to even lengths; the last one's padding is sometimes forgotten.
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::webp_encode::encode_pixels;
    use crate::raster::picture::{Channels, Picture};
    use image::{ExtendedColorType, ImageEncoder, codecs::webp::WebPEncoder};

    fn pixels() -> Vec<u8> {
        (0..60 * 44 * 4).map(|i| (i * i / 53 % 256) as u8).collect()
    }

    fn kinds() -> [Vec<u8>; 2] {
        let mut lossless = Vec::new();
        WebPEncoder::new_lossless(&mut lossless)
            .write_image(&pixels(), 60, 44, ExtendedColorType::Rgba8)
            .unwrap();
        let lossy = encode_pixels(&Picture::new((60, 44), Channels::Rgba, pixels()), 70).unwrap();
        [lossless, lossy]
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        for file in kinds() {
            decode(&file, &Limits::DEFAULT).unwrap();
            for end in HEADER_BYTES..file.len() {
                let error = decode(&file[..end], &Limits::DEFAULT).err().unwrap();
                assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
            }
        }
    }

    #[test]
    fn a_cut_with_a_mended_length_is_rejected() {
        for file in kinds() {
            for end in (HEADER_BYTES + 8..file.len() - 2).step_by(13) {
                let mut cut = file[..end].to_vec();
                let announced = u32::try_from(end - 8).unwrap();
                cut[4..8].copy_from_slice(&announced.to_le_bytes());
                let error = decode(&cut, &Limits::DEFAULT).err().unwrap();
                assert!(
                    matches!(error, RenderError::Truncated(_) | RenderError::Corrupt(_)),
                    "cut at {end}: {error}"
                );
            }
        }
    }
}
