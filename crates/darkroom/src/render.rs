//! Owns the order of the work: decode, shrink, convert colours, turn upright, then each rendition from the next
//! larger one. Decides which pictures stay in planes. Computes only: no clock, no files, no logging.

use image::metadata::Orientation;

use crate::finish::{Original, finish};
use crate::formats::encode::Encoder;
use crate::formats::{Decoded, decode, rights_of};
use crate::jpeg::{Jpeg, JpegDecoder};
use crate::raster::axis::Span;
use crate::raster::picture::Picture;
use crate::raster::plane::Scaler;
use crate::raster::planes::{Planes, Shape};
use crate::raster::{colour, orient};
use crate::rights::Rights;
use crate::{
    Alpha, Copyright, Developed, Encoded, Extent, Extras, Format, Frame, Limits, Plan, RenderError,
    Rendition, Size, SourceFormat, SourceInfo, extras,
};

/// Pixels that a decoder leaves for each pixel of a rendition, on each side: with fewer, its coarse shrinking shows.
const OVERSAMPLING: f64 = 2.0;

/// Makes renditions, one original after the other: codecs and buffers are kept between them, pixels are not looked at
/// again.
#[derive(Default)]
pub struct Darkroom {
    decoder: JpegDecoder,
    tools: Tools,
}

/// What works on a picture once it is decoded.
#[derive(Default)]
struct Tools {
    scaler: Scaler,
    encoder: Encoder,
}

/// Makes the renditions of one original: [`Darkroom::render`] without anything kept.
pub fn render(original: &[u8], plan: &Plan, limits: &Limits) -> Result<Developed, RenderError> {
    Darkroom::default().render(original, plan, limits)
}

impl Darkroom {
    /// Makes the renditions of `plan` from the bytes of an original.
    ///
    /// The same input gives the same bytes, whatever was rendered before. Renditions come in the plan's order, in
    /// sRGB, upright, without metadata but what the plan keeps. A rendition that a program makes of pixels is the
    /// [PAM file](crate::pam_header) that the program reads; one that a program makes of the original is refused. Fails when the original is wrong or beyond `limits`. A
    /// decoder that panics panics through: the [`worker`](crate::worker) is there for that.
    pub fn render(
        &mut self,
        original: &[u8],
        plan: &Plan,
        limits: &Limits,
    ) -> Result<Developed, RenderError> {
        let rendered = self.render_any(original, plan, limits);
        self.decoder.tidy();
        self.tools.scaler.tidy();
        self.tools.encoder.tidy();
        rendered
    }

    fn render_any(
        &mut self,
        original: &[u8],
        plan: &Plan,
        limits: &Limits,
    ) -> Result<Developed, RenderError> {
        let bytes = original.len() as u64;
        if bytes > limits.file_bytes_max {
            return Err(RenderError::FileTooLarge { bytes, max: limits.file_bytes_max });
        }
        match SourceFormat::detect(original) {
            Some(SourceFormat::Jpeg) => self.render_jpeg(original, plan, limits),
            Some(format) => {
                let decoded = decode(format, original, limits)?;
                let source = source_of(format, decoded.size, decoded.orientation);
                let original = Original { source, rights: kept_rights(original, format, plan, limits) };
                self.render_pixels(decoded, &original, plan)
            }
            None => Err(RenderError::unsupported("not a JPEG, PNG, GIF or WebP by its first bytes")),
        }
    }

    fn render_jpeg(&mut self, file: &[u8], plan: &Plan, limits: &Limits) -> Result<Developed, RenderError> {
        let jpeg = Jpeg::open(file, limits)?;
        let source = source_of(SourceFormat::Jpeg, jpeg.size, jpeg.orientation());
        let original = Original { source, rights: kept_rights(file, source.format, plan, limits) };
        if stays_in_planes(&jpeg, plan, limits) {
            return self.render_planes(&jpeg, &original, plan);
        }
        let decoded = jpeg.pixels(Steps::of(plan, source).reduction(source), limits)?;
        self.render_pixels(decoded, &original, plan)
    }

    fn render_planes(
        &mut self,
        jpeg: &Jpeg<'_>,
        original: &Original,
        plan: &Plan,
    ) -> Result<Developed, RenderError> {
        let source = original.source;
        let steps = Steps::of(plan, source);
        let planes = jpeg.planes(steps.reduction(source), &mut self.decoder)?;
        let mut made: Option<Planes<Vec<u8>>> = None;
        let mut renditions: Vec<Option<Encoded>> = vec![None; plan.renditions.len()];
        for index in steps.order {
            let rendition = &plan.renditions[index];
            let frame = rendition.size.frame(source.size());
            let whole = |orientation| Shape { spans: [Span::WHOLE; 2], size: frame.whole, orientation };
            let shaped = match &made {
                None => planes.shaped(&whole(jpeg.orientation()), &mut self.tools.scaler)?,
                Some(larger) => larger.shaped(&whole(Orientation::NoTransforms), &mut self.tools.scaler)?,
            };
            renditions[index] = Some(self.tools.finish_planes(&shaped, original, rendition)?);
            if let Some(larger) = made.replace(shaped) {
                larger.give_back(&mut self.tools.scaler);
            }
        }
        if let Some(smallest) = made {
            smallest.give_back(&mut self.tools.scaler);
        }
        let renditions = renditions.into_iter().flatten().collect();
        Ok(Developed { source, renditions, extras: Extras::default() })
    }

    /// Makes the renditions, the largest first, and takes the extras from the smallest picture that is large enough.
    fn render_pixels(
        &mut self,
        decoded: Decoded,
        original: &Original,
        plan: &Plan,
    ) -> Result<Developed, RenderError> {
        let Steps { wholes, order, small, largest } = Steps::of(plan, original.source);
        let mut picture = develop(decoded, largest, &mut self.tools.scaler)?;
        let mut extras = None;
        let mut renditions: Vec<Option<Encoded>> = vec![None; wholes.len()];
        for index in order {
            let whole = wholes[index];
            if whole.width < small.width && extras.is_none() {
                extras = Some(extras::of(&picture, plan, &mut self.tools.scaler)?);
            }
            if whole != picture.size {
                let smaller = picture.shrunk(whole, &mut self.tools.scaler)?;
                self.tools.scaler.give_back(std::mem::replace(&mut picture, smaller).bytes);
            }
            renditions[index] =
                Some(finish(&picture, original, &plan.renditions[index], &mut self.tools.encoder)?);
        }
        let extras = extras.map_or_else(|| extras::of(&picture, plan, &mut self.tools.scaler), Ok)?;
        self.tools.scaler.give_back(picture.bytes);
        let renditions = renditions.into_iter().flatten().collect();
        Ok(Developed { source: original.source, renditions, extras })
    }
}

impl Tools {
    /// Makes the file of one rendition from the planes of the whole picture at its scale.
    fn finish_planes(
        &mut self,
        whole: &Planes<Vec<u8>>,
        original: &Original,
        rendition: &Rendition,
    ) -> Result<Encoded, RenderError> {
        let frame = rendition.size.frame(original.source.size());
        let format = rendition.format.format(original.source.format, Alpha::Opaque);
        let size = frame.size;
        let bytes = if frame.is_whole() {
            self.encoder.encode_planes(whole, format, rendition.quality)?
        } else {
            let shape = Shape { spans: spans_of(&frame), size, orientation: Orientation::NoTransforms };
            let part = whole.shaped(&shape, &mut self.scaler)?;
            let bytes = self.encoder.encode_planes(&part, format, rendition.quality)?;
            part.give_back(&mut self.scaler);
            bytes
        };
        let bytes = original.signed(bytes, format, size);
        Ok(Encoded { name: rendition.name.clone(), format, width: size.width, height: size.height, bytes })
    }
}

/// The sizes that a picture goes through.
struct Steps {
    /// The whole picture at each rendition's scale, in the plan's order.
    wholes: Vec<Extent>,
    /// The renditions, the largest first.
    order: Vec<usize>,
    /// What the extras are taken from; one pixel where none are wanted.
    small: Extent,
    /// What everything can be made of.
    largest: Extent,
}

impl Steps {
    fn of(plan: &Plan, source: SourceInfo) -> Self {
        let whole = |size: Size| size.frame(source.size()).whole;
        let wholes: Vec<_> = plan.renditions.iter().map(|rendition| whole(rendition.size)).collect();
        let mut order: Vec<usize> = (0..wholes.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(wholes[index].pixels()));
        // Nothing but extras needs a picture larger than the largest rendition.
        let small =
            if extras::are_wanted(plan) { whole(Size::LongerSide(extras::SIDE_PX)) } else { Extent::PIXEL };
        let largest = order.first().map_or(small, |&index| wholes[index]).around(small);
        Self { wholes, order, small, largest }
    }

    /// How many times smaller than the upright source a decoder may draw it, so that enough is left for the filter.
    fn reduction(&self, source: SourceInfo) -> f64 {
        let times = |side: u32, of: u32| f64::from(side) / f64::from(of);
        times(source.width, self.largest.width).min(times(source.height, self.largest.height)) / OVERSAMPLING
    }
}

/// Whether a JPEG can become what is wanted plane by plane: it has such planes, its colours need no conversion, and
/// nothing wants to see pixels.
fn stays_in_planes(jpeg: &Jpeg<'_>, plan: &Plan, limits: &Limits) -> bool {
    let needs_pixels = |rendition: &Rendition| {
        let format = rendition.format.format(SourceFormat::Jpeg, Alpha::Opaque);
        rendition.sharpen.is_some() || rendition.program.is_some() || format == Format::Png
    };
    let plain = |icc: Vec<u8>| colour::changes_nothing(jpeg.channels(), &icc);
    !extras::are_wanted(plan)
        && !plan.renditions.iter().any(needs_pixels)
        && jpeg.has_planes()
        && jpeg.icc(limits).is_none_or(plain)
}

/// The part of the whole picture that a frame keeps.
fn spans_of(frame: &Frame) -> [Span; 2] {
    let span = |from: u32, length: u32, of: u32| Span {
        from: f64::from(from) / f64::from(of),
        to: f64::from(from + length) / f64::from(of),
    };
    let Frame { whole, left, top, size } = *frame;
    [span(left, size.width, whole.width), span(top, size.height, whole.height)]
}

fn kept_rights(file: &[u8], format: SourceFormat, plan: &Plan, limits: &Limits) -> Option<Rights> {
    (plan.copyright == Copyright::Keep).then(|| rights_of(file, format, limits)).flatten()
}

fn source_of(format: SourceFormat, stored: Extent, orientation: Orientation) -> SourceInfo {
    let Extent { width, height } = orient::upright_size(orientation, stored);
    SourceInfo { format, width, height }
}

/// Brings a decoded picture to the upright size `largest`, upright and in sRGB. Shrinks first: turning and converting
/// then touch the fewest pixels.
fn develop(decoded: Decoded, largest: Extent, scaler: &mut Scaler) -> Result<Picture, RenderError> {
    let cover = decoded.cover();
    let Decoded { picture, orientation, icc, .. } = decoded;
    let mut picture = picture.without_opaque_alpha();
    // Turning back is turning: only whether the sides change places counts.
    let size = orient::upright_size(orientation, largest);
    if size != picture.size {
        picture = picture.shrunk_from(cover, size, scaler)?;
    }
    let picture = colour::to_srgb(picture, icc.as_deref());
    Ok(orient::upright(picture, orientation))
}

#[cfg(test)]
mod tests;
