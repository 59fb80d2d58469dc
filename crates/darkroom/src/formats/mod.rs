//! Owns the way from an original's bytes to pixels: which decoder, in which order the checks come. Trusts no header:
//! a size is checked before memory is spent on it, and a file must be whole before it is decoded.

mod decoded;
pub(crate) mod encode;
pub(crate) mod gif;
pub(crate) mod pam;
pub(crate) mod png;
mod webp;
mod webp_decode;
pub(crate) mod webp_encode;

use image::{ColorType, ImageDecoder, ImageError};

pub(crate) use crate::exif::orientation_of;
use crate::jpeg::{self, Jpeg};
use crate::raster::picture::{Channels, Picture};
use crate::rights::Rights;
use crate::{Extent, Limits, RenderError, SourceFormat};
pub(crate) use decoded::{Decoded, check_size};

/// Decodes an original of any format but JPEG, which is opened first: see [`Jpeg`].
pub(crate) fn decode(format: SourceFormat, original: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    match format {
        SourceFormat::Png => png::decode(original, limits),
        SourceFormat::Gif => gif::decode(original, limits),
        SourceFormat::Webp => webp::decode(original, limits),
        SourceFormat::Jpeg => Jpeg::open(original, limits)?.pixels(1.0, limits),
    }
}

/// Reads an original's words about its rights; none where it says nothing, or nothing that can be read.
pub(crate) fn rights_of(original: &[u8], format: SourceFormat, limits: &Limits) -> Option<Rights> {
    let exif = match format {
        SourceFormat::Jpeg => jpeg::exif(original),
        SourceFormat::Png => png::exif(original, limits),
        SourceFormat::Webp => webp::exif(original),
        SourceFormat::Gif => None,
    }?;
    Rights::read(exif)
}

/// Runs one of `image`'s decoders, whose announced size is checked here.
fn read_pixels(decoder: impl ImageDecoder, limits: &Limits) -> Result<Picture, RenderError> {
    let (width, height) = decoder.dimensions();
    let size = Extent::new(width, height);
    check_size(size, limits)?;
    let (channels, wide) = match decoder.color_type() {
        ColorType::L8 => (Channels::Grey, false),
        ColorType::La8 => (Channels::GreyAlpha, false),
        ColorType::Rgb8 => (Channels::Rgb, false),
        ColorType::Rgba8 => (Channels::Rgba, false),
        ColorType::L16 => (Channels::Grey, true),
        ColorType::La16 => (Channels::GreyAlpha, true),
        ColorType::Rgb16 => (Channels::Rgb, true),
        ColorType::Rgba16 => (Channels::Rgba, true),
        _ => return Err(RenderError::unsupported("a colour type that is not decoded")),
    };
    let sample_bytes = if wide { 2 } else { 1 };
    let mut bytes = vec![0; size.bytes(channels.count() * sample_bytes)];
    decoder.read_image(&mut bytes).map_err(from_image_error)?;
    Ok(match wide {
        true => Picture::from_16_bit(size, channels, bytes),
        false => Picture::new(size, channels, bytes),
    })
}

fn from_image_error(error: ImageError) -> RenderError {
    match error {
        ImageError::IoError(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            RenderError::truncated("the pixel data ends early")
        }
        ImageError::Limits(_) => RenderError::OutOfMemory("the decoder".into()),
        ImageError::Unsupported(cause) => RenderError::unsupported(cause),
        other => RenderError::corrupt(other),
    }
}

/// The profile, unless it is larger than the limit: then the colours are taken as sRGB.
fn within_limit(icc: Option<Vec<u8>>, limits: &Limits) -> Option<Vec<u8>> {
    icc.filter(|icc| icc.len() as u64 <= limits.icc_bytes_max)
}
