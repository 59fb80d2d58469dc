//! Owns PNG decoding: which chunks reach the decoder, and whether the file is whole. Text, animation and unknown
//! chunks are never handed on, so that no decoder inflates them.

mod profile;
#[cfg(test)]
mod tests;

use std::io::Cursor;

use flate2::Crc;
use image::codecs::png::PngDecoder;

use super::{Decoded, check_size, from_image_error, orientation_of, read_pixels};
use crate::raster::picture::Picture;
use crate::{Extent, Limits, RenderError};

const SIGNATURE_BYTES: usize = 8;
/// Where a file says the bits of a sample and, behind that, the colour type.
const DEPTH_AT: usize = 24;
/// The colour type of grey without alpha.
const GREY: u8 = 0;
const COLOURED: u8 = 2;
/// The colour type of pixels that are places in a palette.
const INDEXED: u8 = 3;
/// Of 256 colours.
const PALETTE_BYTES_MAX: usize = 3 * 256;
/// `IEND` as it always is.
const END: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";
/// Rows, Huffman tables and a palette: what the decoder needs beside pixels.
const DECODER_BYTES_MAX: u64 = 8 << 20;
/// Profiles that are tried, until one can be read.
const PROFILES_MAX: usize = 4;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let parts = walk(file, limits)?;
    let picture = pixels(&parts.essential, limits).map_err(|error| match error {
        RenderError::Corrupt(_) if parts.is_cut => RenderError::truncated("the file ends in its pixel data"),
        error => error,
    })?;
    let size = picture.size;
    let icc = parts.profiles.iter().find_map(|content| profile::inflated(content, limits));
    Ok(Decoded { picture, size, times: 1.0, orientation: orientation_of(parts.exif), icc })
}

fn pixels(file: &[u8], limits: &Limits) -> Result<Picture, RenderError> {
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(DECODER_BYTES_MAX);
    let decoder = PngDecoder::with_limits(Cursor::new(file), allowed).map_err(from_image_error)?;
    read_pixels(decoder, limits)
}

/// The block of EXIF, where there is one.
pub(super) fn exif<'a>(file: &'a [u8], limits: &Limits) -> Option<&'a [u8]> {
    walk(file, limits).ok()?.exif
}

struct Parts<'a> {
    /// The file without its dispensable chunks, with an end.
    essential: Vec<u8>,
    exif: Option<&'a [u8]>,
    /// What may be a profile, in order.
    profiles: Vec<&'a [u8]>,
    /// Where the walk is, seen from the pixels.
    stretch: Stretch,
    /// Whether the file has no end of its own.
    is_cut: bool,
}

/// Where a walk is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stretch {
    BeforePalette,
    BeforePixels,
    Within,
    Behind,
}

/// Walks the chunks up to `IEND`. Fails as `truncated` when the file ends before its pixel data or in it; whether all of
/// that is there when the file ends behind it, the decoder sees.
fn walk<'a>(file: &'a [u8], limits: &Limits) -> Result<Parts<'a>, RenderError> {
    let (signature, mut rest) = file.split_at(SIGNATURE_BYTES);
    let (essential, stretch) = (signature.to_vec(), Stretch::BeforePalette);
    let mut parts = Parts { essential, exif: None, profiles: Vec::new(), stretch, is_cut: false };
    while let Some((chunk, after)) = parts.step(rest)? {
        if parts.essential.len() == SIGNATURE_BYTES {
            check_size(header_size(&chunk)?, limits)?;
        }
        parts.note(&chunk)?;
        rest = after;
    }
    parts.essential.extend_from_slice(END);
    Ok(parts)
}

impl<'a> Parts<'a> {
    /// The next chunk and what follows; none at the end, and where a file stops behind its pixels.
    fn step(&mut self, rest: &'a [u8]) -> Result<Option<(Chunk<'a>, &'a [u8])>, RenderError> {
        let is_pixels = rest.get(4..).is_some_and(|kind| kind.starts_with(b"IDAT"));
        let is_empty = rest.starts_with(&[0; 4]);
        match (self.stretch, is_pixels, is_empty) {
            // A part of no pixels counts for nothing, wherever it stands.
            (_, true, true) => {}
            (Stretch::Behind, true, false) => return Err(RenderError::corrupt("pixel data in two places")),
            (_, true, false) => self.stretch = Stretch::Within,
            (Stretch::Within, false, _) => self.stretch = Stretch::Behind,
            (_, false, _) => {}
        }
        match next_chunk(rest) {
            Ok((chunk, _)) if chunk.kind == b"IEND" => Ok(None),
            Err(_) if self.stretch == Stretch::Behind => {
                self.is_cut = true;
                Ok(None)
            }
            Ok((chunk, _))
                if self.stretch < Stretch::Within && !chunk.kind.iter().all(u8::is_ascii_alphabetic) =>
            {
                Err(RenderError::corrupt("a chunk whose name is no name"))
            }
            next => next.map(Some),
        }
    }

    fn note(&mut self, chunk: &Chunk<'a>) -> Result<(), RenderError> {
        match chunk.kind {
            b"eXIf" => {
                self.exif.get_or_insert(chunk.content);
            }
            b"iCCP" if self.stretch == Stretch::BeforePalette && chunk.is_whole() => {
                self.profiles.extend((self.profiles.len() < PROFILES_MAX).then_some(chunk.content));
            }
            b"PLTE" => {
                self.stretch = self.stretch.max(Stretch::BeforePixels);
                self.essential.extend(palette(chunk, &self.essential)?);
            }
            b"tRNS" => self.essential.extend(transparent(chunk, &self.essential)),
            b"IDAT" if chunk.content.is_empty() => {}
            [b'A'..=b'Z', ..] => self.essential.extend_from_slice(chunk.whole),
            _ => {}
        }
        Ok(())
    }
}

struct Chunk<'a> {
    kind: &'a [u8],
    content: &'a [u8],
    /// Length, kind, content and checksum.
    whole: &'a [u8],
}

impl Chunk<'_> {
    /// Whether the checksum is that of the content.
    fn is_whole(&self) -> bool {
        self.whole.ends_with(&crc32(&self.whole[4..self.whole.len() - 4]).to_be_bytes())
    }
}

fn next_chunk(bytes: &[u8]) -> Result<(Chunk<'_>, &[u8]), RenderError> {
    let cut = || RenderError::truncated("the file ends in a chunk");
    let length = bytes.first_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > i32::MAX as usize {
        return Err(RenderError::corrupt("a chunk of more than 2 GiB"));
    }
    let (whole, rest) = bytes.split_at_checked(length + 12).ok_or_else(cut)?;
    Ok((Chunk { kind: &whole[4..8], content: &whole[8..8 + length], whole }, rest))
}

fn header_size(chunk: &Chunk<'_>) -> Result<Extent, RenderError> {
    let (b"IHDR", [w3, w2, w1, w0, h3, h2, h1, h0, ..]) = (chunk.kind, chunk.content) else {
        return Err(RenderError::corrupt("the first chunk is not a header"));
    };
    let side = |bytes: [&u8; 4]| u32::from_be_bytes(bytes.map(|byte| *byte));
    Ok(Extent::new(side([w3, w2, w1, w0]), side([h3, h2, h1, h0])))
}

/// The palette of a picture that has one: colours of three bytes. What others suggest is not looked at.
fn palette<'a>(chunk: &Chunk<'a>, essential: &[u8]) -> Result<&'a [u8], RenderError> {
    if essential.get(DEPTH_AT + 1) != Some(&INDEXED) {
        return Ok(&[]);
    }
    if !chunk.content.len().is_multiple_of(3) || !(3..=PALETTE_BYTES_MAX).contains(&chunk.content.len()) {
        return Err(RenderError::corrupt("a palette of no whole number of colours"));
    }
    Ok(chunk.whole)
}

/// The `tRNS` that counts. Of a grey picture of few bits it says the level in sixteen: those that the picture has count. One
/// that does not say exactly one level, or one colour, is none. All this as libpng does it.
fn transparent(chunk: &Chunk<'_>, essential: &[u8]) -> Vec<u8> {
    match (essential.get(DEPTH_AT..), chunk.content) {
        (Some([_, GREY, ..]), content) if content.len() != 2 => Vec::new(),
        (Some([_, COLOURED, ..]), content) if content.len() != 6 => Vec::new(),
        (Some([depth @ 1..8, GREY, ..]), [_, level]) if chunk.is_whole() => {
            let content = [0, level & ((1 << depth) - 1)];
            let named = [chunk.kind, &content].concat();
            [&2u32.to_be_bytes(), &named[..], &crc32(&named).to_be_bytes()].concat()
        }
        _ => chunk.whole.to_vec(),
    }
}

/// PNG's checksum.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
