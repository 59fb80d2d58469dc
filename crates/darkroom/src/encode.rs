//! Owns the encoders: baseline JPEG 4:2:0 with optimised Huffman tables, lossy WebP method 4. Writes no metadata:
//! neither encoder is given any.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, YuvPlanesImage};
use webp::{PixelLayout, WebPConfig, WebPEncodingError};

use crate::picture::{Channels, Picture};
use crate::plane::Plane;
use crate::planes::Planes;
use crate::{Format, RenderError};

/// libwebp's own default: slower methods save 3 % for twice the time.
const WEBP_METHOD: i32 = 4;

/// The JPEG encoder's state and the memory it writes into, kept from one picture to the next.
#[derive(Default)]
pub(crate) struct Encoder {
    compressor: Option<Compressor>,
}

impl Encoder {
    /// Encodes an sRGB picture: WebP where it has alpha, JPEG otherwise.
    pub(crate) fn encode(
        &mut self,
        picture: &Picture,
        quality: u8,
    ) -> Result<(Format, Vec<u8>), RenderError> {
        let quality = quality.clamp(1, 100);
        match picture.channels {
            Channels::Rgba => Ok((Format::Webp, webp(picture, quality)?)),
            Channels::Rgb => Ok((Format::Jpeg, self.jpeg(picture, quality).map_err(|error| failed(&error))?)),
            other => unreachable!("colour conversion leaves RGB or RGBA, not {other:?}"),
        }
    }

    /// Encodes planes as JPEG: 4:2:0, or grey where there is luma alone.
    pub(crate) fn encode_planes(
        &mut self,
        planes: &Planes<Vec<u8>>,
        quality: u8,
    ) -> Result<Vec<u8>, RenderError> {
        self.planar_jpeg(planes, quality.clamp(1, 100)).map_err(|error| failed(&error))
    }

    fn jpeg(&mut self, picture: &Picture, quality: u8) -> turbojpeg::Result<Vec<u8>> {
        let compressor = self.compressor(quality)?;
        compressor.set_subsamp(Subsamp::Sub2x2)?;
        compressor.compress_to_vec(Image {
            pixels: picture.bytes.as_slice(),
            width: picture.width as usize,
            pitch: picture.width as usize * 3,
            height: picture.height as usize,
            format: PixelFormat::RGB,
        })
    }

    fn planar_jpeg(&mut self, planes: &Planes<Vec<u8>>, quality: u8) -> turbojpeg::Result<Vec<u8>> {
        let compressor = self.compressor(quality)?;
        let luma = &planes.planes[0];
        let (width, height) = (luma.width(), luma.height());
        let [_, cb, cr] = &planes.planes[..] else {
            compressor.set_subsamp(Subsamp::Gray)?;
            let format = PixelFormat::GRAY;
            return compressor.compress_to_vec(Image {
                pixels: luma.samples(),
                width,
                pitch: width,
                height,
                format,
            });
        };
        let padded = padded_to_even(luma);
        compressor.compress_yuv_planes_to_vec(&YuvPlanesImage {
            y_plane: padded.as_deref().unwrap_or(luma.samples()),
            u_plane: cb.samples(),
            v_plane: cr.samples(),
            width,
            height,
            y_stride: width.next_multiple_of(2),
            u_stride: cb.width(),
            v_stride: cr.width(),
            subsamp: Subsamp::Sub2x2,
        })
    }

    fn compressor(&mut self, quality: u8) -> turbojpeg::Result<&mut Compressor> {
        if self.compressor.is_none() {
            let mut compressor = Compressor::new()?;
            compressor.set_optimize(true)?;
            self.compressor = Some(compressor);
        }
        let compressor = self.compressor.as_mut().expect("it was made above");
        compressor.set_quality(i32::from(quality))?;
        Ok(compressor)
    }
}

/// libjpeg wants luma under every chroma sample: an odd side's last column or row is repeated. `None` if both are even.
fn padded_to_even(luma: &Plane<Vec<u8>>) -> Option<Vec<u8>> {
    let (width, height) = (luma.width(), luma.height());
    if width.is_multiple_of(2) && height.is_multiple_of(2) {
        return None;
    }
    let mut padded = Vec::with_capacity((width + 1) * (height + 1));
    let last = &luma.bytes[(height - 1) * width..];
    for row in luma.bytes.chunks_exact(width).chain((height % 2 == 1).then_some(last)) {
        padded.extend_from_slice(row);
        padded.extend((width % 2 == 1).then_some(row[width - 1]));
    }
    Some(padded)
}

fn webp(picture: &Picture, quality: u8) -> Result<Vec<u8>, RenderError> {
    let mut config = WebPConfig::new().expect("libwebp has the version it was built with");
    config.quality = f32::from(quality);
    config.method = WEBP_METHOD;
    let encoder = webp::Encoder::new(&picture.bytes, PixelLayout::Rgba, picture.width, picture.height);
    match encoder.encode_advanced(&config) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(
            WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
            | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY,
        ) => Err(RenderError::OutOfMemory("the WebP encoder".into())),
        Err(WebPEncodingError::VP8_ENC_ERROR_BAD_DIMENSION) => {
            Err(RenderError::unsupported("WebP has at most 16383 pixels a side"))
        }
        Err(error) => Err(RenderError::corrupt(format!("the encoder refused the picture: {error:?}"))),
    }
}

fn failed(error: &turbojpeg::Error) -> RenderError {
    let message = error.to_string();
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
        let mut encoder = Encoder::default();
        let mut encode = |picture, quality| encoder.encode(picture, quality);
        assert_eq!(encode(&rgba, 80).unwrap(), encode(&rgba, 80).unwrap());
        assert_eq!(encode(&rgb, 80).unwrap(), encode(&rgb, 80).unwrap());
        let mut encoder = Encoder::default();
        let mut encode = |picture, quality| encoder.encode(picture, quality);
        assert_eq!(encode(&rgba, 80).unwrap().0, Format::Webp);
        assert_eq!(encode(&rgb, 80).unwrap().0, Format::Jpeg);
    }
}
