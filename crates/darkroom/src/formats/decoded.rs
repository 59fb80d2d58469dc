//! Owns what every decoder gives, and the check of what a header announces.

use image::metadata::Orientation;

use crate::raster::axis::Cover;
use crate::raster::picture::Picture;
use crate::{Extent, Limits, RenderError};

/// Pixels as stored, and what it takes to see them as meant.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// At most as large as stored: a decoder may have shrunk it.
    pub(crate) picture: Picture,
    /// Pixels as stored.
    pub(crate) size: Extent,
    /// How many times the decoder has shrunk each side.
    pub(crate) times: f64,
    pub(crate) orientation: Orientation,
    /// At most `icc_bytes_max` bytes, otherwise unchecked.
    pub(crate) icc: Option<Vec<u8>>,
}

impl Decoded {
    /// The pixels that the picture covers: its last column and row may hold less than one.
    pub(crate) fn cover(&self) -> Cover {
        let cover = |side: u32| f64::from(side) / self.times;
        Cover { across: cover(self.size.width), down: cover(self.size.height) }
    }
}

/// Checks what a header announces.
pub(crate) fn check_size(size: Extent, limits: &Limits) -> Result<(), RenderError> {
    let pixels = size.pixels();
    if pixels == 0 {
        return Err(RenderError::corrupt("a side of no pixels"));
    }
    if size.longer_side() > limits.side_pixels_max {
        let Extent { width, height } = size;
        return Err(RenderError::DimensionsTooLarge { width, height, max: limits.side_pixels_max });
    }
    if pixels > limits.decode_pixels_max {
        return Err(RenderError::PixelsTooMany { pixels, max: limits.decode_pixels_max });
    }
    Ok(())
}
