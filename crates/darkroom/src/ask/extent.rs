//! Owns how large a picture is, in whole pixels: of an original, of a rendition and of all between them. Knows nothing
//! about what is asked for, nor about how pixels are stored.

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Extent {
    /// The least that can be seen.
    pub const PIXEL: Self = Self::new(1, 1);

    /// An extent of these sides.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// How many pixels it has.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// How many bytes its pixels take, of so many bytes each.
    pub(crate) fn bytes(self, pixel_bytes: usize) -> usize {
        self.width as usize * self.height as usize * pixel_bytes
    }

    /// The longer side.
    pub fn longer_side(self) -> u32 {
        self.width.max(self.height)
    }

    /// Rows as columns.
    pub fn turned(self) -> Self {
        Self::new(self.height, self.width)
    }

    /// Whether no side is longer than the other's.
    pub fn fits_into(self, other: Self) -> bool {
        self.width <= other.width && self.height <= other.height
    }

    /// The smallest that both fit into.
    pub fn around(self, other: Self) -> Self {
        Self::new(self.width.max(other.width), self.height.max(other.height))
    }

    /// The largest that fits into both.
    pub fn within(self, other: Self) -> Self {
        Self::new(self.width.min(other.width), self.height.min(other.height))
    }
}
