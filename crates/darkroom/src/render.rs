//! Owns the order of the work: decode, shrink, convert colours, turn upright, then each rendition from the next
//! larger one. Decides which pictures stay in planes. Computes only: no clock, no files, no logging.

use crate::decode::{Decoded, Jpeg, JpegDecoder, decode};
use crate::encode::Encoder;
use crate::picture::Picture;
use crate::plan::least_reduction;
use crate::plane::{Scaler, Span};
use crate::planes::{Planes, Shape};
use crate::{
    Developed, Encoded, Format, Limits, RenderError, Rendition, SourceFormat, SourceInfo, colour, orient,
};
use image::metadata::Orientation;

/// Pixels that a decoder leaves for each pixel of a rendition, on each side: with fewer, its coarse shrinking shows.
const OVERSAMPLING: f64 = 2.0;

/// Makes renditions, one original after the other: codecs and buffers are kept between them, pixels are not looked at
/// again.
#[derive(Default)]
pub struct Darkroom {
    decoder: JpegDecoder,
    scaler: Scaler,
    encoder: Encoder,
}

/// Makes the renditions of one original: [`Darkroom::render`] without anything kept.
pub fn render(original: &[u8], plan: &[Rendition], limits: &Limits) -> Result<Developed, RenderError> {
    Darkroom::default().render(original, plan, limits)
}

impl Darkroom {
    /// Makes the renditions of `plan` from the bytes of an original.
    ///
    /// The same input gives the same bytes, whatever was rendered before. Renditions come in the plan's order, in
    /// sRGB, upright, without metadata: JPEG, or WebP where the original has at least one pixel that is not opaque.
    /// Fails when the original is wrong or beyond `limits`. A decoder that panics panics through: the
    /// [`worker`](crate::worker) is there for that.
    pub fn render(
        &mut self,
        original: &[u8],
        plan: &[Rendition],
        limits: &Limits,
    ) -> Result<Developed, RenderError> {
        let bytes = original.len() as u64;
        if bytes > limits.file_bytes_max {
            return Err(RenderError::FileTooLarge { bytes, max: limits.file_bytes_max });
        }
        match SourceFormat::detect(original) {
            Some(SourceFormat::Jpeg) => self.render_jpeg(original, plan, limits),
            Some(format) => self.render_pixels(format, decode(format, original, limits)?, plan),
            None => Err(RenderError::unsupported("not a JPEG, PNG, GIF or WebP by its first bytes")),
        }
    }

    fn render_jpeg(
        &mut self,
        original: &[u8],
        plan: &[Rendition],
        limits: &Limits,
    ) -> Result<Developed, RenderError> {
        let jpeg = Jpeg::open(original, limits, &mut self.decoder)?;
        let reduction = least_reduction(plan, jpeg.size) / OVERSAMPLING;
        if !stays_in_planes(&jpeg, limits) {
            let decoded = jpeg.pixels(reduction, limits, &mut self.decoder)?;
            return self.render_pixels(SourceFormat::Jpeg, decoded, plan);
        }
        let planes = jpeg.planes(reduction, &mut self.decoder)?;
        let source = source_of(SourceFormat::Jpeg, jpeg.size, jpeg.orientation());
        let mut made: Option<Planes<Vec<u8>>> = None;
        let mut renditions: Vec<Option<Encoded>> = vec![None; plan.len()];
        for index in largest_first(plan) {
            let size = plan[index].size_of(source.width, source.height);
            let (spans, upright) = ([Span::WHOLE; 2], Orientation::NoTransforms);
            let shaped = match &made {
                None => {
                    let shape = Shape { spans, size, orientation: jpeg.orientation() };
                    planes.shaped(&shape, &mut self.scaler)?
                }
                Some(larger) => {
                    larger.shaped(&Shape { spans, size, orientation: upright }, &mut self.scaler)?
                }
            };
            let bytes = self.encoder.encode_planes(&shaped, Format::Jpeg, plan[index].quality)?;
            renditions[index] = Some(encoded(&plan[index], Format::Jpeg, size, bytes));
            if let Some(larger) = made.replace(shaped) {
                larger.give_back(&mut self.scaler);
            }
        }
        if let Some(smallest) = made {
            smallest.give_back(&mut self.scaler);
        }
        Ok(Developed { source, renditions: renditions.into_iter().flatten().collect() })
    }

    fn render_pixels(
        &mut self,
        format: SourceFormat,
        decoded: Decoded,
        plan: &[Rendition],
    ) -> Result<Developed, RenderError> {
        let source = source_of(format, decoded.size, decoded.orientation);
        let order = largest_first(plan);
        let mut renditions: Vec<Option<Encoded>> = vec![None; plan.len()];
        if let Some(&largest) = order.first() {
            let mut picture = develop(decoded, &plan[largest], &mut self.scaler)?;
            for index in order {
                let size = plan[index].size_of(source.width, source.height);
                if size != (picture.width, picture.height) {
                    let smaller = picture.shrunk(size.0, size.1, &mut self.scaler)?;
                    self.scaler.give_back(std::mem::replace(&mut picture, smaller).bytes);
                }
                let (format, bytes) = self.encoder.encode(&picture, plan[index].quality)?;
                renditions[index] = Some(encoded(&plan[index], format, size, bytes));
            }
            self.scaler.give_back(picture.bytes);
        }
        Ok(Developed { source, renditions: renditions.into_iter().flatten().collect() })
    }
}

/// Whether a JPEG can become JPEGs plane by plane: it has such planes, and its colours need no conversion.
fn stays_in_planes(jpeg: &Jpeg<'_>, limits: &Limits) -> bool {
    let plain = |icc: Vec<u8>| colour::changes_nothing(jpeg.channels(), &icc);
    jpeg.has_planes() && jpeg.icc(limits).is_none_or(plain)
}

fn source_of(format: SourceFormat, stored: (u32, u32), orientation: Orientation) -> SourceInfo {
    let (width, height) = orient::upright_size(orientation, stored);
    SourceInfo { format, width, height }
}

fn largest_first(plan: &[Rendition]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..plan.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(plan[index].longer_side_px));
    order
}

/// Brings a decoded picture to the size of the largest rendition, upright and in sRGB. Shrinks first: turning and
/// converting then touch the fewest pixels.
fn develop(decoded: Decoded, largest: &Rendition, scaler: &mut Scaler) -> Result<Picture, RenderError> {
    let cover = decoded.cover();
    let Decoded { picture, size, orientation, icc, .. } = decoded;
    let mut picture = picture.without_opaque_alpha();
    let (width, height) = largest.size_of(size.0, size.1);
    if (width, height) != (picture.width, picture.height) {
        picture = picture.shrunk_from(cover, (width, height), scaler)?;
    }
    let picture = colour::to_srgb(picture, icc.as_deref());
    Ok(orient::upright(picture, orientation))
}

fn encoded(rendition: &Rendition, format: Format, (width, height): (u32, u32), bytes: Vec<u8>) -> Encoded {
    Encoded { name: rendition.name.clone(), format, width, height, bytes }
}

#[cfg(test)]
mod tests;
