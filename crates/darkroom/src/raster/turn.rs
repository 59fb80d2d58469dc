//! Owns how a stored picture lies: the eight orientations of EXIF. Turns nothing itself.

use image::metadata::Orientation;

/// Where a pixel of the upright picture comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Rows become columns.
    pub(crate) transposed: bool,
    /// The stored picture's last column comes first.
    pub(crate) from_right: bool,
    /// The stored picture's last row comes first.
    pub(crate) from_bottom: bool,
}

impl Turn {
    pub(crate) const NONE: Self = Self { transposed: false, from_right: false, from_bottom: false };
    /// Rows become columns, and nothing else happens.
    pub(crate) const TRANSPOSED: Self = Self { transposed: true, ..Self::NONE };

    pub(crate) fn of(orientation: Orientation) -> Self {
        let (transposed, from_right, from_bottom) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, false, true),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, true, false),
        };
        Self { transposed, from_right, from_bottom }
    }
}
