//! Owns where a block lies among the others of its plane: reading and writing count blocks alike. Knows nothing about what
//! is in them.

use super::dct::SIDE;

/// A block's place in its plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) column: usize,
    pub(super) row: usize,
}

impl Spot {
    /// Samples left of it.
    #[inline(always)]
    pub(super) fn left(self) -> usize {
        self.column * SIDE
    }

    /// Samples above it.
    #[inline(always)]
    pub(super) fn top(self) -> usize {
        self.row * SIDE
    }
}
