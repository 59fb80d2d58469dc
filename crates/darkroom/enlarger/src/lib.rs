//! The darkroom's enlarger: resamples pixels in memory, nothing else.
//!
//! Owns nothing but the price of the resizer. That is generic code with a kernel for each kind of pixel, kind of view,
//! precision and processor: ten thousand functions, which a crate that calls it compiles for itself. Here that is done
//! once, and neither a change in darkroom nor its tests do it again.

use std::error::Error;
use std::fmt;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3, U8x4, U16x4};
use fast_image_resize::{PixelTrait, ResizeOptions, Resizer};

/// How many bytes a pixel has, none of them alpha, and so which kernels work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixel {
    /// One.
    One,
    /// Three.
    Three,
    /// Four.
    Four,
}

/// A part of a picture in memory, in whole pixels; its rows are without padding.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The whole picture.
    pub bytes: &'a [u8],
    /// What its bytes are.
    pub pixel: Pixel,
    /// Of the whole picture.
    pub width: u32,
    /// Where the part begins, from the left and from above.
    pub from: [u32; 2],
    /// Width and height of the part.
    pub size: [u32; 2],
}

/// Where the result goes: rows without padding.
#[derive(Debug)]
pub struct Target<'a> {
    /// As many as the size says.
    pub bytes: &'a mut [u8],
    /// Width and height.
    pub size: [u32; 2],
}

/// A pixel of four times 16 bits.
pub type WidePixel = U16x4;

/// Rows of wide pixels, without padding.
#[derive(Clone, Copy, Debug)]
pub struct WideView<'a> {
    /// The whole picture.
    pub pixels: &'a [WidePixel],
    /// Pixels in a row, at least one.
    pub width: usize,
}

/// Where the result of wide pixels goes: rows without padding.
#[derive(Debug)]
pub struct WideTarget<'a> {
    /// The whole result.
    pub pixels: &'a mut [WidePixel],
    /// Pixels in a row, at least one.
    pub width: usize,
}

/// Why nothing was resampled: sizes and bytes do not fit each other.
#[derive(Debug)]
pub struct Misfit(Box<dyn Error + Send + Sync>);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Misfit {}

/// Fits a view onto a target; the options say with which filter, and which part of the view counts.
pub fn resample(
    source: View<'_>,
    target: Target<'_>,
    options: &ResizeOptions,
    resizer: &mut Resizer,
) -> Result<(), Misfit> {
    let resample = match source.pixel {
        Pixel::One => typed::<U8>,
        Pixel::Three => typed::<U8x3>,
        Pixel::Four => typed::<U8x4>,
    };
    resample(source, target, options, resizer).map_err(Misfit)
}

/// One kind of view for all: a second would be a second set of kernels.
fn typed<P: PixelTrait + Default>(
    source: View<'_>,
    target: Target<'_>,
    options: &ResizeOptions,
    resizer: &mut Resizer,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let height = source.bytes.len() / size_of::<P>() / (source.width.max(1) as usize);
    let whole = TypedImageRef::<P>::from_buffer(source.width, u32::try_from(height)?, source.bytes)?;
    let ([left, top], [width, height]) = (source.from, source.size);
    let view = TypedCroppedImage::new(whole, left, top, width, height)?;
    let [width, height] = target.size;
    let mut target = TypedImage::<P>::from_buffer(width, height, target.bytes)?;
    Ok(resizer.resize_typed(&view, &mut target, options)?)
}

/// As [`resample`], for wide pixels.
pub fn resample_wide(
    source: WideView<'_>,
    target: WideTarget<'_>,
    options: &ResizeOptions,
    resizer: &mut Resizer,
) -> Result<(), Misfit> {
    wide(source, target, options, resizer).map_err(Misfit)
}

fn wide(
    source: WideView<'_>,
    target: WideTarget<'_>,
    options: &ResizeOptions,
    resizer: &mut Resizer,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let size = |pixels: usize, width: usize| {
        Ok::<_, Box<dyn Error + Send + Sync>>([u32::try_from(width)?, u32::try_from(pixels / width.max(1))?])
    };
    let [width, height] = size(source.pixels.len(), source.width)?;
    let whole = TypedImageRef::<U16x4>::new(width, height, source.pixels)?;
    let view = TypedCroppedImage::new(whole, 0, 0, width, height)?;
    let [width, height] = size(target.pixels.len(), target.width)?;
    let mut target = TypedImage::<U16x4>::from_pixels_slice(width, height, target.pixels)?;
    Ok(resizer.resize_typed(&view, &mut target, options)?)
}
