//! Owns JPEG decoding: by ourselves where the file is an everyday one, else by libjpeg-turbo, with our opinion of what
//! libjpeg only warns about: missing data is `truncated`, wrong data is `corrupt`, stray bytes behind a scan pass. What a
//! coarse drawing steps over it does not see: damage in the detail of a progressive file is no concern of its thumbnail.
//! Decodes to planes as stored or to interleaved pixels, at a half, a quarter or an eighth of the size where that is asked
//! for.

use turbojpeg::{
    Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp, YuvImage,
    yuv_pixels_len,
};

use super::read::{self, Detail, Left, ScanData};
use super::walk::{Markers, walk};
use crate::formats::{Decoded, check_size, orientation_of};
use crate::raster::axis::Axis;
use crate::raster::picture::{Channels, Picture};
use crate::raster::plane::Plane;
use crate::raster::planes::Planes;
use crate::{Limits, RenderError};
use image::metadata::Orientation;

/// Scans of a progressive file. Encoders write about ten; each scan costs a pass over all coefficients.
const SCANS_MAX: u32 = 100;
/// How many times less than the usual oversampling is enough where a sample is the mean of a block: that is an exact
/// shrinking by eight.
const MEANS_OVERSAMPLING: f64 = 4.0 / 3.0;
/// A larger buffer is given back after its original.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// libjpeg's state, and the memory that files are read and planes are drawn in, kept from one file to the next.
#[derive(Default)]
pub(crate) struct JpegDecoder {
    decompressor: Option<Decompressor>,
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
            let is_cut = matches!(error, RenderError::Truncated(_));
            let announced = if is_cut { decompressor.read_header(file).ok() } else { None };
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
        let left = match self.drawn(reduction, (&mut decoder.data, &mut decoder.planes)) {
            Ok(axes) => return Ok(split(&decoder.planes, &axes)),
            Err(left) => left,
        };
        let (factor, header) = self.scaled(reduction);
        decoder.decompressor()?.set_scaling_factor(factor).map_err(|error| failed(&error))?;
        let length = yuv_pixels_len(header.width, 1, header.height, header.subsamp);
        // Nothing of the last picture may be left where libjpeg draws nothing.
        decoder.planes.clear();
        decoder.planes.resize(length.map_err(|error| failed(&error))?, 0);

        let JpegDecoder { decompressor: Some(decompressor), planes, .. } = decoder else {
            unreachable!("the decompressor was made above");
        };
        let DecompressHeader { width, height, subsamp, .. } = header;
        let image = YuvImage { pixels: planes.as_mut_slice(), width, align: 1, height, subsamp };
        let axes = self.axes(&image, factor.denom());
        match (left, decompressor.decompress_to_yuv(self.file, image)) {
            // libjpeg tells the first of its warnings only: after a harmless one it may have seen the damage too.
            (Left::Damaged, Err(error)) => return Err(failed(&error)),
            (_, outcome) => check(outcome)?,
        }
        Ok(split(planes, &axes))
    }

    /// Draws the planes ourselves, where we can: a sequential file whole, or from each block's lowest coefficients, where
    /// that is enough of them. The rest of a progressive file need not be read then.
    fn drawn(
        &self,
        reduction: f64,
        memory: (&mut ScanData, &mut Vec<u8>),
    ) -> Result<Vec<(Axis, Axis)>, Left> {
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
            _ => return Err(Left::Unusual),
        };
        read::draw(self.markers.segments().ok_or(Left::Unusual)?, detail, self.size, memory)
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

/// libjpeg reports a warning as an error after it has decoded the whole picture; one about the header comes before, when
/// it is opened.
fn is_harmless(error: &turbojpeg::Error) -> bool {
    error.to_string().contains("extraneous bytes before marker")
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
mod tests;
