//! Owns the place of a picture on a larger, transparent one: a first frame on the screen of its animation.

use crate::Extent;
use crate::raster::picture::{Channels, Picture};

/// Where a picture begins on a canvas: its upper left corner, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) left: u32,
    pub(crate) top: u32,
}

impl Corner {
    /// That of the canvas itself.
    pub(crate) const FIRST: Self = Self { left: 0, top: 0 };

    /// The smallest canvas that holds a picture of this size here.
    pub(crate) fn reach(self, size: Extent) -> Extent {
        Extent::new(self.left + size.width, self.top + size.height)
    }
}

/// Lays an RGBA picture on a transparent canvas; the caller has seen that it fits.
pub(crate) fn on_canvas(frame: Picture, corner: Corner, canvas: Extent) -> Picture {
    if frame.size == canvas {
        return frame;
    }
    assert_eq!(frame.channels, Channels::Rgba, "what leaves something free has an alpha channel");
    let count = Channels::Rgba.count();
    let (row_bytes, frame_row_bytes) = (canvas.width as usize * count, frame.size.width as usize * count);
    let mut bytes = vec![0; row_bytes * canvas.height as usize];
    let rows = bytes.chunks_exact_mut(row_bytes).skip(corner.top as usize);
    for (row, frame_row) in rows.zip(frame.bytes.chunks_exact(frame_row_bytes)) {
        row[corner.left as usize * count..][..frame_row_bytes].copy_from_slice(frame_row);
    }
    Picture::new(canvas, Channels::Rgba, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_leaves_free_is_transparent() {
        let frame = Picture::new(Extent::new(1, 2), Channels::Rgba, vec![9; 8]);
        let laid = on_canvas(frame.clone(), Corner { left: 2, top: 1 }, Extent::new(3, 3));
        let seen: Vec<u8> = laid.bytes.chunks_exact(4).map(|pixel| pixel[3]).collect();
        assert_eq!(seen, [0, 0, 0, 0, 0, 9, 0, 0, 9]);
        assert_eq!(on_canvas(frame.clone(), Corner::FIRST, Extent::new(1, 2)), frame);
    }
}
