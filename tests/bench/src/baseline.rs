//! Owns the two engines that a Rust programmer would write first: the `image` crate alone, and with
//! `fast_image_resize` for the resizing. Both decode once and make each rendition from the next larger one; their JPEG
//! is 4:4:4 with the standard's Huffman tables, because `image` writes no other.

use anyhow::{Result, bail};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, imageops};

use crate::protocol::{Format, Job};

/// What resizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resize {
    /// `image`'s own.
    Plain,
    /// `fast_image_resize`.
    Fast,
}

/// Makes the files of a job.
pub(crate) fn develop(original: &[u8], job: &Job, resize: Resize) -> Result<Result<Vec<Vec<u8>>, String>> {
    if job.format == Format::Webp {
        return Ok(Err("`image` writes lossless WebP only".to_owned()));
    }
    let mut picture = DynamicImage::from(image::load_from_memory(original)?.into_rgb8());
    let mut files = Vec::new();
    for &side in &job.sides {
        picture = shrunk(picture, side, resize)?;
        let mut file = Vec::new();
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut file, job.quality))?;
        files.push(file);
    }
    if files.is_empty() {
        bail!("a job without sides");
    }
    Ok(Ok(files))
}

fn shrunk(picture: DynamicImage, side: u32, resize: Resize) -> Result<DynamicImage> {
    let longer = picture.width().max(picture.height());
    if longer <= side {
        return Ok(picture);
    }
    if resize == Resize::Plain {
        return Ok(picture.resize(side, side, imageops::FilterType::Lanczos3));
    }
    let scaled = |of: u32| (f64::from(of) * f64::from(side) / f64::from(longer)).round().max(1.0) as u32;
    let mut small = DynamicImage::new_rgb8(scaled(picture.width()), scaled(picture.height()));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&picture, &mut small, &options)?;
    Ok(small)
}
