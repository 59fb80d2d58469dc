//! Owns the walk over a JPEG's markers, from the first to where the picture is complete: size, orientation, profile, the
//! segments that a decoder needs, and what is wrong. A picture is whole when its scans are, whatever follows them or lacks:
//! trailers without an end of image are common. Decodes no pixels, and reads headers as forgivingly as libjpeg does.

use super::coverage::Coverage;
use super::headers::{FrameHeader, ScanHeader};
use super::markers::{
    APP0, APP1, APP2, APP14, APP15, COM, DAC, DHT, DNL, DQT, DRI, EOI, RST0, RST7, SOI, SOS, TEM, is_frame,
};
use super::profile::Profile;
use crate::{Extent, RenderError};

/// Segments of tables and scans; each scan of a real file has a few. What many scans cost is bounded by the limit of CPU.
const SEGMENTS_MAX: usize = 4096;

/// A segment that a decoder needs.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) payload: &'a [u8],
    /// Of a scan header.
    pub(super) scan: Option<Scan<'a>>,
}

/// A scan and the entropy-coded data behind its header.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) header: ScanHeader,
    pub(super) data: &'a [u8],
    /// Into how many intervals restart markers ought to cut the data.
    pub(super) intervals: usize,
    /// Whether they do, in their order.
    pub(super) is_cut_right: bool,
    pub(super) end: End,
}

/// What follows a scan's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing: the file is over.
    OfFile,
    OfImage,
    Marker,
}

/// What the markers say.
#[derive(Debug, Default)]
pub(super) struct Markers<'a> {
    /// The size in the first frame header, and the bits of its samples.
    pub(super) announced: Option<(Extent, u8)>,
    pub(super) frame: Option<FrameHeader>,
    /// The block after `Exif\0\0`.
    pub(super) exif: Option<&'a [u8]>,
    pub(super) profile: Profile<'a>,
    /// Whether JFIF says that three components are YCbCr.
    pub(super) is_jfif: bool,
    /// Adobe's word about how the components were transformed.
    pub(super) adobe_transform: Option<u8>,
    /// In the file's order.
    pub(super) segments: Vec<Segment<'a>>,
    /// Why the picture is not whole, as far as markers tell.
    pub(super) fault: Option<RenderError>,
}

impl Markers<'_> {
    /// The scans, in their order.
    pub(super) fn scans(&self) -> impl Iterator<Item = &Scan<'_>> {
        self.segments.iter().filter_map(|segment| segment.scan.as_ref())
    }
}

/// Walks the markers of a file that begins with SOI. What follows the complete picture (a second one, a video, a trailer
/// without an end of image) is not looked at.
pub(super) fn walk(file: &[u8]) -> Markers<'_> {
    let mut walker =
        Walker { rest: &file[2..], seen: Markers::default(), coverage: None, restart_interval: 0 };
    let fault = walker.run().err();
    Markers { fault, ..walker.seen }
}

/// The block of EXIF, where there is one.
pub(crate) fn exif(file: &[u8]) -> Option<&[u8]> {
    walk(file).exif
}

struct Walker<'a> {
    rest: &'a [u8],
    seen: Markers<'a>,
    /// From the frame header on.
    coverage: Option<Coverage>,
    restart_interval: usize,
}

impl<'a> Walker<'a> {
    fn run(&mut self) -> Result<(), RenderError> {
        loop {
            match self.next_marker()? {
                EOI => return self.end_of_image(),
                SOI => return Err(RenderError::corrupt("a second start of image")),
                TEM | RST0..=RST7 => {}
                marker => {
                    self.segment(marker)?;
                    if self.coverage.as_ref().is_some_and(Coverage::is_complete) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn end_of_image(&self) -> Result<(), RenderError> {
        match &self.coverage {
            Some(coverage) if coverage.has_every_component() => Ok(()),
            Some(_) if self.seen.scans().next().is_some() => {
                Err(RenderError::truncated("a component has no scan"))
            }
            _ => Err(RenderError::corrupt("the image ends before its first scan")),
        }
    }

    /// Skips to the next marker and past it. Stray bytes before it are tolerated, as everywhere.
    fn next_marker(&mut self) -> Result<u8, RenderError> {
        let ends = || RenderError::truncated("the file ends between two segments");
        loop {
            let found = memchr::memchr(0xff, self.rest).ok_or_else(ends)?;
            self.rest = &self.rest[found + 1..];
            let (&marker, after) = self.rest.split_first().ok_or_else(ends)?;
            if !matches!(marker, 0x00 | 0xff) {
                self.rest = after;
                return Ok(marker);
            }
        }
    }

    /// Takes a marker's segment, and the data behind a scan header.
    fn segment(&mut self, marker: u8) -> Result<(), RenderError> {
        let payload = self.payload(marker)?;
        match marker {
            SOS => return self.scan(payload),
            DQT | DHT | DAC => {}
            DRI => {
                if let [high, low] = *payload {
                    self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
            }
            _ if is_frame(marker) => self.frame(marker, payload)?,
            APP0..=APP15 | COM | DNL => {
                if self.seen.scans().next().is_none() {
                    self.note(marker, payload);
                }
                return Ok(());
            }
            _ => return Err(RenderError::corrupt("a marker that belongs to no JPEG")),
        }
        self.keep(Segment { marker, payload, scan: None })
    }

    fn payload(&mut self, marker: u8) -> Result<&'a [u8], RenderError> {
        let ends = || RenderError::truncated("the file ends in a segment");
        let (length, rest) = self.rest.split_first_chunk::<2>().ok_or_else(ends)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let length = match (marker, length.checked_sub(2)) {
            (_, Some(length)) => length,
            // Where nothing depends on it decoders go on behind the length.
            (APP0..=APP15 | COM | DNL, None) => 0,
            _ => return Err(RenderError::corrupt("a segment shorter than its own length")),
        };
        let (payload, rest) = rest.split_at_checked(length).ok_or_else(ends)?;
        self.rest = rest;
        Ok(payload)
    }

    fn keep(&mut self, segment: Segment<'a>) -> Result<(), RenderError> {
        if self.seen.segments.len() == SEGMENTS_MAX {
            return Err(RenderError::corrupt(format!("more than {SEGMENTS_MAX} segments")));
        }
        self.seen.segments.push(segment);
        Ok(())
    }

    fn note(&mut self, marker: u8, payload: &'a [u8]) {
        match (marker, payload) {
            // As long as libjpeg wants it.
            (APP0, [b'J', b'F', b'I', b'F', 0, ..]) if payload.len() >= 14 => self.seen.is_jfif = true,
            (APP1, [b'E', b'x', b'i', b'f', 0, 0, block @ ..]) if self.seen.exif.is_none() => {
                self.seen.exif = Some(block);
            }
            (APP2, _) => self.seen.profile.note(payload),
            (APP14, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                self.seen.adobe_transform = Some(*transform);
            }
            _ => {}
        }
    }

    fn frame(&mut self, marker: u8, payload: &[u8]) -> Result<(), RenderError> {
        if self.seen.announced.is_some() {
            return Err(RenderError::corrupt("a second frame header"));
        }
        if let [precision, h1, h0, w1, w0, ..] = payload {
            let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
            self.seen.announced = Some((Extent::new(side(*w1, *w0), side(*h1, *h0)), *precision));
        }
        let frame = FrameHeader::read(marker, payload)?;
        self.coverage = Some(Coverage::new(&frame));
        self.seen.frame = Some(frame);
        Ok(())
    }

    fn scan(&mut self, payload: &'a [u8]) -> Result<(), RenderError> {
        let (Some(frame), Some(coverage)) = (&self.seen.frame, &mut self.coverage) else {
            return Err(RenderError::corrupt("a scan before the frame header"));
        };
        let header = ScanHeader::read(payload, frame);
        let header =
            header.ok_or_else(|| RenderError::corrupt("a scan header that contradicts its frame"))?;
        let follows = coverage.add(&header);
        follows.ok_or_else(|| RenderError::corrupt("a scan that does not follow from those before"))?;
        let (across, down) = frame.mcus_of(&header);
        let intervals = match self.restart_interval {
            0 => 1,
            interval => (across * down).div_ceil(interval).max(1),
        };
        let Cut { data, rest, restarts, end } = Cut::of(self.rest);
        self.rest = rest;
        let scan = Scan { header, data, intervals, is_cut_right: restarts + 1 >= intervals, end };
        self.keep(Segment { marker: SOS, payload, scan: Some(scan) })
    }
}

/// A scan's data, cut off from what follows.
struct Cut<'a> {
    data: &'a [u8],
    rest: &'a [u8],
    /// How many restart markers stand in their order, until one does not.
    restarts: usize,
    end: End,
}

impl<'a> Cut<'a> {
    /// Cuts before the next marker that is neither a stuffed byte, a restart nor a fill byte.
    fn of(bytes: &'a [u8]) -> Self {
        let (mut restarts, mut are_in_order) = (0, true);
        for at in memchr::memchr_iter(0xff, bytes) {
            match bytes.get(at + 1) {
                None | Some(0x00 | 0xff) => {}
                Some(&marker @ RST0..=RST7) => {
                    are_in_order &= usize::from(marker & 7) == restarts % 8;
                    restarts += usize::from(are_in_order);
                }
                Some(&marker) => {
                    let (data, rest) = bytes.split_at(at);
                    let end = if marker == EOI { End::OfImage } else { End::Marker };
                    return Self { data, rest, restarts, end };
                }
            }
        }
        Self { data: bytes, rest: &[], restarts, end: End::OfFile }
    }
}
