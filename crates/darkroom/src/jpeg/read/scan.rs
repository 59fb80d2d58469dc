//! Owns one scan: the order of its blocks, and what becomes of them.

use super::bits::{Bits, ScanData};
use super::coarse::{Ac, Sketch};
use super::frame::{Begun, Component, Detail, Frame};
use super::huffman::Huffman;
use super::pairs::Pairs;
use super::tables::{Class, Tables};
use super::whole::Canvas;
use crate::jpeg::dct::{PLACES, Row, Work, run};
use crate::jpeg::headers::{ScanHeader, ScanPart};
use crate::jpeg::spot::Spot;

/// A scan that is read.
pub(super) struct Scan<'h> {
    header: &'h ScanHeader,
}

/// The codes of a scan and the tables in force.
#[derive(Clone, Copy)]
pub(super) struct Coded<'a> {
    pub(super) data: &'a ScanData,
    pub(super) tables: &'a Tables<'a>,
}

/// A scan's component with its tables, and what carries over from one of its blocks to the next.
struct Part {
    component: usize,
    dc: Option<Huffman>,
    /// Where blocks are drawn coarsely.
    coarse: Option<Ac>,
    /// Where they are drawn whole.
    whole: Option<Pairs>,
    mean: i32,
}

impl<'h> Scan<'h> {
    /// `None` for a scan that no encoder makes.
    pub(super) fn of(header: &'h ScanHeader, frame: &Frame) -> Option<Self> {
        let (first, last) = header.band;
        let is_known = match (frame.is_progressive, first) {
            (false, _) => true,
            (true, 0) => last == 0,
            (true, _) => first <= last && last < PLACES && header.parts.len() == 1,
        };
        let steps = header.low < 14 && (header.high == 0 || header.high == header.low + 1);
        (is_known && steps).then_some(Self { header })
    }

    /// Whether the scan holds means.
    pub(super) fn is_wanted(&self) -> bool {
        self.header.band.0 == 0
    }

    /// Reads the scan's blocks: draws those of a sequential file, keeps the means of a progressive one.
    pub(super) fn decode(&self, coded: Coded<'_>, frame: &mut Frame, samples: &mut [u8]) -> Option<()> {
        self.note_bits(frame)?;
        let part = |part: &ScanPart| self.part(part, frame.components[part.component].detail, coded.tables);
        let mut parts: Vec<Part> = self.header.parts.iter().map(part).collect::<Option<_>>()?;
        if frame.is_progressive {
            return run(Keeping { scan: self.header, frame, parts: &mut parts, coded });
        }
        run(Drawing { frame, parts: &mut parts, coded, samples })
    }

    fn part(&self, part: &ScanPart, detail: Detail, tables: &Tables<'_>) -> Option<Part> {
        let with_dc = self.header.band.0 == 0 && self.header.high == 0;
        let with_ac = self.header.band.1 > 0;
        let dc = if with_dc { Some(tables.codes(Class::Dc, part.dc)?) } else { None };
        let ac = if with_ac { Some(tables.codes(Class::Ac, part.ac)?) } else { None };
        let (coarse, whole) = match detail {
            Detail::Whole => (None, ac.map(Pairs::new)),
            _ => (ac.map(Ac::new), None),
        };
        Some(Part { component: part.component, dc, coarse, whole, mean: 0 })
    }

    /// Notes how many bits are missing after this scan. `None` if the scan does not follow from those before.
    fn note_bits(&self, frame: &mut Frame) -> Option<()> {
        let ScanHeader { parts, high, low, .. } = self.header;
        for part in parts {
            let missing = &mut frame.components[part.component].missing_bits;
            if *missing != (*high > 0).then_some(*high) {
                return None;
            }
            *missing = Some(*low);
        }
        Some(())
    }
}

impl Part {
    /// Takes a mean: the difference from the one before.
    #[inline(always)]
    fn next_mean(&mut self, bits: &mut Bits<'_>) -> Option<i32> {
        self.mean = self.mean.wrapping_add(self.dc.as_ref()?.difference(bits)?);
        Some(self.mean)
    }
}

/// Draws the blocks of a sequential scan as they come.
struct Drawing<'a> {
    frame: &'a mut Frame,
    parts: &'a mut [Part],
    coded: Coded<'a>,
    samples: &'a mut [u8],
}

impl Work for Drawing<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<R: Row>(self) -> Option<()> {
        let quantisers = &self.coded.tables.quantisers;
        if self.frame.is_whole() {
            let mut canvas = Canvas::<R>::new(self.frame, quantisers, self.samples)?;
            blocks(self.frame, self.parts, self.coded, |_, part, spot, bits| {
                let mean = part.next_mean(bits)? as i16;
                canvas.add(Begun { component: part.component, spot, mean }, part.whole.as_ref()?, bits)
            })?;
            canvas.end();
            return Some(());
        }
        let mut sketch = Sketch::new(self.frame, quantisers, self.samples)?;
        blocks(self.frame, self.parts, self.coded, |_, part, spot, bits| {
            let mean = part.next_mean(bits)? as i16;
            sketch.add(Begun { component: part.component, spot, mean }, part.coarse.as_ref()?, bits)
        })
    }
}

/// Keeps what a scan of a progressive file says of the means. Newer processors only shift faster.
struct Keeping<'a> {
    scan: &'a ScanHeader,
    frame: &'a mut Frame,
    parts: &'a mut [Part],
    coded: Coded<'a>,
}

impl Work for Keeping<'_> {
    type Output = Option<()>;

    /// One loop for each kind of scan, so that the inner ones keep to the processor's registers.
    #[inline(always)]
    fn run<R: Row>(self) -> Option<()> {
        let Self { scan, frame, parts, coded } = self;
        if scan.high > 0 {
            return blocks(frame, parts, coded, |component, _, spot, bits| {
                *component.mean(spot) |= (bits.number(1) << scan.low) as i16;
                Some(())
            });
        }
        blocks(frame, parts, coded, |component, part, spot, bits| {
            // As libjpeg does: what is no 16-bit number is no picture either.
            *component.mean(spot) = (part.next_mean(bits)? << scan.low) as i16;
            Some(())
        })
    }
}

/// Calls `each` for the blocks of a scan in their order, with their places, and with 56 bits ready.
#[inline(always)]
fn blocks(
    frame: &mut Frame,
    parts: &mut [Part],
    coded: Coded<'_>,
    mut each: impl FnMut(&mut Component, &mut Part, Spot, &mut Bits<'_>) -> Option<()>,
) -> Option<()> {
    let Coded { data, tables } = coded;
    let alone = parts.len() == 1;
    let mcus = if alone { frame.components[parts[0].component].used } else { frame.mcus };
    let total = mcus.0 * mcus.1;
    let interval = if tables.restart_interval == 0 { total } else { tables.restart_interval };
    if data.intervals() != total.div_ceil(interval) {
        return None;
    }
    for index in 0..data.intervals() {
        let mut bits = data.interval(index)?;
        parts.iter_mut().for_each(|part| part.mean = 0);
        for mcu in index * interval..((index + 1) * interval).min(total) {
            let (x, y) = (mcu % mcus.0, mcu / mcus.0);
            for part in &mut *parts {
                let component = &mut frame.components[part.component];
                let (across, down) = if alone { (1, 1) } else { component.sampling };
                for row in y * down..(y + 1) * down {
                    for column in x * across..(x + 1) * across {
                        bits.refill();
                        each(component, part, Spot { column, row }, &mut bits)?;
                    }
                }
            }
        }
        if bits.is_overrun() {
            return None;
        }
    }
    Some(())
}
