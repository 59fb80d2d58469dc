//! Owns a picture on its way out of a JPEG: its components, how their blocks lie, and the means that the scans of a progressive one
//! complete bit by bit.

use crate::jpeg::dct::{PLACES, SIDE};
use crate::jpeg::headers::{Coding, ComponentHeader, FrameHeader};
use crate::jpeg::spot::Spot;

/// The steps of each table that a file has, in zigzag order.
pub(super) type Quantisers = [Option<[u16; PLACES]>; 4];

/// How many samples are drawn of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Detail {
    /// One: the mean.
    Mean,
    /// Four.
    Quarters,
    /// All 64.
    Whole,
}

impl Detail {
    /// Samples for each block, on each side.
    pub(super) fn side(self) -> usize {
        match self {
            Self::Mean => 1,
            Self::Quarters => 2,
            Self::Whole => SIDE,
        }
    }
}

/// One colour component.
pub(super) struct Component {
    pub(super) sampling: (usize, usize),
    quantisers: u8,
    pub(super) detail: Detail,
    /// Blocks across and down that hold some of the picture.
    pub(super) used: (usize, usize),
    /// Samples that are drawn, across and down. Of a whole drawing what an encoder has filled its last blocks with is none.
    pub(super) drawn: (usize, usize),
    /// Blocks in a row of `means`: as many as whole MCUs have.
    pub(super) stride: usize,
    /// Of a sequential file none: its blocks are drawn as they come.
    pub(super) means: Vec<i16>,
    /// How many of the means' lowest bits are still missing; `None` before the first scan.
    pub(super) missing_bits: Option<u32>,
}

/// A block of a component of which the mean has been read.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub(super) component: usize,
    pub(super) spot: Spot,
    pub(super) mean: i16,
}

/// A picture that is being drawn.
pub(super) struct Frame {
    pub(super) is_progressive: bool,
    /// The largest sampling factors.
    pub(super) sampling: (usize, usize),
    pub(super) mcus: (usize, usize),
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// Prepares to draw a Huffman-coded picture. `None` for what is not an everyday one, or for more than the means of a
    /// progressive one. All components are drawn whole or none.
    pub(super) fn of(header: &FrameHeader, detail: [Detail; 3]) -> Option<Self> {
        let is_progressive = header.coding == Coding::Progressive;
        let is_readable =
            header.coding == Coding::Sequential || (is_progressive && detail == [Detail::Mean; 3]);
        if header.is_arithmetic || header.components.len() > detail.len() || !is_readable {
            return None;
        }
        let mcus = header.mcus();
        let component = |(index, detail): (usize, Detail)| {
            let ComponentHeader { sampling: (h, v), quantisers, .. } = header.components[index];
            let used = header.used(index);
            let whole = header.samples(index);
            let stride = mcus.0 * h;
            Component {
                sampling: (h, v),
                quantisers,
                detail,
                used,
                drawn: match detail {
                    Detail::Whole => whole,
                    _ => (used.0 * detail.side(), used.1 * detail.side()),
                },
                stride,
                means: vec![0; if is_progressive { stride * mcus.1 * v } else { 0 }],
                missing_bits: None,
            }
        };
        let components = (0..header.components.len()).zip(detail).map(component).collect();
        Some(Self { is_progressive, sampling: header.sampling, mcus, components })
    }

    /// Each component's part of the samples of all.
    pub(super) fn planes<'s>(&self, mut samples: &'s mut [u8]) -> Vec<&'s mut [u8]> {
        let plane = |component: &Component| {
            let (plane, rest) = std::mem::take(&mut samples).split_at_mut(component.samples());
            samples = rest;
            plane
        };
        self.components.iter().map(plane).collect()
    }

    /// Whether blocks are drawn whole, as they come.
    pub(super) fn is_whole(&self) -> bool {
        self.components.iter().all(|component| component.detail == Detail::Whole)
    }
}

impl Component {
    /// Samples that are drawn.
    pub(super) fn samples(&self) -> usize {
        self.drawn.0 * self.drawn.1
    }

    /// The mean of a block.
    #[inline(always)]
    pub(super) fn mean(&mut self, spot: Spot) -> &mut i16 {
        &mut self.means[spot.row.wrapping_mul(self.stride).wrapping_add(spot.column)]
    }

    /// The steps of its coefficients, in zigzag order.
    pub(super) fn steps<'q>(&self, quantisers: &'q Quantisers) -> Option<&'q [u16; PLACES]> {
        quantisers.get(usize::from(self.quantisers))?.as_ref()
    }
}
