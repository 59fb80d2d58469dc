//! Owns how much memory an original will take, guessed from its header before anything is decoded. A guess too low costs
//! nothing but accuracy: the address space of a worker is the wall.

use super::header;
use crate::{Extent, Limits, SourceFormat};

/// Bytes a pixel while a JPEG is worked on: what is decoded, what it is shrunk to, and what is written of that.
const JPEG_BYTES_PER_PIXEL: u64 = 6;
/// The same where all coefficients of up to four components are kept meanwhile.
const PROGRESSIVE_BYTES_PER_PIXEL: u64 = 12;
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
    let Some(pixels) = header::size(format, head).map(Extent::pixels) else {
        return limits.address_space_bytes_max.saturating_add(files);
    };
    if pixels > limits.decode_pixels_max {
        // Rejected by its header.
        return files;
    }
    let per_pixel = match format {
        SourceFormat::Jpeg if header::is_progressive(head) => PROGRESSIVE_BYTES_PER_PIXEL,
        SourceFormat::Jpeg => JPEG_BYTES_PER_PIXEL,
        SourceFormat::Png | SourceFormat::Gif | SourceFormat::Webp => OTHER_BYTES_PER_PIXEL,
    };
    pixels.saturating_mul(per_pixel).min(limits.address_space_bytes_max).saturating_add(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jpeg() -> Vec<u8> {
        let mut file = std::io::Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(321, 123).write_to(&mut file, image::ImageFormat::Jpeg).unwrap();
        file.into_inner()
    }

    #[test]
    fn what_is_rejected_at_once_takes_its_file_and_what_is_unreadable_all_there_is() {
        let limits = Limits::DEFAULT;
        assert_eq!(bytes_of(b"text", 10, &limits), 20);
        let jpeg = jpeg();
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
