//! Owns the frame of a JPEG: its components, their blocks, and the few coefficients of each block that are kept.

/// The coefficients that are kept of a block: the mean, the first across, the first down, and the first of both.
pub(super) type Block = [i16; 4];

/// One colour component.
pub(super) struct Component {
    id: u8,
    pub(super) sampling: (usize, usize),
    quantisers: u8,
    /// Whether more than the mean of a block is kept.
    pub(super) is_fine: bool,
    /// Blocks across and down that hold some of the picture.
    pub(super) used: (usize, usize),
    /// Blocks in a row of `blocks`: as many as whole MCUs have.
    pub(super) stride: usize,
    pub(super) blocks: Vec<Block>,
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
    /// a progressive one.
    pub(super) fn read(marker: u8, payload: &[u8], is_fine: [bool; 3]) -> Option<Self> {
        let [8, h1, h0, w1, w0, count, parts @ ..] = payload else { return None };
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        let (parts, rest) = parts.as_chunks::<3>();
        let known = matches!(count, 1 | 3) && parts.len() == usize::from(*count) && rest.is_empty();
        let is_progressive = marker == 0xc2;
        let is_readable = matches!(marker, 0xc0..=0xc2) && !(is_progressive && is_fine.contains(&true));
        if !known || width == 0 || height == 0 || !is_readable {
            return None;
        }
        let factors = |part: &[u8; 3]| (usize::from(part[1] >> 4), usize::from(part[1] & 15));
        let sampling = parts.iter().map(factors).fold((1, 1), |most, (h, v)| (most.0.max(h), most.1.max(v)));
        let mcus = (width.div_ceil(8 * sampling.0), height.div_ceil(8 * sampling.1));
        let component = |(part, is_fine): (&[u8; 3], bool)| {
            let (h, v) = factors(part);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) || sampling.0 % h != 0 || sampling.1 % v != 0 {
                return None;
            }
            let blocks = |side: usize, factor: usize, most: usize| (side * factor).div_ceil(most).div_ceil(8);
            let stride = mcus.0 * h;
            Some(Component {
                id: part[0],
                sampling: (h, v),
                quantisers: part[2],
                is_fine,
                used: (blocks(width, h, sampling.0), blocks(height, v, sampling.1)),
                stride,
                blocks: vec![[0; 4]; stride * mcus.1 * v],
                missing_bits: None,
            })
        };
        let components: Option<Vec<_>> = parts.iter().zip(is_fine).map(component).collect();
        Some(Self { is_progressive, sampling, mcus, components: components? })
    }

    pub(super) fn component(&self, id: u8) -> Option<usize> {
        self.components.iter().position(|component| component.id == id)
    }
}

impl Component {
    /// Samples for each block, on each side.
    pub(super) fn side(&self) -> usize {
        if self.is_fine { 2 } else { 1 }
    }

    /// Turns the kept coefficients into samples, row by row, behind what is in `samples`. `None` if bits are missing.
    pub(super) fn draw(&self, quantisers: &[Option<[u16; 4]>; 4], samples: &mut Vec<u8>) -> Option<()> {
        let quantisers = (*quantisers.get(usize::from(self.quantisers))?)?.map(i32::from);
        // With more, no picture of eight bits would need them, and the sums below would not fit.
        if self.missing_bits != Some(0) || quantisers.iter().any(|&step| step > QUANTISER_MAX) {
            return None;
        }
        let value = |block: &Block, index: usize| i32::from(block[index]) * quantisers[index];
        let side = self.side();
        let width = self.used.0 * side;
        let start = samples.len();
        samples.resize(start + width * self.used.1 * side, 0);
        let rows = self.blocks.chunks_exact(self.stride).take(self.used.1);
        for (row, drawn) in rows.zip(samples[start..].chunks_exact_mut(width * side)) {
            let row = &row[..self.used.0];
            if !self.is_fine {
                for (block, drawn) in row.iter().zip(drawn) {
                    *drawn = sample(value(block, 0));
                }
                continue;
            }
            let (above, below) = drawn.split_at_mut(width);
            let pairs = above.as_chunks_mut::<2>().0.iter_mut().zip(below.as_chunks_mut::<2>().0);
            for (block, (above, below)) in row.iter().zip(pairs) {
                let (mean, across) = (value(block, 0), value(block, 1));
                let (down, both) = (value(block, 2), value(block, 3));
                let (upper, lower) = (mean + down, mean - down);
                let (slope_above, slope_below) = (across + both, across - both);
                *above = [sample(upper + slope_above), sample(upper - slope_above)];
                *below = [sample(lower + slope_below), sample(lower - slope_below)];
            }
        }
        Some(())
    }
}

/// Four times this and the largest coefficient are still less than an `i32` holds.
const QUANTISER_MAX: i32 = 8191;

/// An eighth of the sum of the lowest terms of the inverse transform, which has its zero at 128.
fn sample(sum: i32) -> u8 {
    let level = ((sum + 4) >> 3) + 128;
    level.clamp(0, 255) as u8
}
