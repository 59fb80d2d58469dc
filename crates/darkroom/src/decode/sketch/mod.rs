//! Owns a coarse look at a JPEG: one or four samples for each block of 64, straight from the lowest coefficients. Of a
//! progressive file it reads the scans that hold the means and no other, for one sample; of a sequential one it steps over
//! the rest of each block. Judges no file: at anything unusual it gives up, and libjpeg has the word.

mod bits;
mod frame;
mod huffman;
mod scan;

use super::jpeg_markers::Segment;
use crate::axis::Axis;
use bits::ScanData;
use frame::Frame;
use huffman::Huffman;
use scan::Scan;

const SOF0: u8 = 0xc0;
const SOF2: u8 = 0xc2;
const DHT: u8 = 0xc4;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DRI: u8 = 0xdd;

/// Scans that are read at most: a real file has one for each component and bit of the mean.
const SCANS_MAX: u32 = 24;
/// The kept coefficients' places in the zigzag.
const PLACES: [usize; 4] = [0, 1, 2, 4];

/// The tables in force, as the segments before a scan left them.
#[derive(Default)]
struct Tables<'a> {
    quantisers: [Option<[u16; 4]>; 4],
    /// Counts and symbols: classes of four.
    huffman: [[Option<&'a [u8]>; 4]; 2],
    restart_interval: usize,
}

/// Draws the planes of a picture into `samples`, one after the other: luma with four samples a block if `is_fine` says
/// so, else with one, and so on. Returns the planes' axes. `None` if libjpeg should do it.
pub(super) fn draw(
    segments: &[Segment<'_>],
    is_fine: [bool; 3],
    size: (u32, u32),
    samples: &mut Vec<u8>,
) -> Option<Vec<(Axis, Axis)>> {
    let mut tables = Tables::default();
    let mut frame = None;
    let mut data = ScanData::default();
    let mut scans = 0;
    for segment in segments {
        match segment.marker {
            SOF0..=SOF2 if frame.is_none() => {
                frame = Some(Frame::read(segment.marker, segment.payload, is_fine)?);
            }
            SOS => {
                let frame = frame.as_mut()?;
                let scan = Scan::read(segment.payload, frame)?;
                if scan.is_wanted() {
                    scans += 1;
                    data.read(segment.data)?;
                    scan.decode(&data, &tables, frame)?;
                }
            }
            _ => tables.note(segment)?,
        }
        if scans > SCANS_MAX {
            return None;
        }
    }
    let frame = frame?;
    samples.clear();
    for component in &frame.components {
        component.draw(&tables.quantisers, samples)?;
    }
    Some(frame.components.iter().map(|component| axes(component, &frame, size)).collect())
}

fn axes(component: &frame::Component, frame: &Frame, size: (u32, u32)) -> (Axis, Axis) {
    let side = component.side();
    let axis = |used: usize, pixels: u32, factor: usize, most: usize| Axis {
        samples: u32::try_from(used * side).expect("a side is at most 65,535"),
        start: 0.0,
        cover: f64::from(pixels) * (factor * side) as f64 / (most * 8) as f64,
    };
    let (h, v) = component.sampling;
    (axis(component.used.0, size.0, h, frame.sampling.0), axis(component.used.1, size.1, v, frame.sampling.1))
}

impl<'a> Tables<'a> {
    fn note(&mut self, segment: &Segment<'a>) -> Option<()> {
        match segment.marker {
            DQT => self.note_quantisers(segment.payload),
            DHT => self.note_huffman(segment.payload),
            DRI => {
                let [high, low] = *segment.payload else { return None };
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Some(())
            }
            // Another frame, a lossless or arithmetic one, or something newer.
            _ => None,
        }
    }

    fn note_quantisers(&mut self, mut payload: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = payload {
            let wide = usize::from(head >> 4 != 0);
            let (values, after) = rest.split_at_checked(64 << wide)?;
            let value = |place: usize| match wide {
                0 => u16::from(values[place]),
                _ => u16::from_be_bytes([values[2 * place], values[2 * place + 1]]),
            };
            let slot = self.quantisers.get_mut(usize::from(head & 15))?;
            // A table that changes between scans applies to some components only: seldom, and not worth following.
            if slot.replace(PLACES.map(value)).is_some_and(|old| old != PLACES.map(value)) {
                return None;
            }
            payload = after;
        }
        Some(())
    }

    fn note_huffman(&mut self, mut payload: &'a [u8]) -> Option<()> {
        while let [head, rest @ ..] = payload {
            let counts = rest.first_chunk::<16>()?;
            let symbols: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if symbols > 256 {
                return None;
            }
            let (table, after) = rest.split_at_checked(16 + symbols)?;
            *self.huffman.get_mut(usize::from(head >> 4))?.get_mut(usize::from(head & 15))? = Some(table);
            payload = after;
        }
        Some(())
    }

    fn table(&self, class: usize, index: u8) -> Option<Huffman> {
        let table = (*self.huffman[class].get(usize::from(index))?)?;
        let (counts, symbols) = table.split_first_chunk::<16>()?;
        Huffman::new(counts, symbols)
    }
}
