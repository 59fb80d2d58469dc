//! Owns the frame of a JPEG: its components, how their blocks lie, and the means that the scans of a progressive one
//! complete bit by bit.

use crate::jpeg::dct::{PLACES, SIDE};
use crate::jpeg::markers::{SOF0, SOF2};

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
    id: u8,
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

/// What a frame header says.
pub(super) struct Frame {
    pub(super) is_progressive: bool,
    /// The largest sampling factors.
    pub(super) sampling: (usize, usize),
    pub(super) mcus: (usize, usize),
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// Reads the payload of SOF0, SOF1 or SOF2. `None` for what is not an everyday picture, or for more than the means of
    /// a progressive one. All components are drawn whole or none.
    pub(super) fn read(marker: u8, payload: &[u8], detail: [Detail; 3]) -> Option<Self> {
        let [8, h1, h0, w1, w0, count, parts @ ..] = payload else { return None };
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        let (parts, rest) = parts.as_chunks::<3>();
        let known = matches!(count, 1 | 3) && parts.len() == usize::from(*count) && rest.is_empty();
        let is_progressive = marker == SOF2;
        let is_readable = matches!(marker, SOF0..=SOF2) && !(is_progressive && detail != [Detail::Mean; 3]);
        if !known || width == 0 || height == 0 || !is_readable {
            return None;
        }
        let factors = |part: &[u8; 3]| (usize::from(part[1] >> 4), usize::from(part[1] & 15));
        let sampling = parts.iter().map(factors).fold((1, 1), |most, (h, v)| (most.0.max(h), most.1.max(v)));
        let mcus = (width.div_ceil(SIDE * sampling.0), height.div_ceil(SIDE * sampling.1));
        let component = |(part, detail): (&[u8; 3], Detail)| {
            let (h, v) = factors(part);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || sampling.0 % h != 0 || sampling.1 % v != 0 {
                return None;
            }
            let samples = |side: usize, factor: usize, most: usize| (side * factor).div_ceil(most);
            let samples = (samples(width, h, sampling.0), samples(height, v, sampling.1));
            let used = (samples.0.div_ceil(SIDE), samples.1.div_ceil(SIDE));
            let is_whole = detail == Detail::Whole;
            let stride = mcus.0 * h;
            Some(Component {
                id: part[0],
                sampling: (h, v),
                quantisers: part[2],
                detail,
                used,
                drawn: if is_whole { samples } else { (used.0 * detail.side(), used.1 * detail.side()) },
                stride,
                means: vec![0; if is_progressive { stride * mcus.1 * v } else { 0 }],
                missing_bits: None,
            })
        };
        let components: Option<Vec<_>> = parts.iter().zip(detail).map(component).collect();
        Some(Self { is_progressive, sampling, mcus, components: components? })
    }

    /// Whether blocks are drawn whole, as they come.
    pub(super) fn is_whole(&self) -> bool {
        self.components.iter().all(|component| component.detail == Detail::Whole)
    }

    pub(super) fn component(&self, id: u8) -> Option<usize> {
        self.components.iter().position(|component| component.id == id)
    }
}

impl Component {
    /// The mean of the block at column and row.
    #[inline(always)]
    pub(super) fn mean(&mut self, (column, row): (usize, usize)) -> &mut i16 {
        &mut self.means[row.wrapping_mul(self.stride).wrapping_add(column)]
    }

    /// The steps of its coefficients, in zigzag order.
    pub(super) fn steps<'q>(&self, quantisers: &'q Quantisers) -> Option<&'q [u16; PLACES]> {
        quantisers.get(usize::from(self.quantisers))?.as_ref()
    }
}
