//! Owns the walk to a GIF's first frame: its place, its colours, its data, and nothing behind it. What stands between the
//! blocks is taken as browsers do: zeros are stepped over, extensions that nobody knows too. Decodes no pixels.

use crate::raster::canvas::Corner;
use crate::{Extent, RenderError};

/// Signature, version and logical screen descriptor.
const HEADER_BYTES: usize = 13;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const CONTROL: u8 = 0xf9;
const HAS_TABLE: u8 = 0x80;
const IS_INTERLACED: u8 = 0x40;

/// The first frame of a file.
#[derive(Debug)]
pub(super) struct First<'a> {
    pub(super) corner: Corner,
    pub(super) size: Extent,
    /// The screen, grown to hold the frame.
    pub(super) canvas: Extent,
    pub(super) is_interlaced: bool,
    /// Three bytes a colour; empty where the file has none.
    pub(super) colours: &'a [u8],
    pub(super) transparent: Option<u8>,
    /// What the codes begin with.
    pub(super) code_size: u8,
    /// The sub-blocks of the frame's data, and what follows.
    data: &'a [u8],
}

/// What a file says before its first frame.
struct Before<'a> {
    screen: Extent,
    /// The table of a frame without its own.
    colours: &'a [u8],
    transparent: Option<u8>,
}

impl<'a> First<'a> {
    /// Walks to the first frame's data. Fails as `truncated` when the file ends before.
    pub(super) fn find(file: &'a [u8]) -> Result<Self, RenderError> {
        let (header, rest) = take(file, HEADER_BYTES)?;
        let (colours, mut rest) = take(rest, table_bytes(header[10]))?;
        let screen = Extent::new(le16(header, 6), le16(header, 8));
        let mut before = Before { screen, colours, transparent: None };
        loop {
            let (kind, after) = take(rest, 1)?;
            rest = match kind[0] {
                0 => after,
                EXTENSION => {
                    let (label, blocks) = take(after, 1)?;
                    if label[0] == CONTROL {
                        // One that says nothing of transparency takes none away.
                        before.transparent = transparent_in(blocks).or(before.transparent);
                    }
                    skip_sub_blocks(blocks)?
                }
                IMAGE => return Self::at(after, &before),
                TRAILER => return Err(RenderError::corrupt("no frame")),
                _ => return Err(RenderError::corrupt("an unknown block before the first frame")),
            };
        }
    }

    fn at(bytes: &'a [u8], before: &Before<'a>) -> Result<Self, RenderError> {
        let (descriptor, rest) = take(bytes, 9)?;
        let flags = descriptor[8];
        let (own, rest) = take(rest, table_bytes(flags))?;
        let (code_size, data) = take(rest, 1)?;
        let [left, top, width, height] = [0, 2, 4, 6].map(|at| le16(descriptor, at));
        let (corner, size) = (Corner { left, top }, Extent::new(width, height));
        Ok(Self {
            corner,
            size,
            canvas: before.screen.around(corner.reach(size)),
            is_interlaced: flags & IS_INTERLACED != 0,
            colours: if own.is_empty() { before.colours } else { own },
            transparent: before.transparent,
            code_size: code_size[0],
            data,
        })
    }

    /// The frame's sub-blocks without their lengths, and whether the file ends before the last of them does.
    pub(super) fn codes(&self) -> (Vec<u8>, bool) {
        let (mut codes, mut rest) = (Vec::new(), self.data);
        while let Some((&length, after)) = rest.split_first() {
            let Some((block, behind)) = after.split_at_checked(usize::from(length)) else {
                codes.extend_from_slice(after);
                return (codes, true);
            };
            if length == 0 {
                return (codes, false);
            }
            codes.extend_from_slice(block);
            rest = behind;
        }
        (codes, true)
    }
}

/// The screen of a file, grown to hold its first frame, as far as its first part tells.
pub(crate) fn canvas(head: &[u8]) -> Option<Extent> {
    First::find(head).ok().map(|first| first.canvas)
}

/// What a graphic control extension's sub-blocks say of transparency.
fn transparent_in(blocks: &[u8]) -> Option<u8> {
    match blocks {
        [4..=255, flags, _, _, index, ..] => (flags & 1 != 0).then_some(*index),
        _ => None,
    }
}

fn skip_sub_blocks(mut rest: &[u8]) -> Result<&[u8], RenderError> {
    loop {
        let (length, after) = take(rest, 1)?;
        if length[0] == 0 {
            return Ok(after);
        }
        (_, rest) = take(after, usize::from(length[0]))?;
    }
}

fn table_bytes(flags: u8) -> usize {
    if flags & HAS_TABLE == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn le16(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn take(bytes: &[u8], count: usize) -> Result<(&[u8], &[u8]), RenderError> {
    bytes
        .split_at_checked(count)
        .ok_or_else(|| RenderError::truncated("the file ends before its first frame"))
}
