//! Owns a picture in planes, as a JPEG stores it: luma on the pixels' grid, two chroma planes on a coarser one, or
//! luma alone. Between decoder and encoder no pixel is put together. Knows nothing about files.

use image::metadata::Orientation;

use crate::raster::axis::{Axis, Span};
use crate::raster::orient::turned;
use crate::raster::plane::{Plane, Scaler, Wanted};
use crate::raster::turn::Turn;
use crate::{Extent, RenderError};

/// Pixels for each chroma sample of a rendition, across and down: 4:2:0.
const CHROMA_STEP: u32 = 2;

/// One plane (grey) or three (Y, Cb, Cr), full range.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planes<B> {
    pub(crate) planes: Vec<Plane<B>>,
}

/// What a rendition is cut from, how large it gets, and how it is turned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The wanted part of the upright picture, across and down.
    pub(crate) spans: [Span; 2],
    /// Pixels of the upright rendition.
    pub(crate) size: Extent,
    pub(crate) orientation: Orientation,
}

impl<B: AsRef<[u8]>> Planes<B> {
    /// Makes the upright 4:2:0 picture of `shape`: shrinks first, for turning then touches the fewest samples.
    pub(crate) fn shaped(&self, shape: &Shape, scaler: &mut Scaler) -> Result<Planes<Vec<u8>>, RenderError> {
        let turn = Turn::of(shape.orientation);
        let mut planes = Vec::with_capacity(self.planes.len());
        for (index, plane) in self.planes.iter().enumerate() {
            let step = if index == 0 { 1 } else { CHROMA_STEP };
            let stored = scaler.resample(plane, &wanted(shape, turn, step))?;
            planes.push(upright(stored, turn, scaler));
        }
        Ok(Planes { planes })
    }
}

impl Planes<Vec<u8>> {
    pub(crate) fn give_back(self, scaler: &mut Scaler) {
        self.planes.into_iter().for_each(|plane| scaler.give_back(plane.bytes));
    }
}

/// The stored grid that becomes the upright one when it is turned.
fn wanted(shape: &Shape, turn: Turn, step: u32) -> Wanted {
    let [across, down] = shape.spans;
    let Extent { width, height } = shape.size;
    let upright = [(across, Axis::new(width, step)), (down, Axis::new(height, step))];
    let [across, down] = if turn.transposed { [upright[1], upright[0]] } else { upright };
    let stored = |(span, axis): (Span, Axis), reversed: bool| match reversed {
        true => (Span { from: 1.0 - span.to, to: 1.0 - span.from }, axis.reversed()),
        false => (span, axis),
    };
    let (across, down) = (stored(across, turn.from_right), stored(down, turn.from_bottom));
    Wanted { spans: [across.0, down.0], across: across.1, down: down.1 }
}

fn upright(stored: Plane<Vec<u8>>, turn: Turn, scaler: &mut Scaler) -> Plane<Vec<u8>> {
    if turn == Turn::NONE {
        return stored;
    }
    let mut bytes = scaler.take(stored.bytes.len());
    turned::<1>(turn, &stored.bytes, stored.width(), &mut bytes);
    let across = if turn.from_right { stored.across.reversed() } else { stored.across };
    let down = if turn.from_bottom { stored.down.reversed() } else { stored.down };
    scaler.give_back(stored.bytes);
    let (across, down) = if turn.transposed { (down, across) } else { (across, down) };
    Plane { across, down, bytes }
}
