//! Owns the walk over a JPEG's markers, from the first to the end of the image: size, orientation, profile, and
//! whether the file is whole. libjpeg forgives a file that just ends; this walk does not. Decodes no pixels.

use super::markers::{APP1, APP2, APP14, DNL, DQT, DRI, EOI, SOI, SOS, is_frame};
use crate::{Limits, RenderError};

/// Segments that are kept; a file with more is none for [`read`](super::read).
const SEGMENTS_MAX: usize = 256;

/// A segment that a decoder needs: a frame header, tables, or a scan.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) payload: &'a [u8],
    /// The entropy-coded data behind a scan header; empty behind the others.
    pub(super) data: &'a [u8],
}

/// What the markers say.
#[derive(Debug, Default)]
pub(super) struct Markers<'a> {
    /// Width and height of the first frame header.
    pub(super) size: Option<(u32, u32)>,
    /// Bits of a sample.
    pub(super) precision: u8,
    /// The block after `Exif\0\0`.
    pub(super) exif: Option<&'a [u8]>,
    /// Adobe writes inks inverted: 255 is none.
    pub(super) adobe: bool,
    icc_parts: Vec<(u8, u8, &'a [u8])>,
    segments: Vec<Segment<'a>>,
    scans: u32,
}

impl<'m> Markers<'m> {
    /// What a decoder needs, in the file's order; `None` if it is too much to be an everyday file.
    pub(super) fn segments(&self) -> Option<&[Segment<'m>]> {
        (self.segments.len() < SEGMENTS_MAX).then_some(&self.segments)
    }

    fn keep(&mut self, marker: u8, payload: &'m [u8], data: &'m [u8]) {
        let is_needed = matches!(marker, 0xc0..=0xcf | SOS | DQT | DRI | DNL);
        if is_needed && self.segments.len() < SEGMENTS_MAX {
            self.segments.push(Segment { marker, payload, data });
        }
    }

    /// The profile, put together; `None` if a part is missing or the whole is larger than the limit.
    pub(super) fn icc(&self, limits: &Limits) -> Option<Vec<u8>> {
        let total: usize = self.icc_parts.iter().map(|(_, _, part)| part.len()).sum();
        let mut parts = self.icc_parts.clone();
        parts.sort_by_key(|&(sequence, _, _)| sequence);
        let whole = parts
            .iter()
            .zip(1usize..)
            .all(|(part, expected)| usize::from(part.0) == expected && usize::from(part.1) == parts.len());
        let fits = total as u64 <= limits.icc_bytes_max;
        (!parts.is_empty() && whole && fits)
            .then(|| parts.iter().flat_map(|(_, _, part)| *part).copied().collect())
    }

    fn note<'a>(marker: u8, payload: &'a [u8], seen: &mut Markers<'a>) {
        match (marker, payload) {
            (APP1, [b'E', b'x', b'i', b'f', 0, 0, block @ ..]) if seen.exif.is_none() => {
                seen.exif = Some(block);
            }
            (APP2, [name @ .., _, _]) if name.starts_with(b"ICC_PROFILE\0") => {
                if let [_, _, _, _, _, _, _, _, _, _, _, _, sequence, count, part @ ..] = payload {
                    seen.icc_parts.push((*sequence, *count, part));
                }
            }
            (APP14, [b'A', b'd', b'o', b'b', b'e', ..]) => seen.adobe = true,
            (_, [precision, h1, h0, w1, w0, ..]) if is_frame(marker) && seen.size.is_none() => {
                let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
                seen.size = Some((side(*w1, *w0), side(*h1, *h0)));
                seen.precision = *precision;
            }
            _ => {}
        }
    }
}

/// Walks the markers of a file that begins with SOI. Fails as `truncated` when the file ends before its EOI; what
/// follows the EOI (a second picture, a video) is not looked at.
pub(super) fn walk(file: &[u8]) -> Result<Markers<'_>, RenderError> {
    let mut seen = Markers::default();
    let mut rest = &file[2..];
    loop {
        let (marker, after) = next_marker(rest)?;
        rest = after;
        match marker {
            EOI if seen.scans > 0 => return Ok(seen),
            EOI => return Err(RenderError::corrupt("the image ends before its first scan")),
            SOI | 0x01 | 0xd0..=0xd7 => {}
            _ => {
                let payload = segment(rest)?;
                rest = &rest[2 + payload.len()..];
                Markers::note(marker, payload, &mut seen);
                let mut data = &rest[..0];
                if marker == SOS {
                    seen.scans += 1;
                    (data, rest) = entropy_coded_data(rest)?;
                }
                seen.keep(marker, payload, data);
            }
        }
    }
}

/// The block of EXIF, where there is one and the file is whole.
pub(crate) fn exif(file: &[u8]) -> Option<&[u8]> {
    walk(file).ok()?.exif
}

/// Skips to the next marker and past it. Stray bytes before it are tolerated, as everywhere.
fn next_marker(bytes: &[u8]) -> Result<(u8, &[u8]), RenderError> {
    let mut position = 0;
    loop {
        let Some(found) = memchr::memchr(0xff, &bytes[position..]) else {
            return Err(RenderError::truncated("the file ends between two segments"));
        };
        position += found + 1;
        match bytes.get(position) {
            None => return Err(RenderError::truncated("the file ends between two segments")),
            Some(0x00 | 0xff) => {}
            Some(&marker) => return Ok((marker, &bytes[position + 1..])),
        }
    }
}

fn segment(bytes: &[u8]) -> Result<&[u8], RenderError> {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return Err(RenderError::truncated("the file ends in a segment"));
    };
    let Some(length) = usize::from(u16::from_be_bytes(*length)).checked_sub(2) else {
        return Err(RenderError::corrupt("a segment shorter than its own length"));
    };
    rest.get(..length).ok_or_else(|| RenderError::truncated("the file ends in a segment"))
}

/// Splits a scan's data off: up to the next marker that is neither a stuffed byte, a restart nor a fill byte.
fn entropy_coded_data(bytes: &[u8]) -> Result<(&[u8], &[u8]), RenderError> {
    let is_end =
        |&at: &usize| bytes.get(at + 1).is_some_and(|next| !matches!(next, 0x00 | 0xff | 0xd0..=0xd7));
    match memchr::memchr_iter(0xff, bytes).find(is_end) {
        Some(end) => Ok(bytes.split_at(end)),
        None => Err(RenderError::truncated("the file ends in a scan")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte counts the parts: counting one further than the last of 255 is one too many for a byte.
    #[test]
    fn a_profile_comes_in_up_to_255_parts() {
        let part = |sequence, count| (sequence, count, &b"icc"[..]);
        let whole =
            Markers { icc_parts: (1..=255).rev().map(|n| part(n, 255)).collect(), ..Markers::default() };
        assert_eq!(whole.icc(&Limits::DEFAULT).unwrap().len(), 3 * 255);
        let lacking = Markers { icc_parts: vec![part(1, 3), part(3, 3)], ..Markers::default() };
        assert_eq!(lacking.icc(&Limits::DEFAULT), None);
        let twice = Markers { icc_parts: vec![part(1, 2), part(1, 2)], ..Markers::default() };
        assert_eq!(twice.icc(&Limits::DEFAULT), None);
    }
}
