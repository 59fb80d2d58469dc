//! Owns the two engines that a Rust programmer would write first: the `image` crate alone, and with
//! `fast_image_resize` for the resizing. Both decode once and make each rendition from the next larger one; their JPEG
//! is 4:4:4 with the standard's Huffman tables, because `image` writes no other.

use anyhow::{Result, bail};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};

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
    let mut picture = image::load_from_memory(original)?.into_rgb8();
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

fn shrunk(picture: RgbImage, side: u32, resize: Resize) -> Result<RgbImage> {
    let longer = picture.width().max(picture.height());
    if longer <= side {
        return Ok(picture);
    }
    let scaled = |of: u32| (f64::from(of) * f64::from(side) / f64::from(longer)).round().max(1.0) as u32;
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    if resize == Resize::Plain {
        return Ok(imageops::resize(&picture, width, height, imageops::FilterType::Lanczos3));
    }
    let mut small = RgbImage::new(width, height);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let source = TypedImageRef::<U8x3>::from_buffer(picture.width(), picture.height(), &picture)?;
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut small)?;
    // Typed, for the resizer would otherwise be compiled for every kind of pixel there is.
    Resizer::new().resize_typed(&source, &mut target, &options)?;
    Ok(small)
}
