//! Owns eight numbers at once, and which instructions work on them: the best that the processor has, found out at run time.
//! The numbers are the same with all of them.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instructions that not every processor has")
)]

/// Eight numbers.
pub(crate) trait Row: Copy {
    fn new(numbers: [f32; 8]) -> Self;
    /// From bytes, the first in the lowest one.
    fn of_bytes(bytes: u64) -> Self;
    fn of_numbers(numbers: [i16; 8]) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// Columns of eight rows.
    fn transposed(rows: [Self; 8]) -> [Self; 8];
    /// The nearest whole numbers, of two that are as near the even one, and a bit for each that is not zero. What is too
    /// large for them is anything.
    fn rounded(self) -> ([i16; 8], u8);
    /// The nearest levels from 0 to 255, the first in the lowest byte.
    fn to_bytes(self) -> u64;
}

/// Something that is worth compiling for more than one kind of processor.
pub(crate) trait Work {
    type Output;
    /// Does it. To be compiled in place, as all that it calls often: `#[inline(always)]`.
    fn run<R: Row>(self) -> Self::Output;
}

/// Does the work with the best instructions there are.
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
    {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { avx2::run(work) };
    }
    work.run::<Portable>()
}

/// Eight numbers in an array, for any processor.
#[derive(Clone, Copy)]
struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn each(number: impl Fn(usize) -> f32) -> Self {
        let mut numbers = [0.0; 8];
        for (index, slot) in numbers.iter_mut().enumerate() {
            *slot = number(index);
        }
        Self(numbers)
    }
}

impl Row for Portable {
    #[inline(always)]
    fn new(numbers: [f32; 8]) -> Self {
        Self(numbers)
    }

    #[inline(always)]
    fn of_bytes(bytes: u64) -> Self {
        let bytes = bytes.to_le_bytes();
        Self::each(|index| f32::from(bytes[index]))
    }

    #[inline(always)]
    fn of_numbers(numbers: [i16; 8]) -> Self {
        Self::each(|index| f32::from(numbers[index]))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self::each(|index| self.0[index] + other.0[index])
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self::each(|index| self.0[index] - other.0[index])
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self::each(|index| self.0[index] * other.0[index])
    }

    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        let mut columns = rows;
        for (index, column) in columns.iter_mut().enumerate() {
            *column = Self::each(|row| rows[row].0[index]);
        }
        columns
    }

    #[inline(always)]
    fn rounded(self) -> ([i16; 8], u8) {
        let (mut numbers, mut present) = ([0; 8], 0);
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = self.0[index].round_ties_even() as i16;
            present |= u8::from(*number != 0) << index;
        }
        (numbers, present)
    }

    #[inline(always)]
    fn to_bytes(self) -> u64 {
        let mut bytes = [0; 8];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = self.0[index].round_ties_even() as u8;
        }
        u64::from_le_bytes(bytes)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All that rows can do, in numbers.
    struct Everything([[i16; 8]; 8], u64);

    impl Work for Everything {
        type Output = (Vec<([i16; 8], u8)>, Vec<u64>);

        #[inline(always)]
        fn run<R: Row>(self) -> Self::Output {
            let rows = self.0.map(|row| R::of_numbers(row).times(R::new([0.25; 8])));
            let bytes = R::of_bytes(self.1);
            let mixed = rows.map(|row| row.plus(bytes).minus(rows[7]));
            let all = [rows, R::transposed(rows), mixed].concat();
            (all.iter().map(|row| row.rounded()).collect(), all.iter().map(|row| row.to_bytes()).collect())
        }
    }

    proptest! {
        #[test]
        fn every_processor_sees_the_same_numbers(rows: [[i16; 8]; 8], bytes: u64) {
            prop_assert_eq!(run(Everything(rows, bytes)), Everything(rows, bytes).run::<Portable>());
        }
    }

    #[test]
    fn numbers_are_rounded_to_even_and_those_that_are_left_are_marked() {
        let row = Portable::new([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 0.51, 254.51]);
        assert_eq!(row.rounded(), ([0, 2, 2, 0, -2, 0, 1, 255], 0b1101_0110));
        assert_eq!(row.to_bytes().to_le_bytes(), [0, 2, 2, 0, 0, 0, 1, 255]);
        let samples = [0, 1, 127, 128, 200, 254, 255, 3];
        assert_eq!(Portable::of_bytes(u64::from_le_bytes(samples)).to_bytes().to_le_bytes(), samples);
    }

    #[test]
    fn columns_of_rows_are_rows_of_columns() {
        let numbers = std::array::from_fn(|row| std::array::from_fn(|column| (8 * row + column) as i16));
        let columns =
            Portable::transposed(numbers.map(Portable::of_numbers)).map(|column| column.rounded().0);
        assert_eq!(columns, std::array::from_fn(|column| numbers.map(|row: [i16; 8]| row[column])));
    }
}
