//! Owns the discrete cosine transform of a block of JPEG's, there and back: Arai, Agui and Nakajima's, in floating point,
//! which takes five multiplications for eight numbers and leaves a factor for each coefficient to the (de)quantiser. Knows
//! nothing about files.

mod forward;
mod inverse;
mod row;

pub(crate) use forward::forward;
pub(crate) use inverse::{inverse, inverse_of_mean};
pub(crate) use row::{Row, Work, run};

/// Samples of a block, across and down.
pub(crate) const SIDE: usize = 8;
/// Coefficients of a block.
pub(crate) const PLACES: usize = SIDE * SIDE;

/// A number for each coefficient, column by column: column `h` is the horizontal frequency `h`.
pub(crate) type Frequencies<R> = [R; SIDE];

/// The places of the coefficients from the lowest frequency to the highest, as files have them, counted column by column.
pub(crate) const ZIGZAG: [u8; PLACES] = zigzag();

/// Walks the diagonals of a square, first right, then down and left, and so on.
const fn zigzag() -> [u8; PLACES] {
    let mut order = [0; PLACES];
    let (mut row, mut column) = (0, 0);
    let mut index = 0;
    while index < PLACES {
        order[index] = (column * SIDE + row) as u8;
        let goes_up = (row + column) % 2 == 0;
        match (goes_up, row, column) {
            (true, _, 7) => row += 1,
            (true, 0, _) => column += 1,
            (true, ..) => (row, column) = (row - 1, column + 1),
            (false, 7, _) => column += 1,
            (false, _, 0) => row += 1,
            (false, ..) => (row, column) = (row + 1, column - 1),
        }
        index += 1;
    }
    order
}

/// What turns the transform's coefficients into numbers of `steps`, which come in zigzag order. A half, which means of few
/// levels often are, is left a little larger: it is rounded away from zero, as by every other encoder.
pub(crate) fn to_steps<R: Row>(steps: [f64; PLACES]) -> Frequencies<R> {
    const HALVES: f64 = 1.0 + 1e-6;
    frequencies(|index, scale| HALVES / (steps[index] * SIDE as f64 * scale))
}

/// What turns numbers of `steps`, which come in zigzag order, into what the inverse transform takes.
pub(crate) fn from_steps<R: Row>(steps: [f64; PLACES]) -> Frequencies<R> {
    frequencies(|index, scale| steps[index] / SIDE as f64 * scale)
}

/// By how much the algorithm changes a coefficient, for one of its frequencies.
fn scale(frequency: usize) -> f64 {
    let angle = frequency as f64 * std::f64::consts::PI / 16.0;
    if frequency == 0 { 1.0 } else { std::f64::consts::SQRT_2 * angle.cos() }
}

/// A number for each index in zigzag order, which is told by how much the algorithm changes that coefficient.
fn frequencies<R: Row>(number: impl Fn(usize, f64) -> f64) -> Frequencies<R> {
    let mut columns = [[0.0; SIDE]; SIDE];
    for (index, place) in ZIGZAG.into_iter().enumerate() {
        let (column, row) = (usize::from(place) / SIDE, usize::from(place) % SIDE);
        columns[column][row] = number(index, scale(row) * scale(column)) as f32;
    }
    columns.map(R::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in all its slowness.
    fn exact(rows: &[[u8; SIDE]; SIDE], (v, h): (usize, usize)) -> f64 {
        let wave = |at: usize, frequency: usize| {
            (std::f64::consts::PI * frequency as f64 * (2 * at + 1) as f64 / 16.0).cos()
        };
        let norm = |frequency: usize| if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
        let mut sum = 0.0;
        for (y, row) in rows.iter().enumerate() {
            for (x, &level) in row.iter().enumerate() {
                sum += (f64::from(level) - 128.0) * wave(y, v) * wave(x, h);
            }
        }
        sum * norm(v) * norm(h) / 4.0
    }

    fn block() -> impl Strategy<Value = [[u8; SIDE]; SIDE]> {
        prop_oneof![
            any::<[[u8; SIDE]; SIDE]>(),
            any::<[[bool; SIDE]; SIDE]>()
                .prop_map(|rows| rows.map(|row| row.map(|white| u8::from(white) * 255))),
            any::<u8>().prop_map(|level| [[level; SIDE]; SIDE]),
        ]
    }

    /// A block there, and from there back.
    struct Way([[u8; SIDE]; SIDE], f64);

    impl Work for Way {
        type Output = ([[i16; SIDE]; SIDE], [[u8; SIDE]; SIDE]);

        #[inline(always)]
        fn run<R: Row>(self) -> Self::Output {
            let frequencies = forward::<R>(self.0.map(u64::from_le_bytes));
            let (there, back) = (to_steps::<R>([self.1; PLACES]), from_steps::<R>([self.1; PLACES]));
            let steps = std::array::from_fn(|column| frequencies[column].times(there[column]).rounded().0);
            (steps, inverse(&steps, &back).map(u64::to_le_bytes))
        }
    }

    proptest! {
        #[test]
        fn coefficients_are_those_of_the_definition_and_samples_come_back(rows in block()) {
            let (steps, back) = run(Way(rows, 0.25));
            for place in 0..PLACES {
                let (row, column) = (place % SIDE, place / SIDE);
                let exact = exact(&rows, (row, column));
                prop_assert!((f64::from(steps[column][row]) / 4.0 - exact).abs() < 0.13, "{row} {column}");
            }
            prop_assert_eq!(back, rows);
        }
    }

    #[test]
    fn halves_of_a_step_are_rounded_away_from_zero() {
        // Two levels above or below the middle, in steps of 32 eighths of a level: half a step.
        for (level, mean) in [(130, 1), (126, -1), (134, 2), (122, -2)] {
            let (steps, _) = run(Way([[level; SIDE]; SIDE], 32.0));
            assert_eq!(steps[0][0], mean, "{level}");
        }
    }

    /// A block of nothing but a mean, drawn in both ways.
    struct Mean(i16);

    impl Work for Mean {
        type Output = [[u64; SIDE]; 2];

        #[inline(always)]
        fn run<R: Row>(self) -> Self::Output {
            let mut steps = [[0; SIDE]; SIDE];
            steps[0][0] = self.0;
            let factors = from_steps::<R>([3.0; PLACES]);
            [inverse(&steps, &factors), inverse_of_mean(self.0, &factors)]
        }
    }

    #[test]
    fn a_mean_alone_is_drawn_as_ever_and_what_is_no_picture_ends_at_black_or_white() {
        for mean in i16::MIN..=i16::MAX {
            let [whole, alone] = run(Mean(mean));
            assert_eq!(whole, alone);
            let level = (f64::from(mean) * 3.0 / 8.0 + 128.0).round_ties_even() as u8;
            assert_eq!(alone, [u64::from_le_bytes([level; SIDE]); SIDE], "{mean}");
        }
    }

    #[test]
    fn the_zigzag_is_that_of_the_standard() {
        let rows: Vec<usize> =
            ZIGZAG.iter().map(|&place| usize::from(place) % 8 * 8 + usize::from(place) / 8).collect();
        assert_eq!(rows[..16], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]);
        assert_eq!(rows[48..], [58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63]);
    }
}
