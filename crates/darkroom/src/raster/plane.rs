//! Owns one channel of a picture on its own grid of samples, and its resampling onto another grid. Knows nothing about
//! files, and nothing about what the samples mean.

use std::ops::Range;

use enlarger::{Pixel, Target, View};
use fast_image_resize::Resizer;

use crate::RenderError;
use crate::raster::axis::{Axis, Cut, Span, cuts};
use crate::raster::lanczos;
use crate::raster::transpose::{Rows, transpose};
use crate::raster::turn::Turn;

/// Samples row by row, without padding between rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane<B> {
    pub(crate) across: Axis,
    pub(crate) down: Axis,
    pub(crate) bytes: B,
}

impl<B: AsRef<[u8]>> Plane<B> {
    pub(crate) fn width(&self) -> usize {
        self.across.samples as usize
    }

    pub(crate) fn height(&self) -> usize {
        self.down.samples as usize
    }

    pub(crate) fn samples(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// What resampling wants: which part of the source on which grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) spans: [Span; 2],
    pub(crate) across: Axis,
    pub(crate) down: Axis,
}

/// The resizer and the memory it works in, kept from one picture to the next.
#[derive(Default)]
pub(crate) struct Scaler {
    resizer: Resizer,
    spare: Vec<Vec<u8>>,
}

/// Buffers that are kept: the planes of two pictures.
const SPARE_MAX: usize = 6;
/// What is resampled before it is turned: about what the second cache holds. With less, more time goes into working out
/// the filter again for each strip.
const STRIP_BYTES: usize = 2 << 20;
/// Larger ones are given back: one huge picture must not make a worker huge for good.
const SPARE_BYTES_MAX: usize = 32 << 20;

impl Scaler {
    /// A buffer of `length` bytes with anything in it.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let smallest = |size: fn(&Vec<u8>) -> usize| {
            let fitting = self.spare.iter().enumerate().filter(|(_, bytes)| size(bytes) >= length);
            fitting.min_by_key(|(_, bytes)| size(bytes)).map(|(index, _)| index)
        };
        // One that was as long the last time need not be filled up.
        let fitting = smallest(Vec::len).or_else(|| smallest(Vec::capacity));
        let mut bytes = fitting.map(|index| self.spare.swap_remove(index)).unwrap_or_default();
        bytes.resize(length, 0);
        bytes
    }

    /// Takes a buffer back for the next picture.
    pub(crate) fn give_back(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARE_MAX && bytes.capacity() <= SPARE_BYTES_MAX {
            self.spare.push(bytes);
        }
    }

    /// Gives back what only a huge picture needed.
    pub(crate) fn tidy(&mut self) {
        if self.resizer.size_of_internal_buffers() > SPARE_BYTES_MAX {
            self.resizer.reset_internal_buffers();
        }
    }

    pub(crate) fn resizer(&mut self) -> &mut Resizer {
        &mut self.resizer
    }

    /// Resamples with a Lanczos filter.
    pub(crate) fn resample(
        &mut self,
        source: &Plane<impl AsRef<[u8]>>,
        wanted: &Wanted,
    ) -> Result<Plane<Vec<u8>>, RenderError> {
        let across = cuts(source.across, wanted.spans[0], wanted.across);
        let down = cuts(source.down, wanted.spans[1], wanted.down);
        let bytes = match (&across[..], &down[..]) {
            ([across], [down]) => self.cut_out(source, across, down)?,
            _ => self.joined(source, &across, &down)?,
        };
        Ok(Plane { across: wanted.across, down: wanted.down, bytes })
    }

    /// Puts together what is cut out piece by piece.
    fn joined(
        &mut self,
        source: &Plane<impl AsRef<[u8]>>,
        across: &[Cut],
        down: &[Cut],
    ) -> Result<Vec<u8>, RenderError> {
        let samples = |cuts: &[Cut]| cuts.iter().map(|cut| cut.samples as usize).sum::<usize>();
        let (width, height) = (samples(across), samples(down));
        let mut bytes = self.take(width * height);
        let mut top = 0;
        for down in down {
            let rows = &mut bytes[top * width..][..down.samples as usize * width];
            let mut left = 0;
            for across in across {
                let columns = across.samples as usize;
                let piece = self.cut_out(source, across, down)?;
                for (row, part) in rows.chunks_exact_mut(width).zip(piece.chunks_exact(columns)) {
                    row[left..left + columns].copy_from_slice(part);
                }
                self.give_back(piece);
                left += columns;
            }
            top += down.samples as usize;
        }
        Ok(bytes)
    }

    /// Both passes of the filter go down columns, between turning rows into columns and back: the resizer is much
    /// slower across rows of single bytes.
    fn cut_out(
        &mut self,
        source: &Plane<impl AsRef<[u8]>>,
        across: &Cut,
        down: &Cut,
    ) -> Result<Vec<u8>, RenderError> {
        let whole = Rows { bytes: source.samples(), pitch: source.width() };
        let columns = self.squeeze_and_turn(whole, across.reach.clone(), down)?;
        let turned = Rows { bytes: &columns[..], pitch: down.samples as usize };
        let rows = self.squeeze_and_turn(turned, 0..down.samples, &across.within_reach())?;
        self.give_back(columns);
        Ok(rows)
    }

    /// Resamples down some columns of a picture, and makes rows of the columns: a strip after the other, so that what is
    /// turned is still near.
    fn squeeze_and_turn(
        &mut self,
        source: Rows<&[u8]>,
        columns: Range<u32>,
        cut: &Cut,
    ) -> Result<Vec<u8>, RenderError> {
        let height = cut.samples as usize;
        let mut turned = self.take(columns.len() * height);
        let step = (STRIP_BYTES / height).next_multiple_of(64);
        for (rows, first) in turned.chunks_mut(step * height).zip(columns.step_by(step)) {
            let width = rows.len() / height;
            let last = first + u32::try_from(width).map_err(RenderError::corrupt)?;
            let strip = self.squeeze(source, first..last, cut)?;
            transpose::<1>(&strip, width, Turn::TRANSPOSED, rows);
            self.give_back(strip);
        }
        Ok(turned)
    }

    /// Resamples down some columns of a picture.
    fn squeeze(
        &mut self,
        source: Rows<&[u8]>,
        columns: Range<u32>,
        cut: &Cut,
    ) -> Result<Vec<u8>, RenderError> {
        let side = |pixels: usize| u32::try_from(pixels).map_err(RenderError::corrupt);
        let (width, rows) = (side(columns.len())?, side(cut.reach.len())?);
        let from = [columns.start, cut.reach.start];
        let pitch = side(source.pitch)?;
        let source = View { bytes: source.bytes, pixel: Pixel::One, width: pitch, from, size: [width, rows] };
        let mut bytes = self.take(columns.len() * cut.samples as usize);
        let target = Target { bytes: &mut bytes, size: [width, cut.samples] };
        let from = cut.within_reach().from;
        let options = lanczos::options().crop(0.0, from, f64::from(width), cut.length);
        enlarger::resample(source, target, &options, &mut self.resizer).map_err(RenderError::corrupt)?;
        Ok(bytes)
    }
}
