//! Owns how much memory an original will take, guessed from its header before anything is decoded. A guess too low costs
//! nothing but accuracy: the address space of a worker is the wall. Reads hostile bytes, so it only ever looks.

use crate::{Limits, SourceFormat};

/// Bytes a pixel while a JPEG is worked on: what is decoded, and what it is shrunk to.
const JPEG_BYTES_PER_PIXEL: u64 = 6;
/// The same for formats that decode to RGBA, up to 16 bits a sample, and are converted.
const OTHER_BYTES_PER_PIXEL: u64 = 12;
/// The station's copy and the worker's.
const COPIES: u64 = 2;

/// Bytes that the work on an original takes at most, as far as its first part tells. What tells nothing counts as
/// much as a worker may have.
pub(super) fn bytes_of(head: &[u8], file_bytes: u64, limits: &Limits) -> u64 {
    let files = file_bytes.saturating_mul(COPIES);
    let Some(format) = SourceFormat::detect(head) else {
        // Rejected by its magic number.
        return files;
    };
    let Some(pixels) = size(format, head).map(|(width, height)| u64::from(width) * u64::from(height)) else {
        return limits.address_space_bytes_max.saturating_add(files);
    };
    if pixels > limits.decode_pixels_max {
        // Rejected by its header.
        return files;
    }
    let per_pixel = match format {
        SourceFormat::Jpeg => JPEG_BYTES_PER_PIXEL,
        SourceFormat::Png | SourceFormat::Gif | SourceFormat::Webp => OTHER_BYTES_PER_PIXEL,
    };
    pixels.saturating_mul(per_pixel).min(limits.address_space_bytes_max).saturating_add(files)
}

/// Width and height that a header announces.
fn size(format: SourceFormat, head: &[u8]) -> Option<(u32, u32)> {
    match format {
        SourceFormat::Jpeg => jpeg_size(head),
        SourceFormat::Png => Some((be32(head, 16)?, be32(head, 20)?)),
        SourceFormat::Gif => Some((le16(head, 6)?, le16(head, 8)?)),
        SourceFormat::Webp => webp_size(head),
    }
}

/// Walks the segments to the first start of frame.
fn jpeg_size(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xff, marker] = *head.get(at..at + 2)?.first_chunk::<2>()? else {
            return None;
        };
        match marker {
            0xff => at += 1,
            0xd8 | 0x01 | 0xd0..=0xd7 => at += 2,
            // All frames but the tables and the arithmetic conditioning that share their range.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((be16(head, at + 7)?, be16(head, at + 5)?));
            }
            _ => at += 2 + usize::try_from(be16(head, at + 2)?).ok()?,
        }
    }
}

fn webp_size(head: &[u8]) -> Option<(u32, u32)> {
    match head.get(12..16)? {
        b"VP8 " => Some((le16(head, 26)? & 0x3fff, le16(head, 28)? & 0x3fff)),
        b"VP8L" => {
            let bits = le16(head, 21)? | le16(head, 23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let le24 = |at| Some(le16(head, at)? | u32::from(*head.get(at + 2)?) << 16);
            Some((le24(24)? + 1, le24(27)? + 1))
        }
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|pair| u32::from(u16::from_be_bytes(*pair)))
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|pair| u32::from(u16::from_le_bytes(*pair)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;
    use proptest::prelude::*;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut file = std::io::Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(321, 123).write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    #[test]
    fn every_format_tells_its_size() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let file = encoded(format);
            let detected = SourceFormat::detect(&file).unwrap();
            assert_eq!(size(detected, &file), Some((321, 123)), "{format:?}");
        }
        let lossy = webp::Encoder::from_rgb(&[9; 321 * 123 * 3], 321, 123).encode(50.0);
        assert_eq!(size(SourceFormat::Webp, &lossy), Some((321, 123)));
    }

    #[test]
    fn what_is_rejected_at_once_takes_its_file_and_what_is_unreadable_all_there_is() {
        let limits = Limits::DEFAULT;
        assert_eq!(bytes_of(b"text", 10, &limits), 20);
        let jpeg = encoded(ImageFormat::Jpeg);
        assert_eq!(bytes_of(&jpeg, 10, &limits), 20 + 321 * 123 * JPEG_BYTES_PER_PIXEL);
        assert_eq!(bytes_of(&jpeg[..20], 10, &limits), 20 + limits.address_space_bytes_max);
        let few = Limits { decode_pixels_max: 100, ..limits };
        assert_eq!(bytes_of(&jpeg, 10, &few), 20);
    }

    proptest! {
        #[test]
        fn noise_is_looked_at_without_panic(mut noise in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..4) {
            let magic: &[u8] = [&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFFxxxxWEBPVP8X"][kind as usize];
            noise.splice(..magic.len().min(noise.len()), magic.iter().copied());
            let bytes = bytes_of(&noise, 300, &Limits::DEFAULT);
            prop_assert!((600..=600 + Limits::DEFAULT.address_space_bytes_max).contains(&bytes));
        }
    }
}
