//! Owns JPEG decoding: by ourselves where the file is an everyday one, else by libjpeg-turbo. Damage that touched pixels is
//! `corrupt`, codes that end early are `truncated`, whichever way is taken; what is odd beside the codes is nobody's loss.
//! What a coarse drawing steps over it does not see: damage in the detail of a progressive file is no concern of its
//! thumbnail. Decodes to planes as stored or to interleaved pixels, at a half, a quarter or an eighth of the size where that
//! is asked for. Nothing of a file is left for the next.

use std::hash::{DefaultHasher, Hasher as _};

use image::metadata::Orientation;
use turbojpeg::{
    Colorspace, DecompressHeader, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage, yuv_pixels_len,
};

use super::bare::{self, Codes};
use super::headers::{Coding, FrameHeader};
use super::libjpeg::{Source, Trouble};
use super::read::{self, Census, Detail, Memory, ScanData, census};
use super::walk::{End, Markers, walk};
use crate::formats::{Decoded, check_size, orientation_of};
use crate::raster::axis::{Axes, Axis};
use crate::raster::picture::{Channels, Picture};
use crate::raster::plane::Plane;
use crate::raster::planes::Planes;
use crate::{Extent, Limits, RenderError};

/// Tables and scans of an everyday file; one with more is left to libjpeg.
const SEGMENTS_MAX: usize = 256;
/// How many times less than the usual oversampling is enough where a sample is the mean of a block: that is an exact
/// shrinking by eight.
const MEANS_OVERSAMPLING: f64 = 4.0 / 3.0;
/// A larger buffer is given back after its original.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// What libjpeg takes beside the coefficients of a whole picture.
const LIBJPEG_BYTES: usize = 8 << 20;

/// What it keeps of a block between two scans.
const COEFFICIENT_BYTES: usize = 2 * 64;

/// The memory that files are read and planes are drawn in, kept from one file to the next; its content is not.
#[derive(Default)]
pub(crate) struct JpegDecoder {
    data: ScanData,
    planes: Vec<u8>,
}

impl JpegDecoder {
    /// Gives back what only a huge original needed.
    pub(crate) fn tidy(&mut self) {
        if self.planes.capacity() > KEPT_BYTES_MAX {
            self.planes = Vec::new();
        }
        if self.data.capacity() > KEPT_BYTES_MAX {
            self.data = ScanData::default();
        }
    }
}

/// A JPEG file whose markers and header are those of a whole picture within the limits.
pub(crate) struct Jpeg<'a> {
    markers: Markers<'a>,
    frame: FrameHeader,
    header: DecompressHeader,
    /// Pixels as stored.
    pub(crate) size: Extent,
}

impl<'a> Jpeg<'a> {
    /// Reads the markers and the header, and no pixel.
    pub(crate) fn open(file: &'a [u8], limits: &Limits) -> Result<Self, RenderError> {
        let mut markers = walk(file);
        if let Some((size, precision)) = markers.announced {
            // A bomb that is also cut short is refused for its size: that needs no more of the file.
            check_size(size, limits)?;
            if precision != 8 {
                return Err(RenderError::unsupported("JPEG samples of other than 8 bits"));
            }
        }
        if let Some(fault) = markers.fault.take() {
            return Err(fault);
        }
        let frame = markers.frame.take().ok_or_else(|| RenderError::corrupt("no frame header"))?;
        let header = turbojpeg::read_header(&bare::file(&frame, &markers, Codes::None));
        let header = header.map_err(RenderError::corrupt)?;
        let is_plain = matches!(header.colorspace, Colorspace::Gray | Colorspace::RGB | Colorspace::CMYK);
        if frame.coding == Coding::Lossless && !is_plain {
            return Err(RenderError::unsupported("a lossless JPEG of converted colours"));
        }
        let jpeg = Self { size: frame.size, markers, frame, header };
        if jpeg.markers.scans().any(|scan| !scan.is_cut_right) || jpeg.ends_in_arithmetic_codes() {
            return Err(jpeg.damage());
        }
        Ok(jpeg)
    }

    pub(crate) fn orientation(&self) -> Orientation {
        orientation_of(self.markers.exif)
    }

    pub(crate) fn icc(&self, limits: &Limits) -> Option<Vec<u8>> {
        self.markers.profile.whole(limits)
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
        if let Some(axes) = self.drawn(reduction, decoder) {
            return Ok(split(&decoder.planes, &axes));
        }
        let (factor, header) = self.scaled(reduction);
        let DecompressHeader { width, height, subsamp, .. } = header;
        let length = yuv_pixels_len(width, 1, height, subsamp).map_err(RenderError::corrupt)?;
        let planes = &mut decoder.planes;
        // Nothing of the last picture may be left where libjpeg draws nothing.
        planes.clear();
        planes.resize(length, 0);
        self.draw(factor, planes, |source, pixels| {
            source.draw_planes(YuvImage { pixels, width, align: 1, height, subsamp })
        })?;
        let image = YuvImage { pixels: planes.as_slice(), width, align: 1, height, subsamp };
        let axes = self.axes(&image, factor.denom());
        Ok(split(planes, &axes))
    }

    /// Draws the planes ourselves, where we can: a sequential file whole, or from each block's lowest coefficients, where
    /// that is enough of them. The rest of a progressive file need not be read then.
    fn drawn(&self, reduction: f64, decoder: &mut JpegDecoder) -> Option<Vec<Axes>> {
        if self.markers.segments.len() > SEGMENTS_MAX {
            return None;
        }
        let (across, down) = self.header.subsamp.size();
        // Chroma that is coarser than that of a rendition has none to spare.
        let oversampling = if across.max(down) > 2 { 1.0 } else { MEANS_OVERSAMPLING };
        let means_do = reduction * oversampling >= 8.0;
        let detail = match self.header.is_progressive {
            true if means_do => [Detail::Mean; 3],
            false if means_do && reduction >= 8.0 => [Detail::Mean; 3],
            false if means_do => [Detail::Quarters, Detail::Mean, Detail::Mean],
            false if reduction >= 4.0 => [Detail::Quarters; 3],
            false if reduction < 2.0 => [Detail::Whole; 3],
            _ => return None,
        };
        let memory = Memory { data: &mut decoder.data, samples: &mut decoder.planes };
        read::draw(&self.frame, &self.markers.segments, detail, memory)
    }

    fn axes(&self, image: &YuvImage<&[u8]>, denominator: usize) -> Vec<Axes> {
        let axis = |samples: usize, pixels: u32, step: usize| Axis {
            samples: u32::try_from(samples).expect("a side is at most 65,535"),
            start: 0.0,
            cover: f64::from(pixels) / (denominator * step) as f64,
        };
        let axes = |(width, height), (across, down)| Axes {
            across: axis(width, self.size.width, across),
            down: axis(height, self.size.height, down),
        };
        let luma = axes(image.y_size(), (1, 1));
        if image.subsamp == Subsamp::Gray {
            return vec![luma];
        }
        let chroma = axes(image.uv_size(), image.subsamp.size());
        vec![luma, chroma, chroma]
    }

    /// Decodes to interleaved pixels, at most `reduction` times smaller.
    pub(crate) fn pixels(&self, reduction: f64, limits: &Limits) -> Result<Decoded, RenderError> {
        let (factor, DecompressHeader { width, height, .. }) = self.scaled(reduction);
        let channels = self.channels();
        let format = match channels {
            Channels::Grey => PixelFormat::GRAY,
            Channels::Cmyk => PixelFormat::CMYK,
            _ => PixelFormat::RGB,
        };
        let pitch = width * channels.count();
        let mut bytes = vec![0; pitch * height];
        self.draw(factor, &mut bytes, |source, pixels| {
            source.draw_pixels(Image { pixels, width, pitch, height, format })
        })?;
        if channels == Channels::Cmyk {
            // Inks are stored inverted, 255 is none, whether Adobe says so or nobody does.
            bytes.iter_mut().for_each(|ink| *ink = 255 - *ink);
        }
        let side = |pixels: usize| u32::try_from(pixels).expect("a side is at most 65,535");
        Ok(Decoded {
            picture: Picture::new(Extent::new(side(width), side(height)), channels, bytes),
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

    /// Has libjpeg draw on `samples`. Where it finds something odd the codes are counted: if all are there, it draws what
    /// they alone say. Those that cannot be counted are whole where it had drawn all before.
    fn draw(
        &self,
        factor: ScalingFactor,
        samples: &mut [u8],
        draw: impl Fn(&Source<'_>, &mut [u8]) -> Result<(), Trouble>,
    ) -> Result<(), RenderError> {
        let header = self.header;
        let try_with = |codes: Codes<'_>, samples: &mut [u8]| {
            draw(&Source { file: &bare::file(&self.frame, &self.markers, codes), header, factor }, samples)
        };
        let draws_all = |samples: &mut [u8]| {
            let before = digest(samples);
            samples.iter_mut().for_each(|sample| *sample = !*sample);
            try_with(Codes::AsTheyAre, samples) == Err(Trouble::Warning) && digest(samples) == before
        };
        let trouble = match try_with(Codes::AsTheyAre, samples) {
            Ok(()) => None,
            Err(Trouble::Warning) => match census(&self.frame, &self.markers.segments) {
                Census::Whole(tidied) => try_with(Codes::Tidied(&tidied), samples).err(),
                Census::Unknown if draws_all(samples) => None,
                Census::Unknown | Census::Cut | Census::Damaged => return Err(self.damage()),
            },
            Err(failure) => Some(failure),
        };
        match trouble {
            None => Ok(()),
            Some(Trouble::Warning) => Err(self.damage()),
            Some(Trouble::Failure(_)) if !self.fits() => {
                Err(RenderError::OutOfMemory("the JPEG decoder".into()))
            }
            Some(Trouble::Failure(text)) => Err(RenderError::corrupt(text)),
        }
    }

    /// What to say of a file whose codes are not what they should be.
    fn damage(&self) -> RenderError {
        match census(&self.frame, &self.markers.segments) {
            Census::Cut => RenderError::truncated("scan data is missing"),
            Census::Whole(_) | Census::Damaged | Census::Unknown => {
                RenderError::corrupt("the scan data is damaged")
            }
        }
    }

    /// Whether arithmetic codes stop and no end of image follows: they go on in zeros, and so nothing in them says that some
    /// are missing.
    fn ends_in_arithmetic_codes(&self) -> bool {
        let last = self.markers.scans().last();
        self.frame.is_arithmetic && last.is_some_and(|scan| scan.end != End::OfImage)
    }

    /// Whether there is as much memory as libjpeg may need for this file. Its own word for it is only text.
    fn fits(&self) -> bool {
        let (across, down) = self.frame.mcus();
        let blocks: usize = self.frame.components.iter().map(|one| one.sampling.0 * one.sampling.1).sum();
        let bytes = across * down * blocks * COEFFICIENT_BYTES + LIBJPEG_BYTES;
        Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
    }
}

/// What tells samples from others, for as long as one file.
fn digest(samples: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(samples);
    hasher.finish()
}

fn split<'b>(mut bytes: &'b [u8], axes: &[Axes]) -> Planes<&'b [u8]> {
    let plane = |&Axes { across, down }: &Axes| {
        let (plane, rest) = bytes.split_at(across.samples as usize * down.samples as usize);
        bytes = rest;
        Plane { across, down, bytes: plane }
    };
    Planes { planes: axes.iter().map(plane).collect() }
}

#[cfg(test)]
mod tests;
