//! Owns blocks that are drawn coarsely: the few coefficients of a sequential file that one or four samples are made of, and
//! how. The others are stepped over.

use super::bits::Bits;
use super::frame::{Begun, Component, Detail, Frame, Quantisers};
use super::huffman::{Huffman, Number, Strides, Way};
use crate::jpeg::dct::PLACES;
use crate::jpeg::spot::Spot;

/// The coefficients that are kept of a block, by their places in the zigzag: the mean, the first across and the first down.
/// The first of both would be worth less than a hundredth of a decibel to a thumbnail, and some of its time.
const KEPT: usize = 3;

/// The planes that are drawn on.
pub(super) struct Sketch<'s>(Vec<Plane<'s>>);

struct Plane<'s> {
    samples: &'s mut [u8],
    /// Samples in a row.
    width: usize,
    /// Blocks across and down.
    used: (usize, usize),
    detail: Detail,
    steps: [i32; KEPT],
}

/// AC codes, for those that are wanted and for those that are not.
pub(super) struct Ac {
    codes: Huffman,
    strides: Strides,
}

impl Ac {
    pub(super) fn new(codes: Huffman) -> Self {
        Self { strides: codes.strides(), codes }
    }

    /// Takes a block's coefficients, and returns those that are kept, but the mean. Most of them are found in one look, and
    /// those of no interest several at once.
    #[inline(always)]
    fn read(&self, detail: Detail, bits: &mut Bits<'_>) -> Option<[i16; KEPT]> {
        let mut place = 1;
        // The last is for what nobody looks at.
        let mut seen = [0; KEPT + 1];
        if detail == Detail::Quarters {
            // Two coefficients that are found in one look are fewer than 56 bits.
            bits.refill();
            while place < KEPT {
                let coefficient = self.codes.coefficient(bits)?;
                place += usize::from(coefficient.run);
                seen[place.min(KEPT)] = coefficient.level;
                place += 1;
            }
        }
        let [kept @ .., _] = seen;
        if place <= usize::from(Number::END) {
            self.step_over(bits, place)?;
        }
        Some(kept)
    }

    /// Steps over the rest of a block.
    #[inline(always)]
    fn step_over(&self, bits: &mut Bits<'_>, mut place: usize) -> Option<()> {
        loop {
            match self.strides.step_over(bits, place) {
                Way::Ended => return Some(()),
                Way::At(reached) => place = reached,
            }
            let coefficient = self.codes.coefficient(bits)?;
            place += usize::from(coefficient.run) + 1;
            if coefficient.run == Number::END || place == PLACES {
                return Some(());
            }
            // A run that leads out of the block is an error.
            if place > PLACES {
                return None;
            }
        }
    }
}

impl<'s> Sketch<'s> {
    pub(super) fn new(frame: &Frame, quantisers: &Quantisers, samples: &'s mut [u8]) -> Option<Self> {
        let plane = |(component, samples): (&Component, &'s mut [u8])| {
            let Component { drawn, used, detail, .. } = *component;
            Some(Plane { samples, width: drawn.0, used, detail, steps: steps(component, quantisers)? })
        };
        Some(Self(frame.components.iter().zip(frame.planes(samples)).map(plane).collect::<Option<_>>()?))
    }

    /// Takes the AC coefficients of a block, and draws it. `None` at what is no coefficient.
    #[inline(always)]
    pub(super) fn add(&mut self, begun: Begun, ac: &Ac, bits: &mut Bits<'_>) -> Option<()> {
        let Begun { component, spot: Spot { column, row }, mean } = begun;
        let plane = &mut self.0[component];
        let mut block = ac.read(plane.detail, bits)?;
        block[0] = mean;
        if column >= plane.used.0 || row >= plane.used.1 {
            return Some(());
        }
        if plane.detail == Detail::Mean {
            plane.samples[row * plane.width + column] = sample(i32::from(mean) * plane.steps[0]);
            return Some(());
        }
        let value = |index: usize| i32::from(block[index]).wrapping_mul(plane.steps[index]);
        let (mean, across, down) = (value(0), value(1), value(2));
        let pair = |level: i32| [sample(level.wrapping_add(across)), sample(level.wrapping_sub(across))];
        let above = 2 * (row * plane.width + column);
        let below = above + plane.width;
        plane.samples[above..above + 2].copy_from_slice(&pair(mean.wrapping_add(down)));
        plane.samples[below..below + 2].copy_from_slice(&pair(mean.wrapping_sub(down)));
        Some(())
    }
}

/// Draws the means of a progressive file's component. `None` if bits are missing.
pub(super) fn draw_means(component: &Component, quantisers: &Quantisers, samples: &mut [u8]) -> Option<()> {
    let [step, ..] = steps(component, quantisers)?;
    let rows =
        component.means.chunks_exact(component.stride).zip(samples.chunks_exact_mut(component.drawn.0));
    for (means, samples) in rows {
        means.iter().zip(samples).for_each(|(&mean, drawn)| *drawn = sample(i32::from(mean) * step));
    }
    (component.missing_bits == Some(0)).then_some(())
}

/// The steps of the kept coefficients.
fn steps(component: &Component, quantisers: &Quantisers) -> Option<[i32; KEPT]> {
    let [mean, across, down, ..] = component.steps(quantisers)?;
    let steps = [mean, across, down].map(|&step| i32::from(step));
    // With more, no picture of eight bits would need them, and the sums would not fit.
    steps.iter().all(|&step| step <= STEP_MAX).then_some(steps)
}

/// Three times this and the largest coefficient are still less than an `i32` holds.
const STEP_MAX: i32 = 8191;

/// An eighth of the sum of the lowest terms of the inverse transform, which has its zero at 128.
#[inline(always)]
fn sample(sum: i32) -> u8 {
    let level = (sum.wrapping_add(4) >> 3).wrapping_add(128);
    level.clamp(0, 255) as u8
}
