//! Owns JPEG decoding by libjpeg-turbo, and its opinion of what libjpeg only warns about: missing data is
//! `truncated`, wrong data is `corrupt`, stray bytes and odd but harmless headers pass. Decodes to planes as stored or
//! to interleaved pixels, both at a half, a quarter or an eighth of the size where that is asked for.

use turbojpeg::{
    Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
    yuv_pixels_len,
};

use super::jpeg_markers::{Markers, walk};
use super::{Decoded, check_size, orientation_of, sketch};
use crate::axis::Axis;
use crate::picture::{Channels, Picture};
use crate::plane::Plane;
use crate::planes::Planes;
use crate::{Limits, RenderError};
use image::metadata::Orientation;

/// Scans of a progressive file. Encoders write about ten; each scan costs a pass over all coefficients.
const SCANS_MAX: u32 = 100;
/// How much of the usual oversampling is enough for a sketch of a progressive file: the mean of a block is an exact
/// shrinking by eight.
const SKETCH_OVERSAMPLING: f64 = 4.0 / 3.0;
/// A larger buffer is given back after its picture.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// libjpeg's state and the planes it fills, kept from one file to the next.
#[derive(Default)]
pub(crate) struct JpegDecoder {
    decompressor: Option<Decompressor>,
    planes: Vec<u8>,
}

impl JpegDecoder {
    fn decompressor(&mut self) -> Result<&mut Decompressor, RenderError> {
        if self.decompressor.is_none() {
            let mut decompressor = Decompressor::new().map_err(|error| failed(&error))?;
            decompressor.set_scan_limit(SCANS_MAX).map_err(|error| failed(&error))?;
            self.decompressor = Some(decompressor);
        }
        Ok(self.decompressor.as_mut().expect("it was made above"))
    }
}

/// A whole JPEG file whose header is within the limits.
pub(crate) struct Jpeg<'a> {
    file: &'a [u8],
    markers: Markers<'a>,
    header: DecompressHeader,
    /// Pixels as stored.
    pub(crate) size: (u32, u32),
}

impl<'a> Jpeg<'a> {
    /// Reads the markers and the header, and no pixel.
    pub(crate) fn open(
        file: &'a [u8],
        limits: &Limits,
        decoder: &mut JpegDecoder,
    ) -> Result<Self, RenderError> {
        let decompressor = decoder.decompressor()?;
        let markers = walk(file).or_else(|error| {
            // A bomb that is also cut short is refused for its size: that needs no more of the file.
            let announced = decompressor.read_header(file).ok();
            announced.map_or(Ok(()), |header| check_size(size_of(&header), limits))?;
            Err(error)
        })?;
        let Some(size) = markers.size else {
            return Err(RenderError::corrupt("no frame header"));
        };
        check_size(size, limits)?;
        if markers.precision != 8 {
            return Err(RenderError::unsupported("JPEG samples of other than 8 bits"));
        }
        let header = decompressor.read_header(file).map_err(|error| failed(&error))?;
        let size = size_of(&header);
        check_size(size, limits)?;
        Ok(Self { file, markers, header, size })
    }

    pub(crate) fn orientation(&self) -> Orientation {
        orientation_of(self.markers.exif)
    }

    pub(crate) fn icc(&self, limits: &Limits) -> Option<Vec<u8>> {
        self.markers.icc(limits)
    }

    /// What the samples mean once they are interleaved.
    pub(crate) fn channels(&self) -> Channels {
        match self.header.colorspace {
            Colorspace::Gray => Channels::Grey,
            Colorspace::RGB | Colorspace::YCbCr => Channels::Rgb,
            Colorspace::CMYK | Colorspace::YCCK => Channels::Cmyk,
        }
    }

    /// Whether the file holds planes that a JPEG of ours can hold too: grey or YCbCr, in a usual subsampling.
    pub(crate) fn has_planes(&self) -> bool {
        let known = matches!(self.header.colorspace, Colorspace::Gray | Colorspace::YCbCr);
        known && self.header.subsamp != Subsamp::Unknown && !self.header.is_lossless
    }

    /// Decodes to planes as stored, at most `reduction` times smaller.
    pub(crate) fn planes<'b>(
        &self,
        reduction: f64,
        decoder: &'b mut JpegDecoder,
    ) -> Result<Planes<&'b [u8]>, RenderError> {
        if self.header.is_progressive && reduction * SKETCH_OVERSAMPLING >= 8.0 {
            let axes = self
                .markers
                .segments()
                .and_then(|segments| sketch::draw(segments, [false; 3], self.size, &mut decoder.planes));
            if let Some(axes) = axes {
                return Ok(split(&decoder.planes, &axes));
            }
        }
        let (factor, header) = self.scaled(reduction);
        decoder.decompressor()?.set_scaling_factor(factor).map_err(|error| failed(&error))?;
        let length = yuv_pixels_len(header.width, 1, header.height, header.subsamp);
        decoder.planes.resize(length.map_err(|error| failed(&error))?, 0);
        decoder.planes.shrink_to(KEPT_BYTES_MAX);

        let JpegDecoder { decompressor: Some(decompressor), planes } = decoder else {
            unreachable!("the decompressor was made above");
        };
        let DecompressHeader { width, height, subsamp, .. } = header;
        let image = YuvImage { pixels: planes.as_mut_slice(), width, align: 1, height, subsamp };
        let axes = self.axes(&image, factor.denom());
        check(decompressor.decompress_to_yuv(self.file, image))?;
        Ok(split(planes, &axes))
    }

    fn axes(&self, image: &YuvImage<&mut [u8]>, denominator: usize) -> Vec<(Axis, Axis)> {
        let axis = |samples: usize, pixels: u32, step: usize| Axis {
            samples: u32::try_from(samples).expect("a side is at most 65,535"),
            start: 0.0,
            cover: f64::from(pixels) / (denominator * step) as f64,
        };
        let axes = |(width, height), (across, down)| {
            (axis(width, self.size.0, across), axis(height, self.size.1, down))
        };
        let luma = axes(image.y_size(), (1, 1));
        if image.subsamp == Subsamp::Gray {
            return vec![luma];
        }
        let chroma = axes(image.uv_size(), image.subsamp.size());
        vec![luma, chroma, chroma]
    }

    /// Decodes to interleaved pixels, at most `reduction` times smaller.
    pub(crate) fn pixels(
        &self,
        reduction: f64,
        limits: &Limits,
        decoder: &mut JpegDecoder,
    ) -> Result<Decoded, RenderError> {
        let decompressor = decoder.decompressor()?;
        let (factor, header) = self.scaled(reduction);
        decompressor.set_scaling_factor(factor).map_err(|error| failed(&error))?;
        let channels = self.channels();
        let format = match channels {
            Channels::Grey => PixelFormat::GRAY,
            Channels::Cmyk => PixelFormat::CMYK,
            _ => PixelFormat::RGB,
        };
        let DecompressHeader { width, height, .. } = header;
        let pitch = width * channels.count();
        let mut bytes = vec![0; pitch * height];
        let image = Image { pixels: bytes.as_mut_slice(), width, pitch, height, format };
        check(decompressor.decompress(self.file, image))?;
        if channels == Channels::Cmyk && self.markers.adobe {
            bytes.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        Ok(Decoded {
            picture: Picture::new(size_of(&header), channels, bytes),
            size: self.size,
            times: factor.denom() as f64,
            orientation: self.orientation(),
            icc: self.icc(limits),
        })
    }

    /// The scale that libjpeg decodes at: the IDCT of a half, a quarter or an eighth is cheaper than a whole one, those
    /// between are dearer.
    fn scaled(&self, reduction: f64) -> (ScalingFactor, DecompressHeader) {
        let denominator = match reduction {
            _ if self.header.is_lossless => 1,
            8.0.. => 8,
            4.0.. => 4,
            2.0.. => 2,
            _ => 1,
        };
        let factor = ScalingFactor::new(1, denominator);
        (factor, self.header.scaled(factor))
    }
}

fn split<'b>(mut bytes: &'b [u8], axes: &[(Axis, Axis)]) -> Planes<&'b [u8]> {
    let plane = |&(across, down): &(Axis, Axis)| {
        let (plane, rest) = bytes.split_at(across.samples as usize * down.samples as usize);
        bytes = rest;
        Plane { across, down, bytes: plane }
    };
    Planes { planes: axes.iter().map(plane).collect() }
}

fn size_of(header: &DecompressHeader) -> (u32, u32) {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    (side(header.width), side(header.height))
}

fn check(outcome: turbojpeg::Result<()>) -> Result<(), RenderError> {
    match outcome {
        Err(error) if !is_harmless(&error) => Err(failed(&error)),
        _ => Ok(()),
    }
}

/// libjpeg reports a warning as an error after it has decoded the whole picture.
fn is_harmless(error: &turbojpeg::Error) -> bool {
    let message = error.to_string();
    ["extraneous bytes before marker", "unknown JFIF revision", "Unknown Adobe color transform"]
        .iter()
        .any(|harmless| message.contains(harmless))
}

fn failed(error: &turbojpeg::Error) -> RenderError {
    let message = error.to_string();
    let says = |part: &str| message.contains(part);
    if says("Premature end") || says("premature end") {
        RenderError::truncated("scan data is missing")
    } else if says("Insufficient memory") || says("Memory allocation") {
        RenderError::OutOfMemory("the JPEG decoder".into())
    } else if says("Unsupported") || says("not supported") || says("not implemented") {
        RenderError::unsupported(message)
    } else {
        RenderError::corrupt(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use turbojpeg::Compressor;

    fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
        let mut decoder = JpegDecoder::default();
        let jpeg = Jpeg::open(file, limits, &mut decoder)?;
        if jpeg.has_planes() {
            let planes = jpeg.planes(1.0, &mut decoder).map(drop);
            assert_eq!(planes.err(), jpeg.pixels(1.0, limits, &mut decoder).err());
        }
        jpeg.pixels(1.0, limits, &mut decoder)
    }

    fn sample(configure: impl FnOnce(&mut Compressor)) -> Vec<u8> {
        let pixels: Vec<u8> = (0..96 * 80 * 3).map(|i| (i * i / 97 % 256) as u8).collect();
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
        configure(&mut compressor);
        let image =
            Image { pixels: &pixels[..], width: 96, pitch: 288, height: 80, format: PixelFormat::RGB };
        compressor.compress_to_vec(image).unwrap()
    }

    fn kinds() -> [Vec<u8>; 2] {
        [sample(|_| ()), sample(|compressor| compressor.set_progressive(true).unwrap())]
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        for file in kinds() {
            decode(&file, &Limits::DEFAULT).unwrap();
            for end in 3..file.len() {
                let error = decode(&file[..end], &Limits::DEFAULT).unwrap_err();
                assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
            }
        }
    }

    #[test]
    fn a_scan_cut_short_under_a_proper_end_is_truncated() {
        let file = sample(|_| ());
        let scan = file.windows(2).position(|pair| pair == [0xff, SOS]).unwrap() + 14;
        for end in (scan + 1..file.len() - 8).step_by(17) {
            let mut cut = file[..end].to_vec();
            if cut.last() == Some(&0xff) {
                cut.pop();
            }
            cut.extend([0xff, 0xd9]);
            let error = decode(&cut, &Limits::DEFAULT).unwrap_err();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
        }
    }

    const SOS: u8 = 0xda;

    #[test]
    fn stray_bytes_before_the_end_and_behind_it_are_harmless() {
        let mut file = sample(|_| ());
        let end = file.len() - 2;
        file.splice(end..end, [0; 9]);
        file.extend(b"a video, perhaps");
        decode(&file, &Limits::DEFAULT).unwrap();
    }

    #[test]
    fn a_header_beyond_the_limits_is_refused_unread() {
        let mut file = sample(|_| ());
        let sof = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        file[sof + 5..sof + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        let error = decode(&file, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
        file[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xff, 0x00, 0x01]);
        let error = decode(&file, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
    }

    fn sketched(file: &[u8], fine: bool) -> Option<(usize, Vec<u8>)> {
        let (markers, mut samples) = (walk(file).ok()?, Vec::new());
        let axes = sketch::draw(markers.segments()?, [fine; 3], markers.size?, &mut samples)?;
        Some((axes[0].0.samples as usize, samples))
    }

    #[test]
    fn a_sketch_shows_the_mean_of_every_block() {
        for file in kinds() {
            let mut decoder = JpegDecoder::default();
            let jpeg = Jpeg::open(&file, &Limits::DEFAULT, &mut decoder).unwrap();
            let whole = jpeg.planes(1.0, &mut decoder).unwrap();
            let (luma, (width, sketch)) = (&whole.planes[0], sketched(&file, false).unwrap());
            assert_eq!((width, sketch.len()), (12, 12 * 10 + 2 * 6 * 5));
            for (at, &seen) in sketch[..120].iter().enumerate() {
                let (left, top) = (at % 12 * 8, at / 12 * 8);
                let sum: u32 =
                    (0..64).map(|i| u32::from(luma.bytes[(top + i / 8) * 96 + left + i % 8])).sum();
                // Levels that are cut off at black or white make the mean of the whole block another one.
                assert!(sum.div_ceil(64).abs_diff(u32::from(seen)) <= 20, "block {at}: {sum} / 64, {seen}");
            }
        }
    }

    #[test]
    fn a_sketch_of_a_damaged_file_is_one_of_the_same_size_or_none() {
        for file in kinds() {
            let (_, whole) = sketched(&file, true).unwrap();
            let mut seed = 0x2545_f491_u32;
            for _ in 0..4000 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let mut damaged = file.clone();
                let at = 2 + seed as usize % (file.len() - 4);
                damaged[at] = damaged[at].wrapping_add((seed >> 24) as u8 | 1);
                if walk(&damaged).is_ok_and(|markers| markers.size == Some((96, 80))) {
                    let sketch = sketched(&damaged, true).map(|(_, sketch)| sketch.len());
                    assert!(sketch.is_none_or(|length| length <= 3 * whole.len()), "damaged at {at}");
                }
            }
        }
    }

    #[test]
    fn inks_of_adobe_are_inverted() {
        let ink = [30u8, 60, 90, 20].repeat(64);
        let mut compressor = Compressor::new().unwrap();
        compressor.set_quality(100).unwrap();
        compressor.set_subsamp(Subsamp::None).unwrap();
        let image = Image { pixels: &ink[..], width: 8, pitch: 32, height: 8, format: PixelFormat::CMYK };
        let file = compressor.compress_to_vec(image).unwrap();
        let decoded = decode(&file, &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.picture.channels, Channels::Cmyk);
        // libjpeg marks its CMYK files as Adobe's.
        let near = |a: u8, b: u8| a.abs_diff(b) <= 3;
        assert!(near(decoded.picture.bytes[0], 225), "{:?}", &decoded.picture.bytes[..4]);
    }
}
