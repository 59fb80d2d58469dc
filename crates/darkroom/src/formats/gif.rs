//! Owns GIF decoding: the first frame on the logical screen, and whether the file is whole. Later frames are walked
//! over, never decoded.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::gif::GifDecoder;
use image::metadata::Orientation;

use super::{Decoded, check_size, from_image_error, read_pixels, within_limit};
use crate::{Limits, RenderError};

/// Signature, version and logical screen descriptor.
const HEADER_BYTES: usize = 13;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    walk(file, limits)?;
    let mut decoder = GifDecoder::new(Cursor::new(file)).map_err(from_image_error)?;
    let icc = within_limit(decoder.icc_profile().ok().flatten(), limits);
    let picture = read_pixels(decoder, limits)?;
    let size = (picture.width, picture.height);
    Ok(Decoded { picture, size, times: 1.0, orientation: Orientation::NoTransforms, icc })
}

/// Walks the blocks up to the trailer. Fails as `truncated` when the file ends before it.
fn walk(file: &[u8], limits: &Limits) -> Result<(), RenderError> {
    let (header, mut rest) = take(file, HEADER_BYTES)?;
    check_size(size_at(header, 6), limits)?;
    (_, rest) = take(rest, color_table_bytes(header[10]))?;
    let mut frames = 0u64;
    loop {
        let (kind, after) = take(rest, 1)?;
        rest = match kind[0] {
            TRAILER if frames > 0 => return Ok(()),
            TRAILER => return Err(RenderError::corrupt("no frame")),
            EXTENSION => skip_sub_blocks(take(after, 1)?.1)?,
            IMAGE => {
                frames += 1;
                skip_image(after, limits)?
            }
            _ => return Err(RenderError::corrupt("an unknown block")),
        };
    }
}

fn skip_image<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a [u8], RenderError> {
    let (descriptor, rest) = take(bytes, 9)?;
    // A frame may be larger than its screen, and the decoder unpacks all of it.
    check_size(size_at(descriptor, 4), limits)?;
    let (_, rest) = take(rest, color_table_bytes(descriptor[8]))?;
    let (_code_size, rest) = take(rest, 1)?;
    skip_sub_blocks(rest)
}

fn skip_sub_blocks(mut rest: &[u8]) -> Result<&[u8], RenderError> {
    loop {
        let (length, after) = take(rest, 1)?;
        if length[0] == 0 {
            return Ok(after);
        }
        (_, rest) = take(after, usize::from(length[0]))?;
    }
}

fn color_table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn size_at(bytes: &[u8], offset: usize) -> (u32, u32) {
    let side = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    (side(offset), side(offset + 2))
}

fn take(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8]), RenderError> {
    bytes.split_at_checked(count).ok_or_else(|| RenderError::truncated("the file ends in a block"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Frame, RgbaImage, codecs::gif::GifEncoder};

    fn sample() -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new(&mut file);
        for shade in [10, 200] {
            let frame =
                RgbaImage::from_fn(31, 17, |x, y| image::Rgba([shade, (x * 8) as u8, (y * 15) as u8, 255]));
            encoder.encode_frame(Frame::new(frame)).unwrap();
        }
        drop(encoder);
        file
    }

    #[test]
    fn the_first_frame_is_the_picture() {
        let decoded = decode(&sample(), &Limits::DEFAULT).unwrap();
        assert_eq!((decoded.picture.width, decoded.picture.height), (31, 17));
        assert!(decoded.picture.bytes[0] < 40, "the second frame's shade is 200");
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        let file = sample();
        for end in 6..file.len() {
            let error = decode(&file[..end], &Limits::DEFAULT).err().unwrap();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
        }
    }

    #[test]
    fn a_frame_beyond_the_limits_is_refused_whatever_the_screen() {
        let mut file = sample();
        let image = file.windows(10).position(|at| at[0] == IMAGE && at[5..9] == [31, 0, 17, 0]);
        let image = image.unwrap();
        file[image + 5..image + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        let error = decode(&file, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
    }
}
