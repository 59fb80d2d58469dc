//! Owns the encoders: baseline JPEG 4:2:0 with optimised Huffman tables, lossy WebP method 4. Writes no metadata:
//! neither encoder is given any.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};
use webp::{Encoder, PixelLayout, WebPConfig, WebPEncodingError};

use crate::picture::{Channels, Picture};
use crate::{Format, RenderError};

/// libwebp's own default: slower methods save 3 % for twice the time.
const WEBP_METHOD: i32 = 4;

/// Encodes an sRGB picture: WebP where it has alpha, JPEG otherwise.
pub(crate) fn encode(picture: &Picture, quality: u8) -> Result<(Format, Vec<u8>), RenderError> {
    let quality = quality.clamp(1, 100);
    match picture.channels {
        Channels::Rgba => Ok((Format::Webp, webp(picture, quality)?)),
        Channels::Rgb => {
            let bytes = jpeg(picture, quality).map_err(|error| failed(&error.to_string()))?;
            Ok((Format::Jpeg, bytes))
        }
        other => unreachable!("colour conversion leaves RGB or RGBA, not {other:?}"),
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

fn webp(picture: &Picture, quality: u8) -> Result<Vec<u8>, RenderError> {
    let mut config = WebPConfig::new().expect("libwebp has the version it was built with");
    config.quality = f32::from(quality);
    config.method = WEBP_METHOD;
    let encoder = Encoder::new(&picture.bytes, PixelLayout::Rgba, picture.width, picture.height);
    match encoder.encode_advanced(&config) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(
            WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
            | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY,
        ) => Err(RenderError::OutOfMemory("the WebP encoder".into())),
        Err(WebPEncodingError::VP8_ENC_ERROR_BAD_DIMENSION) => {
            Err(RenderError::unsupported("WebP has at most 16383 pixels a side"))
        }
        Err(error) => Err(failed(&format!("{error:?}"))),
    }
}

fn failed(message: &str) -> RenderError {
    if message.contains("emory") {
        return RenderError::OutOfMemory("the JPEG encoder".into());
    }
    RenderError::corrupt(format!("the encoder refused the picture: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_picture_gives_the_same_bytes() {
        let bytes: Vec<u8> = (0..64 * 48 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let rgba = Picture::new((64, 48), Channels::Rgba, bytes.clone());
        let rgb = Picture::new((64, 48), Channels::Rgb, bytes[..64 * 48 * 3].to_vec());
        assert_eq!(encode(&rgba, 80).unwrap(), encode(&rgba, 80).unwrap());
        assert_eq!(encode(&rgb, 80).unwrap(), encode(&rgb, 80).unwrap());
        assert_eq!(encode(&rgba, 80).unwrap().0, Format::Webp);
        assert_eq!(encode(&rgb, 80).unwrap().0, Format::Jpeg);
    }
}
