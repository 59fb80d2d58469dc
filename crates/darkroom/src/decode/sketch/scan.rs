//! Owns one scan: its header, the order of its blocks, and what its codes do to the kept coefficients.

use super::bits::{Bits, ScanData};
use super::frame::{Block, Component, Frame};
use super::huffman::{Huffman, Number, PLACES_MAX, Way};
use super::{PLACES, Tables};

const DC: usize = 0;
const AC: usize = 1;

/// Where the number at each place goes: to the kept ones, or to a fifth that nobody looks at.
const SLOTS: [usize; 128] = {
    let mut slots = [4; 128];
    let mut kept = 0;
    while kept < PLACES.len() {
        slots[PLACES[kept]] = kept;
        kept += 1;
    }
    slots
};

/// What a scan header says.
pub(super) struct Scan {
    /// Component, DC table, AC table.
    parts: Vec<(usize, u8, u8)>,
    /// Places in the zigzag, first and last.
    band: (usize, usize),
    /// Bits that earlier scans left for this one and later ones, and that this one leaves.
    high: u32,
    low: u32,
}

/// A scan's component with its tables, and what carries over from one of its blocks to the next.
struct Part {
    component: usize,
    is_fine: bool,
    dc: Option<Huffman>,
    ac: Option<Huffman>,
    mean: i32,
}

impl Scan {
    pub(super) fn read(payload: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = payload.split_first()?;
        let (parts, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let [first, last, bits] = *rest else { return None };
        let part = |&[id, tables]: &[u8; 2]| Some((frame.component(id)?, tables >> 4, tables & 15));
        let parts: Vec<_> = parts.as_chunks::<2>().0.iter().map(part).collect::<Option<_>>()?;
        let distinct = (1..parts.len()).all(|index| parts[..index].iter().all(|p| p.0 != parts[index].0));
        let scan = Self {
            parts,
            band: (usize::from(first), usize::from(last)),
            high: u32::from(bits >> 4),
            low: u32::from(bits & 15),
        };
        let known = match (frame.is_progressive, scan.band) {
            (false, band) => band == (0, 63) && bits == 0,
            (true, (0, last)) => last == 0,
            (true, (first, last)) => first <= last && last < 64 && scan.parts.len() == 1,
        };
        let steps = scan.low < 14 && (scan.high == 0 || scan.high == scan.low + 1);
        (known && steps && distinct && matches!(scan.parts.len(), 1..=3)).then_some(scan)
    }

    /// Whether the scan holds means.
    pub(super) fn is_wanted(&self) -> bool {
        self.band.0 == 0
    }

    pub(super) fn decode(&self, data: &ScanData, tables: &Tables<'_>, frame: &mut Frame) -> Option<()> {
        self.note_bits(frame)?;
        let mut parts: Vec<Part> = self
            .parts
            .iter()
            .map(|&(component, dc, ac)| {
                let is_fine = frame.components[component].is_fine;
                self.part((component, is_fine, dc, ac), tables)
            })
            .collect::<Option<_>>()?;
        let (parts, order) = (&mut parts[..], (data, tables.restart_interval));
        // One loop for each kind of scan, so that the inner ones keep to the processor's registers.
        match (self.band, self.high) {
            ((0, 0), 0) => {
                blocks(frame, parts, order, |block, part, bits| self.first_mean(block, part, bits))
            }
            ((0, 0), _) => blocks(frame, parts, order, |block, _, bits| {
                block[0] |= (bits.number(1) << self.low) as i16;
                Some(())
            }),
            _ => blocks(frame, parts, order, |block, part, bits| self.whole_block(block, part, bits)),
        }
    }

    fn part(&self, (component, is_fine, dc, ac): (usize, bool, u8, u8), tables: &Tables<'_>) -> Option<Part> {
        let with_dc = self.band.0 == 0 && self.high == 0;
        let with_ac = self.band.1 > 0;
        Some(Part {
            component,
            is_fine,
            dc: if with_dc { Some(tables.table(DC, dc)?) } else { None },
            ac: if with_ac { Some(tables.table(AC, ac)?) } else { None },
            mean: 0,
        })
    }

    /// Notes how many bits are missing after this scan. `None` if the scan does not follow from those before.
    fn note_bits(&self, frame: &mut Frame) -> Option<()> {
        for &(component, _, _) in &self.parts {
            let missing = &mut frame.components[component].missing_bits;
            if *missing != (self.high > 0).then_some(self.high) {
                return None;
            }
            *missing = Some(self.low);
        }
        Some(())
    }

    /// A block of a sequential file. Most of its numbers are found in one look, and those of no interest several at once.
    #[inline(always)]
    fn whole_block(&self, block: &mut Block, part: &mut Part, bits: &mut Bits<'_>) -> Option<()> {
        self.first_mean(block, part, bits)?;
        let ac = part.ac.as_ref()?;
        let mut place = 1;
        if part.is_fine {
            // Four coefficients that are found in one look are at most 48 bits.
            bits.refill();
            let mut seen = [0; 5];
            while place <= PLACES[3] {
                let coefficient = ac.coefficient(bits)?;
                place += usize::from(coefficient.run);
                seen[SLOTS[place & 127]] = coefficient.level;
                place += 1;
            }
            block[1..].copy_from_slice(&seen[1..4]);
            if place > usize::from(Number::END) {
                return Some(());
            }
        }
        loop {
            match ac.step_over(bits, place) {
                Way::Ended => return Some(()),
                Way::At(reached) => place = reached,
            }
            let coefficient = ac.coefficient(bits)?;
            place += usize::from(coefficient.run) + 1;
            if coefficient.run == Number::END || place == PLACES_MAX {
                return Some(());
            }
            // A run that leads out of the block is an error.
            if place > PLACES_MAX {
                return None;
            }
        }
    }

    #[inline(always)]
    fn first_mean(&self, block: &mut Block, part: &mut Part, bits: &mut Bits<'_>) -> Option<()> {
        part.mean = part.mean.wrapping_add(part.dc.as_ref()?.difference(bits)?);
        // As libjpeg does: what is no 16-bit number is no picture either.
        block[0] = (part.mean << self.low) as i16;
        Some(())
    }
}

/// Calls `each_block` for the blocks of a scan in their order, with 56 bits ready.
#[inline(always)]
fn blocks(
    frame: &mut Frame,
    parts: &mut [Part],
    (data, restart_interval): (&ScanData, usize),
    mut each_block: impl FnMut(&mut Block, &mut Part, &mut Bits<'_>) -> Option<()>,
) -> Option<()> {
    let alone = parts.len() == 1;
    let mcus = if alone { frame.components[parts[0].component].used } else { frame.mcus };
    let total = mcus.0 * mcus.1;
    let each = if restart_interval == 0 { total } else { restart_interval };
    if data.intervals() != total.div_ceil(each) {
        return None;
    }
    for interval in 0..data.intervals() {
        let mut bits = data.interval(interval)?;
        parts.iter_mut().for_each(|part| part.mean = 0);
        for mcu in interval * each..((interval + 1) * each).min(total) {
            let (x, y) = (mcu % mcus.0, mcu / mcus.0);
            for part in &mut *parts {
                let Component { blocks, stride, sampling, .. } = &mut frame.components[part.component];
                let (across, down) = if alone { (1, 1) } else { *sampling };
                for row in 0..down {
                    let start = (y * down + row) * *stride + x * across;
                    for block in &mut blocks[start..start + across] {
                        bits.refill();
                        each_block(block, part, &mut bits)?;
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
