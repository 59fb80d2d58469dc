//! Owns PNG decoding: which chunks reach the decoder, and whether the file is whole. Text, animation and unknown
//! chunks are never handed on, so that no decoder inflates them.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::png::PngDecoder;

use super::{Decoded, check_size, from_image_error, orientation_of, read_pixels, within_limit};
use crate::{Limits, RenderError};

const SIGNATURE_BYTES: usize = 8;
/// Rows, Huffman tables and a palette: what the decoder needs beside pixels and profile.
const DECODER_BYTES_MAX: u64 = 8 << 20;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let parts = walk(file, limits)?;
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(DECODER_BYTES_MAX + 2 * limits.icc_bytes_max);
    let mut decoder =
        PngDecoder::with_limits(Cursor::new(&parts.essential), allowed).map_err(from_image_error)?;
    let icc = within_limit(decoder.icc_profile().ok().flatten(), limits);
    let picture = read_pixels(decoder, limits)?;
    let size = (picture.width, picture.height);
    Ok(Decoded { picture, size, times: 1.0, orientation: orientation_of(parts.exif), icc })
}

/// The block of EXIF, where there is one.
pub(super) fn exif<'a>(file: &'a [u8], limits: &Limits) -> Option<&'a [u8]> {
    walk(file, limits).ok()?.exif
}

struct Parts<'a> {
    /// The file without its dispensable chunks.
    essential: Vec<u8>,
    exif: Option<&'a [u8]>,
}

/// Walks the chunks up to `IEND`. Fails as `truncated` when the file ends before it.
fn walk<'a>(file: &'a [u8], limits: &Limits) -> Result<Parts<'a>, RenderError> {
    let (signature, mut rest) = file.split_at(SIGNATURE_BYTES);
    let mut parts = Parts { essential: signature.to_vec(), exif: None };
    loop {
        let (chunk, after) = next_chunk(rest)?;
        rest = after;
        if parts.essential.len() == SIGNATURE_BYTES {
            check_size(header_size(&chunk)?, limits)?;
        }
        if chunk.kind == b"eXIf" {
            parts.exif = Some(chunk.content);
        }
        if is_essential(&chunk, limits) {
            parts.essential.extend_from_slice(chunk.whole);
        }
        if chunk.kind == b"IEND" {
            return Ok(parts);
        }
    }
}

struct Chunk<'a> {
    kind: &'a [u8],
    content: &'a [u8],
    /// Length, kind, content and checksum.
    whole: &'a [u8],
}

fn next_chunk(bytes: &[u8]) -> Result<(Chunk<'_>, &[u8]), RenderError> {
    let cut = || RenderError::truncated("the file ends in a chunk");
    let length = bytes.first_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > i32::MAX as usize {
        return Err(RenderError::corrupt("a chunk of more than 2 GiB"));
    }
    let (whole, rest) = bytes.split_at_checked(length + 12).ok_or_else(cut)?;
    Ok((Chunk { kind: &whole[4..8], content: &whole[8..8 + length], whole }, rest))
}

fn header_size(chunk: &Chunk<'_>) -> Result<(u32, u32), RenderError> {
    let (b"IHDR", [w3, w2, w1, w0, h3, h2, h1, h0, ..]) = (chunk.kind, chunk.content) else {
        return Err(RenderError::corrupt("the first chunk is not a header"));
    };
    Ok((u32::from_be_bytes([*w3, *w2, *w1, *w0]), u32::from_be_bytes([*h3, *h2, *h1, *h0])))
}

fn is_essential(chunk: &Chunk<'_>, limits: &Limits) -> bool {
    let critical = chunk.kind[0].is_ascii_uppercase();
    let profile = chunk.kind == b"iCCP" && chunk.content.len() as u64 <= limits.icc_bytes_max;
    critical || profile || chunk.kind == b"tRNS"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::picture::Channels;
    use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

    fn sample(color: ExtendedColorType, bytes_per_pixel: usize) -> Vec<u8> {
        let pixels: Vec<u8> = (0..40 * 30 * bytes_per_pixel).map(|i| (i * 31 % 256) as u8).collect();
        let mut file = Vec::new();
        PngEncoder::new(&mut file).write_image(&pixels, 40, 30, color).unwrap();
        file
    }

    #[test]
    fn every_depth_and_colour_type_is_decoded() {
        for (color, bytes_per_pixel, channels) in [
            (ExtendedColorType::L8, 1, Channels::Grey),
            (ExtendedColorType::La8, 2, Channels::GreyAlpha),
            (ExtendedColorType::Rgb16, 6, Channels::Rgb),
            (ExtendedColorType::Rgba16, 8, Channels::Rgba),
        ] {
            let decoded = decode(&sample(color, bytes_per_pixel), &Limits::DEFAULT).unwrap();
            assert_eq!(decoded.picture.channels, channels);
        }
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        let file = sample(ExtendedColorType::Rgba8, 4);
        for end in SIGNATURE_BYTES..file.len() {
            let error = decode(&file[..end], &Limits::DEFAULT).err().unwrap();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
        }
    }

    #[test]
    fn a_flipped_bit_is_corrupt() {
        let mut file = sample(ExtendedColorType::Rgb8, 3);
        let middle = file.len() / 2;
        file[middle] ^= 1;
        let error = decode(&file, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
    }

    #[test]
    fn text_is_never_handed_on() {
        let mut file = sample(ExtendedColorType::L8, 1);
        // A text chunk whose checksum is wrong: whoever looked at it would complain.
        file.splice(33..33, *b"\0\0\0\x04zTXtbombXXXX");
        decode(&file, &Limits::DEFAULT).unwrap();
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut file = sample(ExtendedColorType::L8, 1);
        file[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
        let error = decode(&file, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
    }
}
