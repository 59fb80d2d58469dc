//! Owns the question whether all codes of a file are there: reads every scan and draws nothing. libjpeg-turbo says that
//! something was odd and not whether a pixel was touched; stray bytes that no code needed touched none. Asked only then, for
//! it takes as long as decoding.

use std::ops::Range;

use super::bits::{Bits, ScanData};
use super::huffman::Huffman;
use super::tables::{Class, Tables};
use crate::jpeg::dct::PLACES;
use crate::jpeg::headers::{Coding, FrameHeader, ScanHeader};
use crate::jpeg::markers::{RST0, is_frame};
use crate::jpeg::walk::{End, Scan, Segment};

/// What became of a file's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Census {
    /// Each is there: every pixel is what its encoder meant. With the data of each scan, nothing in it but codes.
    Whole(Vec<Vec<u8>>),
    /// They end early, and before that all is well.
    Cut,
    Damaged,
    /// They cannot be counted: the file is arithmetic or lossless.
    Unknown,
}

/// Counts the codes of all scans. An arithmetic or lossless file is cut where it ends in one of its scans.
pub(in super::super) fn census(frame: &FrameHeader, segments: &[Segment<'_>]) -> Census {
    let last = segments.iter().filter_map(|segment| segment.scan.as_ref()).next_back();
    let Some(last) = last else { return Census::Damaged };
    if frame.is_arithmetic || frame.coding == Coding::Lossless {
        return if last.end == End::OfFile { Census::Cut } else { Census::Unknown };
    }
    let mut count = Count::new(frame);
    match (count.all(segments), count.worst) {
        (None, _) => Census::Damaged,
        (Some(()), Fill::Exact | Fill::Stray) => Census::Whole(count.tidied),
        // Where the codes of the last interval end early and nothing was odd before, the rest was cut off.
        (Some(()), Fill::Short) if last.end != End::Marker => Census::Cut,
        (Some(()), Fill::Short) => Census::Damaged,
    }
}

/// How the codes of an interval fill it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Exact,
    /// Bytes are left.
    Stray,
    /// Codes are missing.
    Short,
}

/// A count on its way through the scans.
struct Count<'f> {
    frame: &'f FrameHeader,
    /// For each block of each component the coefficients, a bit each in zigzag order, that are known not to be zero: a scan
    /// that refines them has a bit for each. Empty for a sequential file.
    present: Vec<Vec<u64>>,
    /// The worst of the intervals so far.
    worst: Fill,
    /// The data of each scan so far, as its codes alone would be written.
    tidied: Vec<Vec<u8>>,
}

impl<'f> Count<'f> {
    fn new(frame: &'f FrameHeader) -> Self {
        let blocks = |index: usize| {
            let (h, v) = frame.components[index].sampling;
            frame.mcus().0 * h * frame.mcus().1 * v
        };
        let present = match frame.coding {
            Coding::Progressive => (0..frame.components.len()).map(|index| vec![0; blocks(index)]).collect(),
            _ => Vec::new(),
        };
        Self { frame, present, worst: Fill::Exact, tidied: Vec::new() }
    }

    /// `None` where codes are none, missing before others, or missing behind stray bytes.
    fn all(&mut self, segments: &[Segment<'_>]) -> Option<()> {
        let mut tables = Tables::new(self.frame.coding);
        for segment in segments {
            match &segment.scan {
                Some(scan) => self.scan(scan, &tables)?,
                None if is_frame(segment.marker) => {}
                // What libjpeg cannot read it refuses.
                None => drop(tables.note_codes(segment)),
            }
        }
        Some(())
    }

    fn scan(&mut self, scan: &Scan<'_>, tables: &Tables<'_>) -> Option<()> {
        let mut reader = Reader::new(&scan.header, tables)?;
        let (across, down) = self.frame.mcus_of(&scan.header);
        let total = across * down;
        let interval = if tables.restart_interval == 0 { total } else { tables.restart_interval };
        let mut data = ScanData::default();
        data.read(scan.data, scan.intervals)?;
        let mut tidied = Vec::with_capacity(scan.data.len());
        for index in 0..data.intervals() {
            // What is missing before the last interval is a hole.
            (self.worst != Fill::Short).then_some(())?;
            let mcus = index * interval..((index + 1) * interval).min(total);
            let mut bits = data.interval(index)?;
            let fill = self.interval(mcus, &mut reader, &mut bits)?;
            if fill == Fill::Short && self.worst == Fill::Stray {
                return None;
            }
            if fill != Fill::Exact {
                self.worst = fill;
            }
            if index > 0 {
                tidied.extend_from_slice(&[0xff, RST0 + ((index - 1) % 8) as u8]);
            }
            bits.write_taken(&mut tidied);
        }
        // Where markers are missing and no codes, the markers are lost among the codes.
        (data.intervals() == scan.intervals || self.worst == Fill::Short).then_some(())?;
        self.tidied.push(tidied);
        Some(())
    }

    fn interval(&mut self, mcus: Range<usize>, reader: &mut Reader<'_>, bits: &mut Bits<'_>) -> Option<Fill> {
        reader.blocks_to_skip = 0;
        for mcu in mcus {
            let is_read = self.mcu(mcu, reader, bits).is_some();
            // Behind the end come zeros, and they may be no code.
            if bits.is_overrun() {
                return Some(Fill::Short);
            }
            is_read.then_some(())?;
        }
        Some(if bits.bytes_left() > 0 { Fill::Stray } else { Fill::Exact })
    }

    fn mcu(&mut self, mcu: usize, reader: &mut Reader<'_>, bits: &mut Bits<'_>) -> Option<()> {
        let header = reader.header;
        let mcus = self.frame.mcus_of(header);
        let (x, y) = (mcu % mcus.0, mcu / mcus.0);
        for (index, part) in header.parts.iter().enumerate() {
            let sampling = self.frame.components[part.component].sampling;
            let (across, down) = if header.parts.len() == 1 { (1, 1) } else { sampling };
            let stride = self.frame.mcus().0 * sampling.0;
            for row in y * down..(y + 1) * down {
                for column in x * across..(x + 1) * across {
                    let mut nowhere = 0;
                    let present = match self.present.get_mut(part.component) {
                        Some(blocks) => blocks.get_mut(row * stride + column)?,
                        None => &mut nowhere,
                    };
                    reader.block(index, present, bits)?;
                }
            }
        }
        Some(())
    }
}

/// What reads the blocks of one scan.
struct Reader<'h> {
    header: &'h ScanHeader,
    /// DC and AC codes of each part, where it has them.
    codes: Vec<[Option<Huffman>; 2]>,
    /// Blocks that one code has said to be without further coefficients.
    blocks_to_skip: u32,
}

impl<'h> Reader<'h> {
    fn new(header: &'h ScanHeader, tables: &Tables<'_>) -> Option<Self> {
        let has_dc = header.band.0 == 0 && header.high == 0;
        let has_ac = header.band.1 > 0;
        let mut codes = Vec::with_capacity(header.parts.len());
        for part in &header.parts {
            let dc = if has_dc { Some(tables.codes(Class::Dc, part.dc)?) } else { None };
            let ac = if has_ac { Some(tables.codes(Class::Ac, part.ac)?) } else { None };
            codes.push([dc, ac]);
        }
        Some(Self { header, codes, blocks_to_skip: 0 })
    }

    fn block(&mut self, part: usize, present: &mut u64, bits: &mut Bits<'_>) -> Option<()> {
        bits.refill();
        if self.header.band.0 == 0 {
            match &self.codes[part][0] {
                Some(codes) => difference(codes, bits)?,
                None => bits.skip(1),
            }
        }
        match (self.codes[part][1].is_some(), self.header.high) {
            (false, _) => Some(()),
            (true, 0) => self.coefficients(part, present, bits),
            (true, _) => self.refinement(part, present, bits),
        }
    }

    /// Steps over the coefficients of a block, and notes which there are.
    fn coefficients(&mut self, part: usize, present: &mut u64, bits: &mut Bits<'_>) -> Option<()> {
        if self.blocks_to_skip > 0 {
            self.blocks_to_skip -= 1;
            return Some(());
        }
        let codes = self.codes[part][1].as_ref()?;
        let (first, last) = self.header.band;
        let mut place = first.max(1);
        while place <= last {
            bits.refill();
            let symbol = codes.symbol(bits)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                // The end of this block; of a progressive file's as many more as the bits say.
                if first > 0 {
                    self.blocks_to_skip = (1u32 << run) - 1 + bits.number(u32::from(run));
                }
                break;
            }
            place += usize::from(run);
            if size > 0 && place < PLACES {
                *present |= 1 << place;
            }
            bits.skip(u32::from(size));
            place += 1;
        }
        Some(())
    }

    /// Steps over the bits that refine a block's coefficients, and over those that become some.
    fn refinement(&mut self, part: usize, present: &mut u64, bits: &mut Bits<'_>) -> Option<()> {
        let codes = self.codes[part][1].as_ref()?;
        let (mut place, last) = (self.header.band.0, self.header.band.1.min(PLACES - 1));
        while self.blocks_to_skip == 0 && place <= last {
            bits.refill();
            let symbol = codes.symbol(bits)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            match (size, run) {
                (0, 15) => {}
                (0, _) => {
                    self.blocks_to_skip = (1u32 << run) + bits.number(u32::from(run));
                    break;
                }
                (1, _) => bits.skip(1),
                // A coefficient begins with its highest bit alone.
                _ => return None,
            }
            place = refine(*present, place..last + 1, u32::from(run), bits);
            if size == 1 && place <= last {
                *present |= 1 << place;
            }
            place += 1;
        }
        if self.blocks_to_skip > 0 {
            refine(*present, place..last + 1, u32::MAX, bits);
            self.blocks_to_skip -= 1;
        }
        Some(())
    }
}

/// Steps over the bits that refine the coefficients at these places, up to the zero that follows so many others: returns its
/// place.
fn refine(present: u64, places: Range<usize>, mut zeros: u32, bits: &mut Bits<'_>) -> usize {
    for place in places.clone() {
        if present >> place & 1 == 1 {
            bits.refill();
            bits.skip(1);
        } else if zeros == 0 {
            return place;
        } else {
            zeros -= 1;
        }
    }
    places.end.max(places.start)
}

/// Steps over a mean.
fn difference(codes: &Huffman, bits: &mut Bits<'_>) -> Option<()> {
    let size = codes.symbol(bits)?;
    bits.skip(u32::from(size));
    Some(())
}
