//! Owns one scan: its header, the order of its blocks, and what becomes of them.

use super::Tables;
use super::bits::{Bits, ScanData};
use super::coarse::{Ac, Sketch};
use super::frame::{Component, Detail, Frame, Quantisers};
use super::huffman::Huffman;
use super::pairs::Pairs;
use super::whole::Canvas;
use crate::jpeg::dct::{Row, Work, run};

const DC: usize = 0;
const AC: usize = 1;

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
    dc: Option<Huffman>,
    /// Where blocks are drawn coarsely.
    coarse: Option<Ac>,
    /// Where they are drawn whole.
    whole: Option<Pairs>,
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

    /// Reads the scan's blocks: draws those of a sequential file, keeps the means of a progressive one.
    pub(super) fn decode(
        &self,
        (data, tables): (&ScanData, &Tables<'_>),
        frame: &mut Frame,
        samples: &mut [u8],
    ) -> Option<()> {
        self.note_bits(frame)?;
        let part = |&(component, dc, ac): &(usize, u8, u8)| {
            self.part((component, frame.components[component].detail), (dc, ac), tables)
        };
        let mut parts: Vec<Part> = self.parts.iter().map(part).collect::<Option<_>>()?;
        let order = (data, tables.restart_interval);
        if frame.is_progressive {
            return run(Keeping { scan: self, frame, parts: &mut parts, order });
        }
        run(Drawing { frame, parts: &mut parts, order, quantisers: &tables.quantisers, samples })
    }

    fn part(
        &self,
        (component, detail): (usize, Detail),
        (dc, ac): (u8, u8),
        tables: &Tables<'_>,
    ) -> Option<Part> {
        let with_dc = self.band.0 == 0 && self.high == 0;
        let with_ac = self.band.1 > 0;
        let dc = if with_dc { Some(tables.table(DC, dc)?) } else { None };
        let ac = if with_ac { Some(tables.table(AC, ac)?) } else { None };
        let (coarse, whole) = match detail {
            Detail::Whole => (None, ac.map(Pairs::new)),
            _ => (ac.map(Ac::new), None),
        };
        Some(Part { component, dc, coarse, whole, mean: 0 })
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
    order: (&'a ScanData, usize),
    quantisers: &'a Quantisers,
    samples: &'a mut [u8],
}

impl Work for Drawing<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<R: Row>(self) -> Option<()> {
        if self.frame.is_whole() {
            let mut canvas = Canvas::<R>::new(self.frame, self.quantisers, self.samples)?;
            blocks(self.frame, self.parts, self.order, |_, part, (at, bits)| {
                let mean = part.next_mean(bits)? as i16;
                canvas.add(mean, (part.whole.as_ref()?, bits), (part.component, at))
            })?;
            canvas.end();
            return Some(());
        }
        let mut sketch = Sketch::new(self.frame, self.quantisers, self.samples)?;
        blocks(self.frame, self.parts, self.order, |_, part, (at, bits)| {
            let mean = part.next_mean(bits)? as i16;
            sketch.add(mean, (part.coarse.as_ref()?, bits), (part.component, at))
        })
    }
}

/// Keeps what a scan of a progressive file says of the means. Newer processors only shift faster.
struct Keeping<'a> {
    scan: &'a Scan,
    frame: &'a mut Frame,
    parts: &'a mut [Part],
    order: (&'a ScanData, usize),
}

impl Work for Keeping<'_> {
    type Output = Option<()>;

    /// One loop for each kind of scan, so that the inner ones keep to the processor's registers.
    #[inline(always)]
    fn run<R: Row>(self) -> Option<()> {
        let Self { scan, frame, parts, order } = self;
        if scan.high > 0 {
            return blocks(frame, parts, order, |component, _, (at, bits)| {
                *component.mean(at) |= (bits.number(1) << scan.low) as i16;
                Some(())
            });
        }
        blocks(frame, parts, order, |component, part, (at, bits)| {
            // As libjpeg does: what is no 16-bit number is no picture either.
            *component.mean(at) = (part.next_mean(bits)? << scan.low) as i16;
            Some(())
        })
    }
}

/// Calls `each` for the blocks of a scan in their order, with their columns and rows, and with 56 bits ready.
#[inline(always)]
fn blocks(
    frame: &mut Frame,
    parts: &mut [Part],
    (data, restart_interval): (&ScanData, usize),
    mut each: impl FnMut(&mut Component, &mut Part, ((usize, usize), &mut Bits<'_>)) -> Option<()>,
) -> Option<()> {
    let alone = parts.len() == 1;
    let mcus = if alone { frame.components[parts[0].component].used } else { frame.mcus };
    let total = mcus.0 * mcus.1;
    let interval = if restart_interval == 0 { total } else { restart_interval };
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
                        each(component, part, ((column, row), &mut bits))?;
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
