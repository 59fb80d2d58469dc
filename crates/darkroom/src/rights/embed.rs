//! Owns where a block of EXIF stands in a file of ours: JPEG's APP1, PNG's `eXIf`, WebP's `EXIF`. Takes files that our
//! own encoders have just made; knows nothing about what a block says.

use crate::formats::png::crc32;
use crate::{Extent, Format};

const JPEG_SOI_BYTES: usize = 2;
const JPEG_MARK: &[u8] = b"Exif\0\0";
/// Signature and the header's chunk.
const PNG_HEADER_BYTES: usize = 8 + 12 + 13;
/// `RIFF`, length, `WEBP`.
const RIFF_HEADER_BYTES: usize = 12;
const WEBP_HAS_EXIF: u8 = 0x08;
const WEBP_HAS_ALPHA: u8 = 0x10;

/// Returns `file` with `block` in it. The size is the picture's, which a simple WebP does not repeat.
pub(crate) fn exif(file: &[u8], format: Format, block: &[u8], size: Extent) -> Vec<u8> {
    match format {
        Format::Jpeg => jpeg(file, block),
        Format::Png => png(file, block),
        Format::Webp => webp(file, block, size),
    }
}

fn jpeg(file: &[u8], block: &[u8]) -> Vec<u8> {
    // JFIF's own segment comes first where there is one.
    let at = match file.get(JPEG_SOI_BYTES..) {
        Some([0xff, 0xe0, high, low, ..]) => {
            JPEG_SOI_BYTES + 2 + usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => JPEG_SOI_BYTES,
    };
    let length = u16::try_from(2 + JPEG_MARK.len() + block.len()).expect("a block of two texts is short");
    let (before, after) = file.split_at(at);
    [before, &[0xff, 0xe1], &length.to_be_bytes(), JPEG_MARK, block, after].concat()
}

fn png(file: &[u8], block: &[u8]) -> Vec<u8> {
    let (before, after) = file.split_at(PNG_HEADER_BYTES);
    let length = u32::try_from(block.len()).expect("a block of two texts is short");
    let chunk = [b"eXIf", block].concat();
    [before, &length.to_be_bytes(), &chunk, &crc32(&chunk).to_be_bytes(), after].concat()
}

fn webp(file: &[u8], block: &[u8], size: Extent) -> Vec<u8> {
    let mut chunks = file[RIFF_HEADER_BYTES..].to_vec();
    if let Some(b"VP8X") = chunks.first_chunk() {
        chunks[8] |= WEBP_HAS_EXIF;
    } else {
        // VP8L has a flag for alpha in its header; VP8 has none without VP8X.
        let alpha = chunks.starts_with(b"VP8L") && chunks.get(12).is_some_and(|byte| byte & 0x10 != 0);
        let flags = WEBP_HAS_EXIF | if alpha { WEBP_HAS_ALPHA } else { 0 };
        let side = |pixels: u32| (pixels - 1).to_le_bytes();
        let extended =
            [&b"VP8X\x0a\0\0\0"[..], &[flags, 0, 0, 0], &side(size.width)[..3], &side(size.height)[..3]];
        chunks.splice(..0, extended.concat());
    }
    let length = u32::try_from(block.len()).expect("a block of two texts is short");
    chunks.extend([b"EXIF", &length.to_le_bytes()[..], block].concat());
    chunks.resize(chunks.len().next_multiple_of(2), 0);
    let length = u32::try_from(4 + chunks.len()).expect("a rendition is far below 4 GiB");
    [b"RIFF", &length.to_le_bytes()[..], b"WEBP", &chunks].concat()
}

#[cfg(test)]
mod tests {
    use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
    use image::{DynamicImage, ImageDecoder};
    use std::io::Cursor;

    use super::*;
    use crate::formats::encode::Encoder;
    use crate::raster::picture::{Channels, Picture};

    fn read(decoder: impl ImageDecoder) -> (Option<Vec<u8>>, Vec<u8>) {
        let mut decoder = decoder;
        let block = decoder.exif_metadata().unwrap();
        (block, DynamicImage::from_decoder(decoder).unwrap().into_rgba8().into_raw())
    }

    fn seen(file: &[u8], format: Format) -> (Option<Vec<u8>>, Vec<u8>) {
        let file = Cursor::new(file);
        match format {
            Format::Jpeg => read(JpegDecoder::new(file).unwrap()),
            Format::Png => read(PngDecoder::new(file).unwrap()),
            Format::Webp => read(WebPDecoder::new(file).unwrap()),
        }
    }

    #[test]
    fn another_decoder_finds_the_block_and_the_same_pixels() {
        let bytes: Vec<u8> = (0..33 * 21 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let rgba = Picture::new(Extent::new(33, 21), Channels::Rgba, bytes.clone());
        let rgb = Picture::new(Extent::new(33, 21), Channels::Rgb, bytes[..33 * 21 * 3].to_vec());
        for (picture, format) in [
            (&rgb, Format::Jpeg),
            (&rgb, Format::Png),
            (&rgba, Format::Png),
            (&rgb, Format::Webp),
            (&rgba, Format::Webp),
        ] {
            for block in [&b"II\x2a\0even"[..], b"II\x2a\0odd"] {
                let file = Encoder::default().encode(picture, format, 80).unwrap();
                let (none, pixels) = seen(&file, format);
                assert_eq!(none, None);
                let with = exif(&file, format, block, Extent::new(33, 21));
                let (found, same) = seen(&with, format);
                assert_eq!(found.as_deref(), Some(block), "{format:?}");
                assert_eq!(same, pixels, "{format:?}");
            }
        }
    }
}
