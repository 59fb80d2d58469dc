//! Owns the blocks of a sequential file that are drawn whole: all their coefficients, and where their samples go.

use super::bits::Bits;
use super::frame::{Begun, Component, Frame, Quantisers};
use super::pairs::{NO_STEPS, Pairs, Steps};
use crate::jpeg::dct::{Frequencies, Row, SIDE, from_steps, inverse, inverse_of_mean};
use crate::jpeg::spot::Spot;

/// The planes that are drawn on, and the last block that was read: it is drawn when the next one has been read, for the
/// processor waits where it reads what it has only just written in smaller parts.
pub(super) struct Canvas<'s, R> {
    planes: Vec<Plane<'s, R>>,
    blocks: [Block; 2],
    /// Which of the two is the last one.
    last: usize,
}

/// A component's samples and what its coefficients are multiplied with.
struct Plane<'s, R> {
    samples: &'s mut [u8],
    size: (usize, usize),
    factors: Frequencies<R>,
}

/// What there is of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Mean,
    Whole,
}

/// A block on its way.
struct Block {
    steps: Steps,
    content: Content,
    component: usize,
    spot: Spot,
}

impl<'s, R: Row> Canvas<'s, R> {
    pub(super) fn new(frame: &Frame, quantisers: &Quantisers, samples: &'s mut [u8]) -> Option<Self> {
        let plane = |(component, samples): (&Component, &'s mut [u8])| {
            let factors = from_steps(component.steps(quantisers)?.map(f64::from));
            Some(Plane { samples, size: component.drawn, factors })
        };
        let planes = frame.components.iter().zip(frame.planes(samples)).map(plane).collect::<Option<_>>()?;
        let spot = Spot { column: 0, row: 0 };
        let block = || Block { steps: NO_STEPS, content: Content::Nothing, component: 0, spot };
        Some(Self { planes, blocks: [block(), block()], last: 0 })
    }

    /// Takes the AC coefficients of a block, and draws the block before it. `None` at what is no coefficient.
    #[inline(always)]
    pub(super) fn add(&mut self, begun: Begun, ac: &Pairs, bits: &mut Bits<'_>) -> Option<()> {
        let [one, other] = &mut self.blocks;
        let (next, last) = if self.last == 0 { (other, one) } else { (one, other) };
        next.steps = NO_STEPS;
        next.steps[0] = begun.mean;
        let last_place = ac.read(bits, &mut next.steps)?;
        next.content = if last_place == 0 { Content::Mean } else { Content::Whole };
        (next.component, next.spot) = (begun.component, begun.spot);
        last.draw(&mut self.planes);
        self.last = 1 - self.last;
        Some(())
    }

    /// Draws the last block.
    pub(super) fn end(mut self) {
        self.blocks[self.last].draw(&mut self.planes);
    }
}

impl Block {
    #[inline(always)]
    fn draw<R: Row>(&self, planes: &mut [Plane<'_, R>]) {
        let steps = self.steps.as_chunks().0.first_chunk().expect("eight columns of eight");
        let plane = &mut planes[self.component];
        let rows = match self.content {
            Content::Whole => inverse(steps, &plane.factors),
            Content::Mean => inverse_of_mean(self.steps[0], &plane.factors),
            Content::Nothing => return,
        };
        plane.put(self.spot, rows);
    }
}

impl<R> Plane<'_, R> {
    /// Puts a block where it belongs, as far as there is a place for it.
    #[inline(always)]
    fn put(&mut self, spot: Spot, rows: [u64; SIDE]) {
        let (left, top, (width, height)) = (spot.left(), spot.top(), self.size);
        if left >= width || top >= height {
            return;
        }
        for (row, eight) in self.samples[top * width..].chunks_exact_mut(width).zip(rows) {
            let row = &mut row[left..];
            match row.first_chunk_mut() {
                Some(place) => *place = eight.to_le_bytes(),
                None => row.copy_from_slice(&eight.to_le_bytes()[..row.len()]),
            }
        }
    }
}
