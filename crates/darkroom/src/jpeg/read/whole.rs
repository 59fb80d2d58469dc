//! Owns the blocks of a sequential file that are drawn whole: all their coefficients, and where their samples go.

use super::bits::Bits;
use super::frame::{Component, Frame, Quantisers};
use super::pairs::{NO_STEPS, Pairs, Steps};
use crate::jpeg::dct::{Frequencies, Row, SIDE, from_steps, inverse, inverse_of_mean};

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
enum Extent {
    Nothing,
    Mean,
    Whole,
}

/// A block on its way.
struct Block {
    steps: Steps,
    extent: Extent,
    component: usize,
    /// Column and row.
    at: (usize, usize),
}

impl<'s, R: Row> Canvas<'s, R> {
    pub(super) fn new(frame: &Frame, quantisers: &Quantisers, samples: &'s mut [u8]) -> Option<Self> {
        let plane = |(component, samples): (&Component, &'s mut [u8])| {
            let factors = from_steps(component.steps(quantisers)?.map(f64::from));
            Some(Plane { samples, size: component.drawn, factors })
        };
        let planes = frame.components.iter().zip(frame.planes(samples)).map(plane).collect::<Option<_>>()?;
        let block = || Block { steps: NO_STEPS, extent: Extent::Nothing, component: 0, at: (0, 0) };
        Some(Self { planes, blocks: [block(), block()], last: 0 })
    }

    /// Takes the AC coefficients of a component's next block, and draws the block before it. `None` at what is no
    /// coefficient.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        mean: i16,
        (ac, bits): (&Pairs, &mut Bits<'_>),
        (component, at): (usize, (usize, usize)),
    ) -> Option<()> {
        let [one, other] = &mut self.blocks;
        let (next, last) = if self.last == 0 { (other, one) } else { (one, other) };
        next.steps = NO_STEPS;
        next.steps[0] = mean;
        let last_place = ac.read(bits, &mut next.steps)?;
        next.extent = if last_place == 0 { Extent::Mean } else { Extent::Whole };
        (next.component, next.at) = (component, at);
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
        let Plane { samples, size, factors } = &mut planes[self.component];
        let rows = match self.extent {
            Extent::Whole => inverse(steps, factors),
            Extent::Mean => inverse_of_mean(self.steps[0], factors),
            Extent::Nothing => return,
        };
        put(rows, (self.at.0 * SIDE, self.at.1 * SIDE), (samples, *size));
    }
}

/// Puts a block where it belongs, as far as there is a place for it.
#[inline(always)]
fn put(
    rows: [u64; SIDE],
    (left, top): (usize, usize),
    (samples, (width, height)): (&mut [u8], (usize, usize)),
) {
    if left >= width || top >= height {
        return;
    }
    for (row, eight) in samples[top * width..].chunks_exact_mut(width).zip(rows) {
        let row = &mut row[left..];
        match row.first_chunk_mut() {
            Some(place) => *place = eight.to_le_bytes(),
            None => row.copy_from_slice(&eight.to_le_bytes()[..row.len()]),
        }
    }
}
