//! Owns the encoders: baseline JPEG 4:2:0 with optimised Huffman tables, lossy WebP method 4, PNG. Writes no metadata:
//! no encoder is given any.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
use webp::{Encoder, PixelLayout, WebPConfig, WebPEncodingError};

use crate::picture::{Channels, Picture};
use crate::{Format, RenderError};

/// libwebp's own default: slower methods save 3 % for twice the time.
const WEBP_METHOD: i32 = 4;

/// Encodes an sRGB picture, RGB or RGBA. JPEG takes no alpha: the caller has laid the picture on a background.
pub(crate) fn encode(picture: &Picture, format: Format, quality: u8) -> Result<Vec<u8>, RenderError> {
    let quality = quality.clamp(1, 100);
    match (format, picture.channels) {
        (Format::Jpeg, Channels::Rgb) => {
            jpeg(picture, quality).map_err(|error| failed("JPEG", &error.to_string()))
        }
        (Format::Webp, Channels::Rgb) => webp(picture, PixelLayout::Rgb, quality),
        (Format::Webp, Channels::Rgba) => webp(picture, PixelLayout::Rgba, quality),
        (Format::Png, Channels::Rgb) => png(picture, ExtendedColorType::Rgb8),
        (Format::Png, Channels::Rgba) => png(picture, ExtendedColorType::Rgba8),
        (format, other) => unreachable!("{other:?} is nothing to make {format:?} of"),
    }
}

fn jpeg(picture: &Picture, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(i32::from(quality))?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    compressor.set_optimize(true)?;
    compressor.compress_to_vec(Image {
        pixels: picture.bytes.as_slice(),
        width: picture.width as usize,
        pitch: picture.width as usize * 3,
        height: picture.height as usize,
        format: PixelFormat::RGB,
    })
}

fn webp(picture: &Picture, layout: PixelLayout, quality: u8) -> Result<Vec<u8>, RenderError> {
    let mut config = WebPConfig::new().expect("libwebp has the version it was built with");
    config.quality = f32::from(quality);
    config.method = WEBP_METHOD;
    let encoder = Encoder::new(&picture.bytes, layout, picture.width, picture.height);
    match encoder.encode_advanced(&config) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(
            WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
            | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY,
        ) => Err(RenderError::OutOfMemory("the WebP encoder".into())),
        Err(WebPEncodingError::VP8_ENC_ERROR_BAD_DIMENSION) => {
            Err(RenderError::unsupported("WebP has at most 16383 pixels a side"))
        }
        Err(error) => Err(failed("WebP", &format!("{error:?}"))),
    }
}

fn png(picture: &Picture, color: ExtendedColorType) -> Result<Vec<u8>, RenderError> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
        .write_image(&picture.bytes, picture.width, picture.height, color)
        .map_err(|error| failed("PNG", &error.to_string()))?;
    Ok(file)
}

fn failed(encoder: &str, message: &str) -> RenderError {
    if message.contains("emory") {
        return RenderError::OutOfMemory(format!("the {encoder} encoder"));
    }
    RenderError::corrupt(format!("the encoder refused the picture: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceFormat;

    #[test]
    fn the_same_picture_gives_the_same_bytes_in_the_format_asked_for() {
        let bytes: Vec<u8> = (0..64 * 48 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let rgba = Picture::new((64, 48), Channels::Rgba, bytes.clone());
        let rgb = Picture::new((64, 48), Channels::Rgb, bytes[..64 * 48 * 3].to_vec());
        for (picture, format, source) in [
            (&rgb, Format::Jpeg, SourceFormat::Jpeg),
            (&rgb, Format::Webp, SourceFormat::Webp),
            (&rgba, Format::Webp, SourceFormat::Webp),
            (&rgb, Format::Png, SourceFormat::Png),
            (&rgba, Format::Png, SourceFormat::Png),
        ] {
            let file = encode(picture, format, 80).unwrap();
            assert_eq!(encode(picture, format, 80).unwrap(), file);
            assert_eq!(SourceFormat::detect(&file), Some(source));
        }
    }

    #[test]
    fn a_png_says_every_pixel_again() {
        let bytes: Vec<u8> = (0..30 * 20 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let file = encode(&Picture::new((30, 20), Channels::Rgba, bytes.clone()), Format::Png, 1).unwrap();
        assert_eq!(image::load_from_memory(&file).unwrap().into_rgba8().into_raw(), bytes);
    }
}
