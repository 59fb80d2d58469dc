//! Owns a Huffman table made fast: one look finds a code, or a number with its code, or as many whole AC coefficients as
//! fit, for whoever only wants to get past. Looks are as long as they can be while all tables stay near: longer ones were
//! slower.

use super::bits::Bits;
use crate::jpeg::dct::PLACES;

/// Bits of a look for codes, and for what is stepped over.
const BITS: u32 = 12;
const ENTRIES: usize = 1 << BITS;
/// Bits of a look for numbers.
pub(super) const NUMBER_BITS: u32 = 11;

/// Codes of one table of a DHT segment.
pub(super) struct Huffman {
    /// Symbol and length of the code that the index begins with; length 0 where it is longer than the index.
    short: Box<[(u8, u8); ENTRIES]>,
    /// The one number at the beginning of the index.
    numbers: Box<[Number; 1 << NUMBER_BITS]>,
    /// The codes of each length: one past the last, aligned to 16 bits, and what to add to find the symbol.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

/// Whole coefficients at the beginning of the index.
pub(super) struct Strides(Box<[Stride; ENTRIES]>);

/// A few AC coefficients with their codes and bits, packed: the smaller the table, the more of it stays near.
#[derive(Clone, Copy, Default, PartialEq)]
struct Stride(u16);

impl Stride {
    /// Not even one code fits.
    const NONE: Self = Self(0);

    fn new(bits: u8, places: u8, ends: bool) -> Self {
        Self(u16::from(bits) | u16::from(places) << 5 | u16::from(ends) << 12)
    }

    /// Bits in all, at most 27.
    fn bits(self) -> u32 {
        u32::from(self.0 & 31)
    }

    /// Places in the block in all, at most 64.
    fn places(self) -> usize {
        usize::from(self.0 >> 5 & 127)
    }

    /// Whether the last code ends the block.
    fn ends(self) -> bool {
        self.0 >> 12 != 0
    }
}

/// A number in JPEG's signed form with the code before it.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) level: i16,
    /// Places before it, of an AC coefficient.
    pub(super) run: u8,
    /// Bits of code and number still to be taken; in the table 0 says that there is none.
    pub(super) bits: u8,
}

impl Number {
    const NONE: Self = Self { level: 0, run: 0, bits: 0 };
    /// The run that leads out of every block: the code that ends it.
    pub(super) const END: u8 = 100;
}

/// Where a walk over a block's coefficients has come to.
pub(super) enum Way {
    /// The block is over.
    Ended,
    /// Before the coefficient at this place is a code that means something else, or none.
    At(usize),
}

impl Huffman {
    /// Builds a table from the numbers of codes of each length, 1 to 16, and their symbols. `None` if there are more
    /// codes than a length can have.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            short: Box::new([(0, 0); ENTRIES]),
            numbers: Box::new([Number::NONE; 1 << NUMBER_BITS]),
            limits: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = u32::from(counts[length as usize - 1]);
            table.limits[length as usize].1 = index as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index)?;
                if length <= BITS {
                    let first = (code << (BITS - length)) as usize;
                    let entries = table.short.get_mut(first..first + (1 << (BITS - length)))?;
                    entries.fill((symbol, length as u8));
                }
                code += 1;
                index += 1;
            }
            // The code of nothing but ones is nobody's.
            if code > 1 << length || (count > 0 && code == 1 << length) {
                return None;
            }
            table.limits[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        for index in 0..1 << NUMBER_BITS {
            table.numbers[index] = table.number(index, NUMBER_BITS).unwrap_or(Number::NONE);
        }
        Some(table)
    }

    /// The number that `index`, of as many bits as a look takes, begins with; `None` unless its code and bits are within the
    /// first `known` of them.
    pub(super) fn number(&self, index: usize, known: u32) -> Option<Number> {
        let (symbol, length) = self.short[index << (BITS - NUMBER_BITS)];
        let (run, size) = (symbol >> 4, symbol & 15);
        let bits = u32::from(length) + u32::from(size);
        // A run without a number means something else, unless it ends the block or is sixteen zeros.
        if length == 0 || bits > known || (size == 0 && !matches!(run, 0 | 15)) {
            return None;
        }
        let level = (index >> (NUMBER_BITS - bits)) as i32 & ((1 << size) - 1);
        let is_negative = size > 0 && level >> (size - 1) == 0;
        let level = if is_negative { level - ((1 << size) - 1) } else { level };
        let run = if symbol == 0 { Number::END } else { run };
        Some(Number { level: level as i16, run, bits: bits as u8 })
    }

    /// Takes an AC coefficient of a sequential file; `None` if the next bits are none.
    #[inline(always)]
    pub(super) fn coefficient(&self, bits: &mut Bits<'_>) -> Option<Number> {
        let number = self.numbers[bits.peek(NUMBER_BITS) as usize & ((1 << NUMBER_BITS) - 1)];
        if number.bits == 0 {
            // By value: a reader whose address is known elsewhere does not stay in the processor's registers.
            let (number, after) = self.long_coefficient(*bits)?;
            *bits = after;
            return Some(number);
        }
        bits.skip(u32::from(number.bits));
        Some(number)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn long_coefficient<'b>(&self, mut bits: Bits<'b>) -> Option<(Number, Bits<'b>)> {
        bits.refill();
        let symbol = self.symbol(&mut bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        let level = bits.signed(u32::from(size)) as i16;
        bits.refill();
        let run = match (run, size) {
            (0, 0) => Number::END,
            (1..15, 0) => return None,
            _ => run,
        };
        Some((Number { level, run, bits: 0 }, bits))
    }

    /// Takes the difference of a mean from the last one.
    #[inline(always)]
    pub(super) fn difference(&self, bits: &mut Bits<'_>) -> Option<i32> {
        let number = self.numbers[bits.peek(NUMBER_BITS) as usize & ((1 << NUMBER_BITS) - 1)];
        // A code of nothing but a zero ends no block here.
        if number.bits != 0 && matches!(number.run, 0 | Number::END) {
            bits.skip(u32::from(number.bits));
            return Some(i32::from(number.level));
        }
        let size = self.symbol(bits).filter(|&size| size < 16)?;
        Some(bits.signed(u32::from(size)))
    }

    /// What to step over coefficients with.
    pub(super) fn strides(&self) -> Strides {
        let mut strides = Box::new([Stride::NONE; ENTRIES]);
        for (index, stride) in (0u32..).zip(&mut *strides) {
            let (mut bits, mut places, mut ends) = (0u8, 0u8, false);
            // Only a code has to lie within the index; the bits of its value may lie behind it.
            while u32::from(bits) < BITS && !ends {
                let rest = (index << bits) as usize & (ENTRIES - 1);
                let (symbol, length) = self.short[rest];
                let (run, size) = (symbol >> 4, symbol & 15);
                let is_whole = length != 0 && u32::from(bits + length) <= BITS;
                // Of the runs without a value one means places and one ends the block; the others are not for here.
                let is_known = size != 0 || matches!(run, 0 | 15);
                let after = if symbol == 0 { places } else { places + run + 1 };
                if !is_whole || !is_known || after > 64 {
                    break;
                }
                (bits, places, ends) = (bits + length + size, after, symbol == 0);
            }
            *stride = Stride::new(bits, places, ends);
        }
        Strides(strides)
    }

    /// Takes one code; `None` if there is no such code.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let (mut symbol, mut length) = self.short[bits.peek(BITS) as usize & (ENTRIES - 1)];
        if length == 0 {
            (symbol, length) = self.long_code(bits.peek(16))?;
        }
        bits.skip(u32::from(length));
        Some(symbol)
    }

    #[cold]
    #[inline(never)]
    fn long_code(&self, next: u32) -> Option<(u8, u8)> {
        let length = (BITS + 1..=16).find(|&length| next < self.limits[length as usize].0)?;
        let index = (next >> (16 - length)) as i32 + self.limits[length as usize].1;
        let symbol = self.symbols.get(usize::try_from(index).ok()?)?;
        Some((*symbol, length as u8))
    }
}

impl Strides {
    /// Steps over coefficients from `place` on, to the end of the block.
    #[inline(always)]
    pub(super) fn step_over(&self, bits: &mut Bits<'_>, mut place: usize) -> Way {
        loop {
            bits.refill();
            // Two strides are at most 54 bits.
            for _ in 0..2 {
                let stride = self.0[bits.peek(BITS) as usize & (ENTRIES - 1)];
                let after = place.wrapping_add(stride.places());
                if stride == Stride::NONE || after.wrapping_add(usize::from(stride.ends())) > PLACES {
                    return Way::At(place);
                }
                bits.skip(stride.bits());
                place = after;
                if stride.ends() || place == PLACES {
                    return Way::Ended;
                }
            }
        }
    }
}
