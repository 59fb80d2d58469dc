//! Owns baseline JPEG from planes: what stands in a file and in which order, with Huffman tables made for the picture.
//! libjpeg-turbo makes the same files, but keeps every coefficient of a picture and goes over all of them again to count
//! them; here only what is not zero is kept, and counted as it comes.

mod huffman;
mod quantiser;
mod scan;

use crate::jpeg::dct::{Row, SIDE, Work, forward, run};
use crate::jpeg::markers::{APP0, DHT, DQT, EOI, SOF0, SOI, SOS};
use crate::jpeg::spot::Spot;
use crate::raster::plane::Plane;
use crate::raster::planes::Planes;
use huffman::Code;
use quantiser::{Quantiser, Steps};
use scan::{Scan, Table};

/// Memory that is kept from one picture to the next.
#[derive(Default)]
pub(crate) struct JpegEncoder {
    scan: Scan,
}

impl JpegEncoder {
    /// Encodes luma and two planes of 4:2:0 chroma, or luma alone as a grey JPEG. `quality` is libjpeg's, 1 to 100.
    pub(crate) fn encode(&mut self, planes: &Planes<Vec<u8>>, quality: u8) -> Vec<u8> {
        let (luma, chroma) = planes.planes.split_first().expect("a picture has luma");
        let steps = [Steps::luma(quality), Steps::chroma(quality)];
        let classes = if chroma.is_empty() { 1 } else { 2 };
        self.scan.begin();
        run(Reading { scan: &mut self.scan, luma, chroma, steps: &steps });
        let codes: Vec<Code> = Table::ALL[..2 * classes].iter().map(|&table| self.scan.code(table)).collect();
        let mut file = Vec::new();
        begin(&mut file, planes, &steps[..classes]);
        begin_scan(&mut file, planes.planes.len(), &codes);
        run(Writing { scan: &self.scan, codes: &codes, file: &mut file });
        file.extend_from_slice(&[0xff, EOI]);
        file
    }

    /// Gives back what only a huge picture needed.
    pub(crate) fn tidy(&mut self) {
        self.scan.tidy();
    }
}

/// One colour component on its way.
#[derive(Clone, Copy)]
struct Channel<'a, R> {
    /// Luma is 0.
    number: usize,
    plane: &'a Plane<Vec<u8>>,
    quantiser: &'a Quantiser<R>,
}

/// From planes to symbols.
struct Reading<'a> {
    scan: &'a mut Scan,
    luma: &'a Plane<Vec<u8>>,
    chroma: &'a [Plane<Vec<u8>>],
    steps: &'a [Steps; 2],
}

impl Work for Reading<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Row>(mut self) {
        let (columns, rows) = (self.luma.width().div_ceil(SIDE), self.luma.height().div_ceil(SIDE));
        let [luma, chroma] = [0, 1].map(|class| Quantiser::<R>::new(&self.steps[class]));
        let luma = Channel { number: 0, plane: self.luma, quantiser: &luma };
        if self.chroma.is_empty() {
            for row in 0..rows {
                for column in 0..columns {
                    self.add(luma, Spot { column, row });
                }
            }
            return;
        }
        // Unit by unit: four blocks of luma, one of each chroma.
        for down in 0..rows.div_ceil(2) {
            for across in 0..columns.div_ceil(2) {
                for (right, below) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (column, row) = (2 * across + right, 2 * down + below);
                    if column < columns && row < rows {
                        self.add(luma, Spot { column, row });
                    } else {
                        self.scan.add_unseen();
                    }
                }
                for (number, plane) in (1..).zip(self.chroma) {
                    let channel = Channel { number, plane, quantiser: &chroma };
                    self.add(channel, Spot { column: across, row: down });
                }
            }
        }
    }
}

impl Reading<'_> {
    #[inline(always)]
    fn add<R: Row>(&mut self, channel: Channel<'_, R>, spot: Spot) {
        let Channel { number, plane, quantiser } = channel;
        self.scan.add(number, &quantiser.apply(forward(block(plane, spot))));
    }
}

/// From symbols to bits. Newer processors only shift faster.
struct Writing<'a> {
    scan: &'a Scan,
    codes: &'a [Code],
    file: &'a mut Vec<u8>,
}

impl Work for Writing<'_> {
    type Output = ();

    #[inline(always)]
    fn run<R: Row>(self) {
        self.scan.write(self.codes, self.file);
    }
}

/// The samples of a block, the leftmost in each row's lowest byte; behind the plane's edges the last ones again.
#[inline(always)]
fn block(plane: &Plane<Vec<u8>>, spot: Spot) -> [u64; SIDE] {
    let (width, height) = (plane.width(), plane.height());
    let (left, top) = (spot.left(), spot.top());
    let mut rows = [0; SIDE];
    for (down, samples) in rows.iter_mut().enumerate() {
        let first = (top + down).min(height - 1) * width;
        let row = &plane.samples()[first..first + width];
        *samples = u64::from_le_bytes(match row[left..].first_chunk() {
            Some(eight) => *eight,
            None => std::array::from_fn(|across| row[(left + across).min(width - 1)]),
        });
    }
    rows
}

/// Version 1.1, pixels as wide as high, no thumbnail.
const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
/// Samples for each unit, across and down.
const TWICE: u8 = 0x22;
const ONCE: u8 = 0x11;

/// Writes what stands before the scan.
fn begin(file: &mut Vec<u8>, planes: &Planes<Vec<u8>>, steps: &[Steps]) {
    file.extend_from_slice(&[0xff, SOI]);
    segment(file, APP0, JFIF);
    for (number, steps) in (0..).zip(steps) {
        segment(file, DQT, &[&[number], &steps.bytes()[..]].concat());
    }
    let luma = &planes.planes[0];
    let [height, width] = [luma.height(), luma.width()]
        .map(|side| u16::try_from(side).expect("a rendition's side is at most 65,535").to_be_bytes());
    let components: &[[u8; 3]] = match planes.planes.len() {
        1 => &[[1, ONCE, 0]],
        _ => &[[1, TWICE, 0], [2, ONCE, 1], [3, ONCE, 1]],
    };
    let count = components.len() as u8;
    segment(file, SOF0, &[&[8], &height[..], &width[..], &[count], components.as_flattened()].concat());
}

/// Writes the Huffman tables and the head of the scan.
fn begin_scan(file: &mut Vec<u8>, components: usize, codes: &[Code]) {
    for (table, code) in Table::ALL.into_iter().zip(codes) {
        segment(file, DHT, &[&[table.number()], &code.counts()[..], code.symbols()].concat());
    }
    let components: &[[u8; 2]] =
        if components == 1 { &[[1, 0x00]] } else { &[[1, 0x00], [2, 0x11], [3, 0x11]] };
    segment(file, SOS, &[&[components.len() as u8], components.as_flattened(), &[0, 63, 0]].concat());
}

fn segment(file: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    let length = u16::try_from(2 + payload.len()).expect("our segments are short");
    file.extend_from_slice(&[0xff, marker]);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(payload);
}

#[cfg(test)]
mod tests;
