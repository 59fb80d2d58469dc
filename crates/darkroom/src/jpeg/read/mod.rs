//! Owns our own reading of JPEGs, faster than libjpeg's: a sequential file whole, or one or four samples for each block of
//! 64, straight from the lowest coefficients, stepping over the rest; of a progressive file one sample, from the scans that
//! hold the means and no other. Judges no file: at anything unusual it gives up, and libjpeg has the word.

mod bits;
mod census;
mod coarse;
mod frame;
mod huffman;
mod pairs;
mod scan;
mod standard;
mod tables;
mod whole;

use super::dct::SIDE;
use super::headers::FrameHeader;
use super::markers::is_frame;
use super::walk::Segment;
use crate::Extent;
use crate::raster::axis::{Axes, Axis};
pub(super) use bits::ScanData;
pub(super) use census::{Census, census};
use frame::Component;
pub(super) use frame::Detail;
use frame::Frame;
use scan::{Coded, Scan};
use tables::Tables;

/// Scans that are read at most: a real file has one for each component and bit of the mean.
const SCANS_MAX: u32 = 24;

/// What is worked in. Both buffers may hold anything.
pub(super) struct Memory<'a> {
    /// The codes of a scan.
    pub(super) data: &'a mut ScanData,
    /// The planes, one after the other.
    pub(super) samples: &'a mut Vec<u8>,
}

/// Draws the planes of a picture into `samples`, one after the other, each with as much of it as `detail` says: all planes
/// whole, or none. Returns the planes' axes. `None` where the file has something that few files have, or codes that are
/// none, too few or too many.
pub(super) fn draw(
    header: &FrameHeader,
    segments: &[Segment<'_>],
    detail: [Detail; 3],
    memory: Memory<'_>,
) -> Option<Vec<Axes>> {
    let Memory { data, samples } = memory;
    let mut tables = Tables::new(header.coding);
    let mut frame = Frame::of(header, detail)?;
    samples.resize(frame.components.iter().map(Component::samples).sum(), 0);
    let mut scans = 0;
    for segment in segments {
        match &segment.scan {
            Some(found) => {
                let scan = Scan::of(&found.header, &frame)?;
                if scan.is_wanted() {
                    scans += 1;
                    data.read(found.data, found.intervals)?;
                    scan.decode(Coded { data, tables: &tables }, &mut frame, samples)?;
                }
            }
            None if is_frame(segment.marker) => {}
            None => tables.note(segment)?,
        }
        if scans > SCANS_MAX {
            return None;
        }
    }
    for (component, plane) in frame.components.iter().zip(frame.planes(samples)) {
        if frame.is_progressive {
            coarse::draw_means(component, &tables.quantisers, plane)?;
        } else {
            component.missing_bits?;
        }
    }
    Some(frame.components.iter().map(|component| axes(component, &frame, header.size)).collect())
}

fn axes(component: &Component, frame: &Frame, size: Extent) -> Axes {
    let side = component.detail.side();
    let axis = |drawn: usize, pixels: u32, factor: usize, most: usize| Axis {
        samples: u32::try_from(drawn).expect("a side is at most 65,535"),
        start: 0.0,
        cover: f64::from(pixels) * (factor * side) as f64 / (most * SIDE) as f64,
    };
    let (h, v) = component.sampling;
    Axes {
        across: axis(component.drawn.0, size.width, h, frame.sampling.0),
        down: axis(component.drawn.1, size.height, v, frame.sampling.1),
    }
}
