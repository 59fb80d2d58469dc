//! Owns what a file's header says of its size. Reads hostile bytes in the station, so it looks at a few and decodes
//! nothing.

use crate::formats::gif;
use crate::jpeg::is_frame;
use crate::{Extent, SourceFormat};

/// The size that a header announces.
pub(super) fn size(format: SourceFormat, head: &[u8]) -> Option<Extent> {
    match format {
        SourceFormat::Jpeg => jpeg_frame(head).map(|(_, size)| size),
        SourceFormat::Png => Some(Extent::new(be32(head, 16)?, be32(head, 20)?)),
        SourceFormat::Gif => gif::canvas(head),
        SourceFormat::Webp => webp_size(head),
    }
}

/// Whether a JPEG's frame is one whose coefficients are all kept until the last scan.
pub(super) fn is_progressive(head: &[u8]) -> bool {
    jpeg_frame(head).is_none_or(|(marker, _)| matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce))
}

/// Walks the segments to the first start of frame: its marker and size.
fn jpeg_frame(head: &[u8]) -> Option<(u8, Extent)> {
    let mut at = 2;
    loop {
        let [0xff, marker] = *head.get(at..at + 2)?.first_chunk::<2>()? else {
            return None;
        };
        match marker {
            0xff => at += 1,
            // Where a decoder steps over stray bytes, what follows is not where it seems to be.
            0x00 => return None,
            0xd8 | 0x01 | 0xd0..=0xd7 => at += 2,
            _ if is_frame(marker) => {
                return Some((marker, Extent::new(be16(head, at + 7)?, be16(head, at + 5)?)));
            }
            _ => at += 2 + usize::try_from(be16(head, at + 2)?).ok()?,
        }
    }
}

fn webp_size(head: &[u8]) -> Option<Extent> {
    match head.get(12..16)? {
        b"VP8 " => Some(Extent::new(le16(head, 26)? & 0x3fff, le16(head, 28)? & 0x3fff)),
        b"VP8L" => {
            let bits = le16(head, 21)? | le16(head, 23)? << 16;
            Some(Extent::new((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let le24 = |at| Some(le16(head, at)? | u32::from(*head.get(at + 2)?) << 16);
            Some(Extent::new(le24(24)? + 1, le24(27)? + 1))
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
    use crate::formats::webp_encode::encode_pixels;
    use crate::raster::picture::{Channels, Picture};
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
            assert_eq!(size(detected, &file), Some(Extent::new(321, 123)), "{format:?}");
        }
        let picture = Picture::new(Extent::new(321, 123), Channels::Rgb, vec![9; 321 * 123 * 3]);
        let lossy = encode_pixels(&picture, 50).unwrap();
        assert_eq!(size(SourceFormat::Webp, &lossy), Some(Extent::new(321, 123)));
    }

    proptest! {
        #[test]
        fn noise_tells_something_or_nothing_and_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..64)) {
            let magics = [&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"GIF89a"];
            let chunks = [b"VP8 ", b"VP8L", b"VP8X"].map(|kind| [&b"RIFF\0\0\0\0WEBP"[..], kind].concat());
            for magic in magics.into_iter().map(<[u8]>::to_vec).chain(chunks) {
                let file = [&magic[..], &noise].concat();
                let format = SourceFormat::detect(&file);
                prop_assert!(format.is_some());
                let _ = format.and_then(|format| size(format, &file));
            }
        }
    }
}
