//! Owns how coarsely each coefficient is kept, and which of a block's are left: the tables of the JPEG standard's annex K,
//! scaled by a quality as libjpeg does.

use crate::jpeg::dct::{Frequencies, PLACES, Row, SIDE, ZIGZAG, to_steps};

/// Annex K, table 1, row by row.
const LUMA: [u16; PLACES] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
/// Annex K, table 2, row by row.
const CHROMA: [u16; PLACES] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// The bits in zigzag order of a column's eight, for each column.
static SPREAD: [[u64; 256]; SIDE] = spread();

const fn spread() -> [[u64; 256]; SIDE] {
    let mut table = [[0; 256]; SIDE];
    let mut index = 0;
    while index < PLACES {
        let (column, row) = (ZIGZAG[index] as usize / SIDE, ZIGZAG[index] as usize % SIDE);
        let mut bits = 0;
        while bits < 256 {
            if bits >> row & 1 == 1 {
                table[column][bits] |= 1 << index;
            }
            bits += 1;
        }
        index += 1;
    }
    table
}

/// One table of steps, in zigzag order.
pub(super) struct Steps([u8; PLACES]);

/// The coefficients of a block in steps.
pub(super) struct Levels {
    columns: [[i16; SIDE]; SIDE],
    /// Those that are not zero, a bit for each in zigzag order, the lowest first.
    pub(super) present: u64,
}

impl Levels {
    /// The level at a place in zigzag order.
    #[inline(always)]
    pub(super) fn at(&self, index: usize) -> i32 {
        i32::from(self.columns.as_flattened()[usize::from(ZIGZAG[index % PLACES]) % PLACES])
    }
}

impl Steps {
    pub(super) fn luma(quality: u8) -> Self {
        Self::new(&LUMA, quality)
    }

    pub(super) fn chroma(quality: u8) -> Self {
        Self::new(&CHROMA, quality)
    }

    fn new(base: &[u16; PLACES], quality: u8) -> Self {
        let percent = match u32::from(quality.clamp(1, 100)) {
            quality @ ..50 => 5000 / quality,
            quality => 200 - 2 * quality,
        };
        Self(ZIGZAG.map(|place| {
            let (row, column) = (usize::from(place) % SIDE, usize::from(place) / SIDE);
            let step = (u32::from(base[row * SIDE + column]) * percent + 50) / 100;
            u8::try_from(step.clamp(1, 255)).expect("255 is a byte")
        }))
    }

    pub(super) fn bytes(&self) -> &[u8; PLACES] {
        &self.0
    }
}

/// What turns the coefficients of a block into steps.
pub(super) struct Quantiser<R>(Frequencies<R>);

impl<R: Row> Quantiser<R> {
    pub(super) fn new(steps: &Steps) -> Self {
        Self(to_steps(steps.0.map(f64::from)))
    }

    #[inline(always)]
    pub(super) fn apply(&self, frequencies: Frequencies<R>) -> Levels {
        let mut present = 0;
        let mut columns = [[0; SIDE]; SIDE];
        for (column, levels) in columns.iter_mut().enumerate() {
            let bits;
            (*levels, bits) = frequencies[column].times(self.0[column]).rounded();
            present |= SPREAD[column][usize::from(bits)];
        }
        Levels { columns, present }
    }
}
