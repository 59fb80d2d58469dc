//! Owns turning rows into columns, fast: bytes in squares of sixteen or eight in registers, pixels of more bytes one by
//! one, all in squares that stay in the nearest cache. Knows nothing about pictures.

#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "SSE2 loads and stores take pointers"))]

use std::ops::Range;

use crate::raster::turn::Turn;

/// Side of a square of which both sides of the copy stay near.
const TILE: usize = 64;

/// Rows in memory, each a `pitch` behind the one before.
#[derive(Clone, Copy)]
pub(crate) struct Rows<B> {
    pub(crate) bytes: B,
    pub(crate) pitch: usize,
}

/// Where a square of bytes begins in what is stored, in the order of what is upright.
#[derive(Clone, Copy)]
struct Square {
    column: usize,
    row: usize,
}

/// A part of what is stored, in the same order.
struct Patch {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// Writes the columns of `stored`, whose rows are `width` long, as the rows of `upright`, flipped as `turn` says.
pub(crate) fn transpose<const N: usize>(stored: &[u8], width: usize, turn: Turn, upright: &mut [u8]) {
    let height = stored.len() / N / width;
    let flip = Flip { width, height, turn };
    for top in (0..width).step_by(TILE) {
        for left in (0..height).step_by(TILE) {
            let (bottom, right) = ((top + TILE).min(width), (left + TILE).min(height));
            // Squares of bytes first, then what is left of the tile on two of its sides.
            let side = if N == 1 { square_side(turn) } else { 1 };
            let whole = |from: usize, to: usize| if N == 1 { from + (to - from) / side * side } else { from };
            let (low, far) = (whole(top, bottom), whole(left, right));
            for column in (top..low).step_by(side) {
                for row in (left..far).step_by(side) {
                    let square = Square { column, row };
                    match side {
                        16 => {
                            let stored = Rows { bytes: stored, pitch: width };
                            sixteen(stored, square, Rows { bytes: &mut *upright, pitch: height });
                        }
                        _ => flip.eight(stored, square, upright),
                    }
                }
            }
            flip.single::<N>(stored, Patch { columns: top..low, rows: far..right }, upright);
            flip.single::<N>(stored, Patch { columns: low..bottom, rows: left..right }, upright);
        }
    }
}

/// The side of the squares that bytes are turned in.
fn square_side(turn: Turn) -> usize {
    if cfg!(target_arch = "x86_64") && turn == Turn::TRANSPOSED { 16 } else { 8 }
}

/// Turns a square of sixteen rows of sixteen bytes; flips nothing.
#[cfg(target_arch = "x86_64")]
fn sixteen(stored: Rows<&[u8]>, square: Square, upright: Rows<&mut [u8]>) {
    use std::arch::x86_64::{
        __m128i, _mm_loadu_si128, _mm_setzero_si128, _mm_storeu_si128, _mm_unpackhi_epi8, _mm_unpacklo_epi8,
    };
    let Square { column, row } = square;
    let (width, height) = (stored.pitch, upright.pitch);
    let source = &stored.bytes[row * width + column..][..15 * width + 16];
    let target = &mut upright.bytes[column * height + row..][..15 * height + 16];
    // SAFETY: SSE2 is part of every x86-64. Sixteen bytes at fifteen rows of `width` or `height` and all before are
    // within the slices, as their lengths say; loads and stores may be unaligned.
    unsafe {
        let mut rows = [_mm_setzero_si128(); 16];
        for (index, row) in rows.iter_mut().enumerate() {
            *row = _mm_loadu_si128(source.as_ptr().add(index * width).cast::<__m128i>());
        }
        // Rows are interleaved with those eight below, four times: their numbers' bits and the bytes' change places.
        for _ in 0..4 {
            let above = rows;
            for index in 0..8 {
                rows[2 * index] = _mm_unpacklo_epi8(above[index], above[index + 8]);
                rows[2 * index + 1] = _mm_unpackhi_epi8(above[index], above[index + 8]);
            }
        }
        for (index, row) in rows.into_iter().enumerate() {
            _mm_storeu_si128(target.as_mut_ptr().add(index * height).cast::<__m128i>(), row);
        }
    }
}

/// There is none elsewhere: eights do.
#[cfg(not(target_arch = "x86_64"))]
fn sixteen(_: Rows<&[u8]>, _: Square, _: Rows<&mut [u8]>) {
    unreachable!("squares of sixteen are for x86-64")
}

struct Flip {
    width: usize,
    height: usize,
    turn: Turn,
}

impl Flip {
    /// Where a stored row's pixels stand in the upright rows, and where a stored column's row is.
    fn row(&self, row: usize) -> usize {
        if self.turn.from_bottom { self.height - 1 - row } else { row }
    }

    fn column(&self, column: usize) -> usize {
        if self.turn.from_right { self.width - 1 - column } else { column }
    }

    fn single<const N: usize>(&self, stored: &[u8], patch: Patch, upright: &mut [u8]) {
        let (stored, upright) = (stored.as_chunks::<N>().0, upright.as_chunks_mut::<N>().0);
        for y in patch.columns {
            for x in patch.rows.clone() {
                upright[y * self.height + x] = stored[self.row(x) * self.width + self.column(y)];
            }
        }
    }

    /// Eight upright rows of eight bytes.
    fn eight(&self, stored: &[u8], square: Square, upright: &mut [u8]) {
        let Square { column: top, row: left } = square;
        // Eight columns from here on, in the stored order.
        let first = if self.turn.from_right { self.column(top + 7) } else { top };
        let mut rows = [0u64; 8];
        for (index, row) in rows.iter_mut().enumerate() {
            let at = self.row(left + index) * self.width + first;
            *row = u64::from_le_bytes(*stored[at..].first_chunk().expect("a row has eight more bytes"));
        }
        swap_sides(&mut rows);
        for (index, row) in rows.iter().enumerate() {
            let y = if self.turn.from_right { top + 7 - index } else { top + index };
            let at = y * self.height + left;
            upright[at..at + 8].copy_from_slice(&row.to_le_bytes());
        }
    }
}

/// Transposes a square of bytes: quarters change places, then the quarters of the quarters (Warren, Hacker's Delight
/// 7-3).
fn swap_sides(rows: &mut [u64; 8]) {
    for (distance, shift, mask) in
        [(4, 32, 0x0000_0000_ffff_ffff), (2, 16, 0x0000_ffff_0000_ffff), (1, 8, 0x00ff_00ff_00ff_00ff_u64)]
    {
        for index in (0..8).filter(|index| index & distance == 0) {
            let (upper, lower) = (rows[index], rows[index + distance]);
            let swapped = ((upper >> shift) ^ lower) & mask;
            rows[index + distance] = lower ^ swapped;
            rows[index] = upper ^ (swapped << shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_and_flip_is_a_permutation_of_the_right_pixels() {
        for (width, height) in
            [(1, 1), (7, 9), (8, 8), (16, 16), (31, 33), (64, 72), (65, 63), (130, 17), (97, 144)]
        {
            let stored: Vec<u8> = (0..width * height).map(|at| (at * 31 % 251) as u8).collect();
            for (from_right, from_bottom) in [(false, false), (false, true), (true, false), (true, true)] {
                let turn = Turn { transposed: true, from_right, from_bottom };
                let mut upright = vec![0; stored.len()];
                transpose::<1>(&stored, width, turn, &mut upright);
                for y in 0..width {
                    for x in 0..height {
                        let column = if from_right { width - 1 - y } else { y };
                        let row = if from_bottom { height - 1 - x } else { x };
                        assert_eq!(upright[y * height + x], stored[row * width + column]);
                    }
                }
            }
        }
    }
}
