//! Owns our own reading of JPEGs, faster than libjpeg's: a sequential file whole, or one or four samples for each block of
//! 64, straight from the lowest coefficients, stepping over the rest; of a progressive file one sample, from the scans that
//! hold the means and no other. Judges no file: at anything unusual it gives up, and libjpeg has the word.

mod bits;
mod coarse;
mod frame;
mod huffman;
mod pairs;
mod scan;
mod whole;

use super::walk::Segment;
use crate::jpeg::dct::{PLACES, SIDE};
use crate::jpeg::markers::{DHT, DQT, DRI, SOF0, SOF2, SOS};
use crate::raster::axis::Axis;
pub(super) use bits::ScanData;
pub(super) use frame::Detail;
use frame::{Component, Frame, Quantisers};
use huffman::Huffman;
use scan::Scan;

/// Scans that are read at most: a real file has one for each component and bit of the mean.
const SCANS_MAX: u32 = 24;

/// The tables in force, as the segments before a scan left them.
#[derive(Default)]
struct Tables<'a> {
    quantisers: Quantisers,
    /// Counts and symbols: classes of four.
    huffman: [[Option<&'a [u8]>; 4]; 2],
    restart_interval: usize,
}

/// Why libjpeg should do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The file has something that few files have.
    Unusual,
    /// Its codes are none, too few or too many.
    Damaged,
}

/// Draws the planes of a picture into `samples`, one after the other, each with as much of it as `detail` says: all planes
/// whole, or none. Returns the planes' axes. Both buffers may hold anything.
pub(super) fn draw(
    segments: &[Segment<'_>],
    detail: [Detail; 3],
    size: (u32, u32),
    (data, samples): (&mut ScanData, &mut Vec<u8>),
) -> Result<Vec<(Axis, Axis)>, Left> {
    let mut tables = Tables::default();
    let mut frame = None;
    let mut scans = 0;
    for segment in segments {
        match segment.marker {
            SOF0..=SOF2 if frame.is_none() => {
                let header = Frame::read(segment.marker, segment.payload, detail).ok_or(Left::Unusual)?;
                let planes = header.components.iter().map(|Component { drawn, .. }| drawn.0 * drawn.1);
                samples.resize(planes.sum(), 0);
                frame = Some(header);
            }
            SOS => {
                let frame = frame.as_mut().ok_or(Left::Unusual)?;
                let scan = Scan::read(segment.payload, frame).ok_or(Left::Unusual)?;
                if scan.is_wanted() {
                    scans += 1;
                    data.read(segment.data).ok_or(Left::Damaged)?;
                    scan.decode((data, &tables), frame, samples).ok_or(Left::Damaged)?;
                }
            }
            _ => tables.note(segment).ok_or(Left::Unusual)?,
        }
        if scans > SCANS_MAX {
            return Err(Left::Unusual);
        }
    }
    let frame = frame.ok_or(Left::Unusual)?;
    for (component, plane) in frame.components.iter().zip(planes(&frame, samples)) {
        if frame.is_progressive {
            coarse::draw_means(component, &tables.quantisers, plane).ok_or(Left::Unusual)?;
        } else if component.missing_bits.is_none() {
            return Err(Left::Damaged);
        }
    }
    Ok(frame.components.iter().map(|component| axes(component, &frame, size)).collect())
}

/// Each component's part of the samples.
fn planes<'s>(frame: &Frame, mut samples: &'s mut [u8]) -> Vec<&'s mut [u8]> {
    let plane = |component: &Component| {
        let (plane, rest) = std::mem::take(&mut samples).split_at_mut(component.drawn.0 * component.drawn.1);
        samples = rest;
        plane
    };
    frame.components.iter().map(plane).collect()
}

fn axes(component: &Component, frame: &Frame, size: (u32, u32)) -> (Axis, Axis) {
    let side = component.detail.side();
    let axis = |drawn: usize, pixels: u32, factor: usize, most: usize| Axis {
        samples: u32::try_from(drawn).expect("a side is at most 65,535"),
        start: 0.0,
        cover: f64::from(pixels) * (factor * side) as f64 / (most * SIDE) as f64,
    };
    let (h, v) = component.sampling;
    (
        axis(component.drawn.0, size.0, h, frame.sampling.0),
        axis(component.drawn.1, size.1, v, frame.sampling.1),
    )
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
            let (values, after) = rest.split_at_checked(PLACES << wide)?;
            let steps = std::array::from_fn(|place| match wide {
                0 => u16::from(values[place]),
                _ => u16::from_be_bytes([values[2 * place], values[2 * place + 1]]),
            });
            let slot = self.quantisers.get_mut(usize::from(head & 15))?;
            // A table that changes between scans applies to some components only: seldom, and not worth following.
            if slot.replace(steps).is_some_and(|old| old != steps) {
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
