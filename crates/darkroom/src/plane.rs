//! Owns one channel of a picture on its own grid of samples, and its resampling onto another grid. Grids differ by
//! more than their size: a subsampled channel of an odd picture ends in half a sample, a turned one begins with it.
//! Knows nothing about files, and nothing about what the samples mean.

use fast_image_resize::Resizer;
use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;

use crate::RenderError;
use crate::lanczos;
use crate::orient::Turn;
use crate::transpose::transpose;

/// Where a picture lies on the samples of one axis. A sample covers the space from its index to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// Samples in memory.
    pub(crate) samples: u32,
    /// Where the picture begins.
    pub(crate) start: f64,
    /// How many samples the picture covers.
    pub(crate) cover: f64,
}

impl Axis {
    /// `pixels` at one sample for every `step` of them, beginning with a whole sample.
    pub(crate) fn new(pixels: u32, step: u32) -> Self {
        Self { samples: pixels.div_ceil(step), start: 0.0, cover: f64::from(pixels) / f64::from(step) }
    }

    /// The same space seen from the other end.
    pub(crate) fn reversed(self) -> Self {
        Self { start: f64::from(self.samples) - self.start - self.cover, ..self }
    }

    /// The samples that hold some of the picture; those behind are an encoder's padding.
    fn used(self) -> u32 {
        // At most `samples`, so the cast keeps it whole.
        ((self.start + self.cover).ceil() as u32).clamp(1, self.samples)
    }
}

/// The part of a picture that is wanted on one axis, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Span {
    pub(crate) const WHOLE: Self = Self { from: 0.0, to: 1.0 };
}

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
/// Larger ones are given back: one huge picture must not make a worker huge for good.
const SPARE_BYTES_MAX: usize = 32 << 20;

impl Scaler {
    /// A buffer of `length` bytes with anything in it.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let fitting = (0..self.spare.len())
            .filter(|&index| self.spare[index].capacity() >= length)
            .min_by_key(|&index| self.spare[index].capacity());
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

    pub(crate) fn resizer(&mut self) -> &mut Resizer {
        &mut self.resizer
    }

    /// Resamples with a Lanczos filter.
    pub(crate) fn resample(
        &mut self,
        source: &Plane<impl AsRef<[u8]>>,
        wanted: &Wanted,
    ) -> Result<Plane<Vec<u8>>, RenderError> {
        let across = Cut::of(source.across, wanted.spans[0], wanted.across);
        let down = Cut::of(source.down, wanted.spans[1], wanted.down);
        if across.is_inside() && down.is_inside() {
            return self.cut_out(source, wanted, (across, down));
        }
        let extended = self.extended(source, across, down);
        let plane = self.cut_out(&extended, wanted, (across.extended(), down.extended()));
        self.give_back(extended.bytes);
        plane
    }

    /// Both passes of the filter go down columns, between turning rows into columns and back: the resizer is much
    /// slower across rows of single bytes.
    fn cut_out(
        &mut self,
        source: &Plane<impl AsRef<[u8]>>,
        wanted: &Wanted,
        (across, down): (Cut, Cut),
    ) -> Result<Plane<Vec<u8>>, RenderError> {
        let (width, height) = (wanted.across.samples as usize, wanted.down.samples as usize);
        let (columns, rows) = (across.used as usize, down.used as usize);
        let lower = self.squeeze((source.samples(), source.width()), (columns, rows), down, height)?;
        let mut bytes = self.turned(lower, columns);
        bytes = {
            let narrower = self.squeeze((&bytes, height), (height, columns), across, width)?;
            self.give_back(bytes);
            narrower
        };
        let bytes = self.turned(bytes, height);
        Ok(Plane { across: wanted.across, down: wanted.down, bytes })
    }

    /// Resamples down the columns of a picture of `columns` and `rows` in memory of the given `pitch`.
    fn squeeze(
        &mut self,
        (source, pitch): (&[u8], usize),
        (columns, rows): (usize, usize),
        cut: Cut,
        height: usize,
    ) -> Result<Vec<u8>, RenderError> {
        let side = |pixels: usize| u32::try_from(pixels).map_err(RenderError::corrupt);
        let (pitch_px, columns_px, rows_px) = (side(pitch)?, side(columns)?, side(rows)?);
        let whole = TypedImageRef::<U8>::from_buffer(pitch_px, side(source.len() / pitch)?, source);
        let whole = whole.map_err(RenderError::corrupt)?;
        let used = TypedCroppedImage::new(whole, 0, 0, columns_px, rows_px).map_err(RenderError::corrupt)?;
        let mut bytes = self.take(columns * height);
        let target = TypedImage::<U8>::from_buffer(columns_px, side(height)?, &mut bytes);
        let mut target = target.map_err(RenderError::corrupt)?;
        let options = lanczos::options().crop(0.0, cut.from, f64::from(columns_px), cut.length);
        // Typed, for the resizer would otherwise be compiled for every kind of pixel there is.
        self.resizer.resize_typed(&used, &mut target, &options).map_err(RenderError::corrupt)?;
        Ok(bytes)
    }

    fn turned(&mut self, bytes: Vec<u8>, width: usize) -> Vec<u8> {
        let mut turned = self.take(bytes.len());
        transpose::<1>(&bytes, width, Turn::TRANSPOSED, &mut turned);
        self.give_back(bytes);
        turned
    }

    /// Repeats the outermost samples as far as the cuts reach beyond them.
    fn extended(&mut self, source: &Plane<impl AsRef<[u8]>>, across: Cut, down: Cut) -> Plane<Vec<u8>> {
        let (width, height) = (across.extended().used as usize, down.extended().used as usize);
        let mut bytes = self.take(width * height);
        let (rows, columns) = (down.used as usize, across.used as usize);
        for (y, target) in bytes.chunks_exact_mut(width).enumerate() {
            let row = y.saturating_sub(down.before as usize).min(rows - 1);
            let row = &source.samples()[row * source.width()..][..columns];
            let (left, rest) = target.split_at_mut(across.before as usize);
            let (middle, right) = rest.split_at_mut(columns);
            left.fill(row[0]);
            middle.copy_from_slice(row);
            right.fill(row[columns - 1]);
        }
        let axis = |cut: Cut| Axis { samples: cut.extended().used, start: 0.0, cover: 0.0 };
        Plane { across: axis(across), down: axis(down), bytes }
    }
}

/// The source samples of one axis that a target grid asks for.
#[derive(Debug, Clone, Copy)]
struct Cut {
    from: f64,
    length: f64,
    used: u32,
    /// Samples missing at the beginning and at the end.
    before: u32,
    after: u32,
}

impl Cut {
    fn of(source: Axis, span: Span, target: Axis) -> Self {
        let covered = source.cover * (span.to - span.from);
        let pitch = covered / target.cover;
        let from = tidy(source.start + source.cover * span.from - target.start * pitch);
        let length = tidy(f64::from(target.samples) * pitch);
        let used = source.used();
        let after = (tidy(from + length) - f64::from(used)).ceil().max(0.0);
        // Casts of small whole numbers: a grid reaches at most one of its samples beyond the picture.
        Self { from, length, used, before: (-from).ceil().max(0.0) as u32, after: after as u32 }
    }

    fn is_inside(self) -> bool {
        self.before == 0 && self.after == 0
    }

    /// The same cut of the extended plane.
    fn extended(self) -> Self {
        let used = self.used + self.before + self.after;
        Self { from: self.from + f64::from(self.before), used, before: 0, after: 0, ..self }
    }
}

/// Takes away what floating point added to a whole number: the resizer compares exactly.
fn tidy(value: f64) -> f64 {
    if (value - value.round()).abs() < 1e-9 { value.round() } else { value }
}
