//! Owns what frame and scan headers say, of any kind of JPEG, and how many units that makes. Reads what is written and
//! judges only what no decoder could work with.

use super::dct::SIDE;
use super::markers::{SOF0, SOF2, SOF3, SOF9, SOF10};
use crate::{Extent, RenderError};

/// Which coefficients a scan holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// All of a block.
    Sequential,
    /// Some, of some bits: later scans complete them.
    Progressive,
    /// None: samples.
    Lossless,
}

/// One colour component of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComponentHeader {
    pub(super) id: u8,
    /// Units in an MCU, across and down: 1 to 4 each.
    pub(super) sampling: (usize, usize),
    /// Which table its coefficients are multiplied with.
    pub(super) quantisers: u8,
}

/// What a frame header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) coding: Coding,
    pub(super) is_arithmetic: bool,
    pub(super) size: Extent,
    pub(super) components: Vec<ComponentHeader>,
    /// The largest sampling factors.
    pub(super) sampling: (usize, usize),
}

impl FrameHeader {
    /// Reads the payload of any SOFn. Fails where no decoder of ours could go on.
    pub(super) fn read(marker: u8, payload: &[u8]) -> Result<Self, RenderError> {
        let (coding, is_arithmetic) = match marker {
            SOF0..SOF2 => (Coding::Sequential, false),
            SOF2 => (Coding::Progressive, false),
            SOF3 => (Coding::Lossless, false),
            SOF9 => (Coding::Sequential, true),
            SOF10 => (Coding::Progressive, true),
            _ => return Err(RenderError::unsupported("a hierarchical or lossless arithmetic JPEG")),
        };
        let [_precision, h1, h0, w1, w0, count, parts @ ..] = payload else {
            return Err(RenderError::corrupt("a frame header that is too short"));
        };
        let side = |high: &u8, low: &u8| u32::from(u16::from_be_bytes([*high, *low]));
        let (parts, rest) = parts.as_chunks::<3>();
        if parts.len() != usize::from(*count) || !rest.is_empty() {
            return Err(RenderError::corrupt("a frame header that contradicts its length"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(RenderError::unsupported(format!("a JPEG of {count} components")));
        }
        let components: Vec<_> = parts.iter().map(ComponentHeader::read).collect();
        let most = |most: (usize, usize), (h, v): (usize, usize)| (most.0.max(h), most.1.max(v));
        let sampling = components.iter().map(|component| component.sampling).fold((1, 1), most);
        let size = Extent::new(side(w1, w0), side(h1, h0));
        let frame = Self { coding, is_arithmetic, size, components, sampling };
        frame.check_sampling()?;
        Ok(frame)
    }

    fn check_sampling(&self) -> Result<(), RenderError> {
        for ComponentHeader { sampling: (h, v), .. } in &self.components {
            if !(1..=4).contains(h) || !(1..=4).contains(v) {
                return Err(RenderError::corrupt("a sampling factor that is none"));
            }
            if !self.sampling.0.is_multiple_of(*h) || !self.sampling.1.is_multiple_of(*v) {
                return Err(RenderError::unsupported("fractional sampling"));
            }
        }
        Ok(())
    }

    /// Samples of a component that are picture, across and down.
    pub(super) fn samples(&self, component: usize) -> (usize, usize) {
        let (h, v) = self.components[component].sampling;
        let samples = |side: u32, factor: usize, most: usize| (side as usize * factor).div_ceil(most);
        (samples(self.size.width, h, self.sampling.0), samples(self.size.height, v, self.sampling.1))
    }

    /// Units of a component that hold some of the picture, across and down: blocks, or samples of a lossless file.
    pub(super) fn used(&self, component: usize) -> (usize, usize) {
        let (width, height) = self.samples(component);
        (width.div_ceil(self.unit()), height.div_ceil(self.unit()))
    }

    /// MCUs of a scan of all components, across and down.
    pub(super) fn mcus(&self) -> (usize, usize) {
        let mcus = |side: u32, most: usize| (side as usize).div_ceil(self.unit() * most);
        (mcus(self.size.width, self.sampling.0), mcus(self.size.height, self.sampling.1))
    }

    /// MCUs of a scan, across and down: one component alone has no more of them than it has units.
    pub(super) fn mcus_of(&self, scan: &ScanHeader) -> (usize, usize) {
        match &scan.parts[..] {
            [alone] => self.used(alone.component),
            _ => self.mcus(),
        }
    }

    fn unit(&self) -> usize {
        if self.coding == Coding::Lossless { 1 } else { SIDE }
    }
}

impl ComponentHeader {
    fn read(&[id, sampling, quantisers]: &[u8; 3]) -> Self {
        Self { id, sampling: (usize::from(sampling >> 4), usize::from(sampling & 15)), quantisers }
    }
}

/// A component of a scan and the tables that its codes are read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScanPart {
    pub(super) component: usize,
    pub(super) dc: u8,
    pub(super) ac: u8,
}

/// What a scan header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanHeader {
    /// At least one, each of another component.
    pub(super) parts: Vec<ScanPart>,
    /// Places in the zigzag, first and last: all of them in a sequential file, whatever it says.
    pub(super) band: (usize, usize),
    /// Bits that earlier scans left for this one and later ones, and that this one leaves.
    pub(super) high: u32,
    pub(super) low: u32,
}

impl ScanHeader {
    /// Reads the payload of SOS; `None` where it contradicts itself or its frame.
    pub(super) fn read(payload: &[u8], frame: &FrameHeader) -> Option<Self> {
        let (&count, rest) = payload.split_first()?;
        let (pairs, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let [first, last, bits] = *rest else { return None };
        let mut parts: Vec<ScanPart> = Vec::new();
        for &[id, tables] in pairs.as_chunks::<2>().0 {
            // Some writers give all components one id: each is taken once, as libjpeg does.
            let is_free = |index: usize| parts.iter().all(|part| part.component != index);
            let component =
                (0..frame.components.len()).find(|&at| frame.components[at].id == id && is_free(at))?;
            parts.push(ScanPart { component, dc: tables >> 4, ac: tables & 15 });
        }
        let (band, high, low) = match frame.coding {
            // Writers that leave these empty or count one further mean what there is no alternative to.
            Coding::Sequential => ((0, 63), 0, 0),
            _ => ((usize::from(first), usize::from(last)), u32::from(bits >> 4), u32::from(bits & 15)),
        };
        (!parts.is_empty()).then_some(Self { parts, band, high, low })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 33 x 17 pixels, 4:2:0.
    const FRAME: [u8; 15] = [8, 0, 17, 0, 33, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];

    #[test]
    fn units_and_mcus_cover_the_picture() {
        let frame = FrameHeader::read(SOF0, &FRAME).unwrap();
        assert_eq!((frame.size, frame.mcus()), (Extent::new(33, 17), (3, 2)));
        assert_eq!((frame.used(0), frame.used(1)), ((5, 3), (3, 2)));
        let lossless = FrameHeader::read(SOF3, &FRAME).unwrap();
        assert_eq!((lossless.used(0), lossless.mcus()), ((33, 17), (17, 9)));
    }

    #[test]
    fn a_sequential_scan_holds_every_coefficient_whatever_it_says() {
        let frame = FrameHeader::read(SOF0, &FRAME).unwrap();
        for said in [[0, 63, 0], [0, 0, 0], [0, 64, 0]] {
            let payload = [&[3, 1, 0, 2, 0x11, 3, 0x11][..], &said].concat();
            let scan = ScanHeader::read(&payload, &frame).unwrap();
            assert_eq!((scan.band, scan.high, scan.low, scan.parts.len()), ((0, 63), 0, 0, 3));
        }
    }

    #[test]
    fn components_of_one_id_are_taken_in_their_order() {
        let mut same = FRAME;
        (same[9], same[12]) = (1, 1);
        let frame = FrameHeader::read(SOF0, &same).unwrap();
        let scan = ScanHeader::read(&[3, 1, 0, 1, 0x11, 1, 0x11, 0, 63, 0], &frame).unwrap();
        assert_eq!(scan.parts.iter().map(|part| part.component).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(ScanHeader::read(&[1, 7, 0, 0, 63, 0], &frame), None);
    }

    #[test]
    fn what_no_decoder_could_work_with_is_refused_by_name() {
        let reason =
            |marker, payload: &[u8]| FrameHeader::read(marker, payload).unwrap_err().reason().as_str();
        assert_eq!(reason(0xc5, &FRAME), "unsupported_format");
        assert_eq!(reason(SOF0, &FRAME[..14]), "corrupt");
        assert_eq!(reason(SOF0, &[8, 0, 1, 0, 1, 2, 1, 0x11, 0, 2, 0x11, 0]), "unsupported_format");
        assert_eq!(reason(SOF0, &[8, 0, 1, 0, 1, 1, 1, 0x50, 0]), "corrupt");
        assert_eq!(
            reason(SOF0, &[8, 0, 1, 0, 1, 3, 1, 0x31, 0, 2, 0x21, 0, 3, 0x11, 0]),
            "unsupported_format"
        );
    }
}
