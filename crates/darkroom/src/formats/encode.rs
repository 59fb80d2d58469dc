//! Owns which encoder makes a file: baseline JPEG 4:2:0 with optimised Huffman tables, from planes by ourselves and from
//! pixels by libjpeg-turbo; lossy WebP method 4; PNG. Writes no metadata: no encoder is given any.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::formats::webp_encode::{self, Video};
use crate::jpeg::JpegEncoder;
use crate::raster::picture::{Channels, Picture};
use crate::raster::plane::Plane;
use crate::raster::planes::Planes;
use crate::{Extent, Format, RenderError};

/// The memory of the JPEG encoder, kept from one picture to the next.
#[derive(Default)]
pub(crate) struct Encoder {
    jpeg: JpegEncoder,
}

impl Encoder {
    /// Encodes an sRGB picture, RGB or RGBA. JPEG takes no alpha: the caller has laid the picture on a background.
    pub(crate) fn encode(
        &mut self,
        picture: &Picture,
        format: Format,
        quality: u8,
    ) -> Result<Vec<u8>, RenderError> {
        let quality = quality.clamp(1, 100);
        match (format, picture.channels) {
            (Format::Jpeg, Channels::Rgb) => jpeg(picture, quality).map_err(|error| failed(&error)),
            (Format::Webp, Channels::Rgb | Channels::Rgba) => webp_encode::encode_pixels(picture, quality),
            (Format::Png, Channels::Rgb) => png(picture, ExtendedColorType::Rgb8),
            (Format::Png, Channels::Rgba) => png(picture, ExtendedColorType::Rgba8),
            (format, other) => unreachable!("{other:?} is nothing to make {format:?} of"),
        }
    }

    /// Encodes 4:2:0 planes, or luma alone: as a grey JPEG, or as a WebP with neutral chroma.
    pub(crate) fn encode_planes(
        &mut self,
        planes: &Planes<Vec<u8>>,
        format: Format,
        quality: u8,
    ) -> Result<Vec<u8>, RenderError> {
        let quality = quality.clamp(1, 100);
        match format {
            Format::Jpeg => Ok(self.jpeg.encode(planes, quality)),
            Format::Webp => webp_encode::encode_planes(&mut video(planes), quality),
            Format::Png => unreachable!("a PNG is made of pixels"),
        }
    }

    /// Gives back what only a huge picture needed.
    pub(crate) fn tidy(&mut self) {
        self.jpeg.tidy();
    }
}

/// libjpeg's encoder, made anew for each picture: nothing of one is left for the next.
fn jpeg(picture: &Picture, quality: u8) -> turbojpeg::Result<Vec<u8>> {
    let mut compressor = Compressor::new()?;
    compressor.set_optimize(true)?;
    compressor.set_quality(i32::from(quality))?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    compressor.compress_to_vec(Image {
        pixels: picture.bytes.as_slice(),
        width: picture.size.width as usize,
        pitch: picture.size.width as usize * 3,
        height: picture.size.height as usize,
        format: PixelFormat::RGB,
    })
}

/// Lets libjpeg-turbo see which processor it has. On 64-bit ARM it reads `/proc/cpuinfo` for that, once in each thread, when
/// it first has pixels to work on: too late for a thread that may open no file by then.
pub(crate) fn see_the_processor() -> turbojpeg::Result<()> {
    let pixel = Picture::new(Extent::PIXEL, Channels::Rgb, vec![0; 3]);
    jpeg(&pixel, 1).map(drop)
}

/// WebP keeps a smaller range of levels than JPEG: 16 to 235 for luma, 16 to 240 for chroma.
fn video(planes: &Planes<Vec<u8>>) -> Video {
    let [luma, chroma] = [219, 224].map(|range: u32| {
        let middle = if range == 219 { 0 } else { 128 };
        std::array::from_fn::<u8, 256, _>(|level| {
            let offset = (level as i32 - middle) * range.cast_signed();
            let zero = 16.max(middle);
            u8::try_from(zero + (offset + 127 * offset.signum()) / 255).expect("a video level is a byte")
        })
    });
    let converted = |plane: &Plane<Vec<u8>>, levels: &[u8; 256]| -> Vec<u8> {
        plane.samples().iter().map(|&level| levels[usize::from(level)]).collect()
    };
    let first = &planes.planes[0];
    let neutral = || vec![128; first.width().div_ceil(2) * first.height().div_ceil(2)];
    let chroma =
        [1, 2].map(|index| planes.planes.get(index).map_or_else(neutral, |plane| converted(plane, &chroma)));
    let size = Extent::new(first.across.samples, first.down.samples);
    Video { size, luma: converted(first, &luma), chroma }
}

fn png(picture: &Picture, color: ExtendedColorType) -> Result<Vec<u8>, RenderError> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
        .write_image(&picture.bytes, picture.size.width, picture.size.height, color)
        .map_err(|error| match error {
            ImageError::Limits(_) => RenderError::OutOfMemory("the PNG encoder".into()),
            error => RenderError::corrupt(format!("the encoder refused the picture: {error}")),
        })?;
    Ok(file)
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
    use crate::SourceFormat;
    use crate::raster::axis::Axis;

    #[test]
    fn the_same_picture_gives_the_same_bytes_in_the_format_asked_for() {
        let bytes: Vec<u8> = (0..64 * 48 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let rgba = Picture::new(Extent::new(64, 48), Channels::Rgba, bytes.clone());
        let rgb = Picture::new(Extent::new(64, 48), Channels::Rgb, bytes[..64 * 48 * 3].to_vec());
        let mut encoder = Encoder::default();
        for (picture, format, source) in [
            (&rgb, Format::Jpeg, SourceFormat::Jpeg),
            (&rgb, Format::Webp, SourceFormat::Webp),
            (&rgba, Format::Webp, SourceFormat::Webp),
            (&rgb, Format::Png, SourceFormat::Png),
            (&rgba, Format::Png, SourceFormat::Png),
        ] {
            let file = encoder.encode(picture, format, 80).unwrap();
            assert_eq!(encoder.encode(picture, format, 80).unwrap(), file);
            assert_eq!(Encoder::default().encode(picture, format, 80).unwrap(), file);
            assert_eq!(SourceFormat::detect(&file), Some(source));
        }
    }

    #[test]
    fn a_png_says_every_pixel_again() {
        let bytes: Vec<u8> = (0..30 * 20 * 4).map(|i| (i * 7 % 251) as u8).collect();
        let picture = Picture::new(Extent::new(30, 20), Channels::Rgba, bytes.clone());
        let file = Encoder::default().encode(&picture, Format::Png, 1).unwrap();
        assert_eq!(image::load_from_memory(&file).unwrap().into_rgba8().into_raw(), bytes);
    }

    #[test]
    fn planes_become_the_webp_that_pixels_become() {
        let (width, height) = (61, 47);
        let plane = |samples: u32, rows: u32, level: &dyn Fn(u32, u32) -> u32| Plane {
            across: Axis::new(samples, 1),
            down: Axis::new(rows, 1),
            bytes: (0..samples * rows).map(|at| level(at % samples, at / samples) as u8).collect(),
        };
        let luma = plane(width, height, &|x, y| 40 + 2 * x + y);
        let chroma = [plane(31, 24, &|x, _| 110 + x), plane(31, 24, &|_, y| 150 - y)];
        let planes = Planes { planes: [vec![luma.clone()], chroma.to_vec()].concat() };
        let mut encoder = Encoder::default();
        let mut read = |planes: &Planes<Vec<u8>>, format| {
            let bytes = encoder.encode_planes(planes, format, 95).unwrap();
            image::load_from_memory(&bytes).unwrap().to_rgb8()
        };
        for planes in [planes, Planes { planes: vec![luma] }] {
            let (jpeg, webp) = (read(&planes, Format::Jpeg), read(&planes, Format::Webp));
            assert_eq!(jpeg.dimensions(), webp.dimensions());
            let differences = jpeg.as_raw().iter().zip(webp.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b)));
            assert!(differences.sum::<u64>() <= 3 * jpeg.as_raw().len() as u64);
        }
    }
}
