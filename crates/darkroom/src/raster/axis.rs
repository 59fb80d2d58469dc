//! Owns where a picture lies on a row of samples, and which of them another row asks for. Rows differ by more than
//! their number of samples: a subsampled channel of an odd picture ends in half a sample, a turned one begins with it.
//! Such a sample is made of the half that is picture, as JPEG's encoders do: what lies behind the edge is nobody's.

use std::ops::Range;

use crate::raster::lanczos::LOBES;

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

/// Where a picture lies on a plane of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axes {
    pub(crate) across: Axis,
    pub(crate) down: Axis,
}

/// How many samples a picture covers across and down: its last column and row may hold less than one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cover {
    pub(crate) across: f64,
    pub(crate) down: f64,
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

/// Samples of a target and the part of the source that they are made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    /// Samples of the target.
    pub(crate) samples: u32,
    /// Where the part begins.
    pub(crate) from: f64,
    /// How long it is.
    pub(crate) length: f64,
    /// The samples of the source that the filter may look at.
    pub(crate) reach: Range<u32>,
}

/// Cuts the target into pieces whose samples cover the same length each, in order.
pub(crate) fn cuts(source: Axis, span: Span, target: Axis) -> Vec<Cut> {
    if span == Span::WHOLE && source == target {
        // Sample by sample: what is there is not made anew.
        let used = source.samples;
        return vec![Cut { samples: used, from: 0.0, length: f64::from(used), reach: 0..used }];
    }
    let (first, last) = (target.start, target.start + target.cover);
    let mut edges = vec![0, target.samples];
    let is_half = |edge: f64| tidy(edge).fract() > 0.0;
    if target.samples > 1 && is_half(first) {
        edges.insert(1, 1);
    }
    if target.samples > 1 && is_half(last) {
        edges.insert(edges.len() - 1, target.samples - 1);
    }
    // Both halves of a target of two samples begin and end at the same place.
    edges.dedup();
    let place = |edge: u32| {
        let covered = (f64::from(edge).clamp(first, last) - first) / target.cover;
        source.start + source.cover * (span.from + (span.to - span.from) * covered)
    };
    edges
        .windows(2)
        .map(|piece| Cut::new(source.used(), place(piece[0])..place(piece[1]), piece[1] - piece[0]))
        .collect()
}

impl Cut {
    fn new(used: u32, part: Range<f64>, samples: u32) -> Self {
        let (from, to) = (tidy(part.start).max(0.0), tidy(part.end).min(f64::from(used)));
        let length = to - from;
        let reach = LOBES * (length / f64::from(samples)).max(1.0) + 1.0;
        // Casts of whole numbers from 0 to `used`.
        let (low, high) = ((from - reach).floor().max(0.0) as u32, (to + reach).ceil() as u32);
        Self { samples, from, length, reach: low..high.min(used) }
    }

    /// The same cut of what is in its reach.
    pub(crate) fn within_reach(&self) -> Self {
        let reach = 0..self.reach.end - self.reach.start;
        Self { from: self.from - f64::from(self.reach.start), reach, ..*self }
    }
}

/// Takes away what floating point added to a whole number: the resizer compares exactly.
fn tidy(value: f64) -> f64 {
    if (value - value.round()).abs() < 1e-9 { value.round() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis() -> impl Strategy<Value = Axis> {
        (1u32..70, 1u32..=4, any::<bool>()).prop_map(|(pixels, step, is_reversed)| {
            let axis = Axis::new(pixels, step);
            if is_reversed { axis.reversed() } else { axis }
        })
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_whole_without_gap_or_overlap(source in axis(), target in axis()) {
            let cuts = cuts(source, Span::WHOLE, target);
            prop_assert_eq!(cuts.iter().map(|cut| cut.samples).sum::<u32>(), target.samples);
            if source != target {
                let sum: f64 = cuts.iter().map(|cut| cut.length).sum();
                prop_assert!((sum - source.cover).abs() < 1e-6, "{sum} of {}", source.cover);
                prop_assert!((cuts[0].from - source.start).abs() < 1e-6);
            }
            for pair in cuts.windows(2) {
                prop_assert!((pair[0].from + pair[0].length - pair[1].from).abs() < 1e-6);
            }
            for cut in &cuts {
                prop_assert!(f64::from(cut.reach.start) <= cut.from && cut.length > 0.0);
                prop_assert!(cut.from + cut.length <= f64::from(cut.reach.end));
            }
        }
    }

    #[test]
    fn the_last_sample_of_an_odd_picture_is_made_of_the_half_that_is_there() {
        let cuts = cuts(Axis::new(34, 1), Span::WHOLE, Axis::new(17, 2));
        assert_eq!(
            cuts.iter().map(|cut| (cut.samples, cut.from, cut.length)).collect::<Vec<_>>(),
            [(8, 0.0, 32.0), (1, 32.0, 2.0)]
        );
    }
}
