//! Owns a Huffman table made fast for whole blocks: one look finds one AC coefficient or two, with their codes and bits.

use super::bits::Bits;
use super::huffman::{Huffman, NUMBER_BITS, Number};
use crate::jpeg::dct::{PLACES, ZIGZAG};

const ENTRIES: usize = 1 << NUMBER_BITS;

/// What [`Huffman::number`] says, two numbers at a time.
pub(super) struct Pairs {
    entries: Box<[Pair; ENTRIES]>,
    codes: Huffman,
}

/// Two numbers: from the lowest byte on the bits of both, the places before the first, those before the second, and from bit
/// 32 on their levels. Where only one fits, the second is the first once more, one place back.
#[derive(Clone, Copy)]
struct Pair(u64);

/// The run of a second that is the first once more: one place back, as a signed byte.
const BACK: u8 = u8::MAX;
/// The run that leads out of every block, further than [`Number::END`]: the next number does not fit into a look.
const LONG: u8 = 200;

impl Pair {
    const LONG: Self = Self((BACK as u64) << 16 | (LONG as u64) << 8);

    fn new(first: Number, second: Option<Number>) -> Self {
        let second = second.unwrap_or(Number { run: BACK, bits: 0, ..first });
        let [low, high] = [first.level, second.level].map(|level| u64::from(level.cast_unsigned()));
        let runs = u64::from(second.run) << 16 | u64::from(first.run) << 8;
        Self(high << 48 | low << 32 | runs | u64::from(first.bits + second.bits))
    }
}

/// The coefficients of a block by their places, column by column, and a last place for what belongs nowhere.
pub(super) type Steps = [i16; PLACES + 8];
pub(super) const NO_STEPS: Steps = [0; PLACES + 8];

/// Where the coefficient at each place of the zigzag goes.
const SLOTS: [u8; 1 << 9] = {
    let mut slots = [PLACES as u8; 1 << 9];
    let mut place = 0;
    while place < PLACES {
        slots[place] = ZIGZAG[place];
        place += 1;
    }
    slots
};

impl Pairs {
    pub(super) fn new(codes: Huffman) -> Self {
        let mut entries = Box::new([Pair::LONG; ENTRIES]);
        for (index, pair) in entries.iter_mut().enumerate() {
            let number = |taken: u32| codes.number(index << taken & (ENTRIES - 1), NUMBER_BITS - taken);
            if let Some(first) = number(0) {
                let ends = first.run == Number::END;
                *pair = Pair::new(first, if ends { None } else { number(u32::from(first.bits)) });
            }
        }
        Self { entries, codes }
    }

    /// Takes the AC coefficients of a block. Returns the place of the last one in the zigzag; `None` at what is none.
    #[inline(always)]
    pub(super) fn read(&self, bits: &mut Bits<'_>, steps: &mut Steps) -> Option<usize> {
        let begin = *bits;
        let mut place = 1usize;
        loop {
            bits.refill();
            // Four looks take fewer than 56 bits.
            for _ in 0..4 {
                let Pair(pair) = self.entries[bits.peek(NUMBER_BITS) as usize & (ENTRIES - 1)];
                bits.skip(pair as u32 & 63);
                let first = place.wrapping_add(pair as usize >> 8 & 0xff);
                let second = first.wrapping_add(1).wrapping_add_signed(isize::from((pair >> 16) as i8));
                steps[usize::from(SLOTS[first & (SLOTS.len() - 1)])] = (pair >> 32) as i16;
                steps[usize::from(SLOTS[second & (SLOTS.len() - 1)])] = (pair >> 48) as i16;
                place = second.wrapping_add(1);
                if place >= PLACES {
                    break;
                }
            }
            if place < PLACES {
                continue;
            }
            match place {
                PLACES => return Some(PLACES - 1),
                BEHIND_END..BEHIND_BLOCK => return Some(place - BEHIND_END),
                BEHIND_LONG.. => {
                    // By value: a reader whose address is known elsewhere does not stay in the processor's registers.
                    let (number, after) = self.codes.long_coefficient(*bits)?;
                    *bits = after;
                    place = place - BEHIND_LONG + usize::from(number.run);
                    if number.run == Number::END {
                        return Some(place - usize::from(Number::END) - 1);
                    }
                    *steps.get_mut(usize::from(*ZIGZAG.get(place)?))? = number.level;
                    place += 1;
                    if place == PLACES {
                        return Some(PLACES - 1);
                    }
                }
                // The first of two was the last of the block, or led out of it.
                _ => {
                    let (last, after) = self.read_singly(begin, steps)?;
                    *bits = after;
                    return Some(last);
                }
            }
        }
    }

    /// The same, number by number.
    #[cold]
    #[inline(never)]
    fn read_singly<'b>(&self, mut bits: Bits<'b>, steps: &mut Steps) -> Option<(usize, Bits<'b>)> {
        steps[1..].fill(0);
        let (mut place, mut last) = (1, 0);
        while place < PLACES {
            bits.refill();
            let number = self.codes.coefficient(&mut bits)?;
            if number.run == Number::END {
                break;
            }
            place += usize::from(number.run);
            *steps.get_mut(usize::from(*ZIGZAG.get(place)?))? = number.level;
            last = place;
            place += 1;
        }
        Some((last, bits))
    }
}

/// Where a block's end leads to from behind its mean, which is its last coefficient then.
const BEHIND_END: usize = 1 + Number::END as usize + 1;
/// Where it leads to from behind the block: it is none of this block's.
const BEHIND_BLOCK: usize = BEHIND_END + PLACES - 1;
/// Where the code for what is long leads to from the place 0.
const BEHIND_LONG: usize = LONG as usize + 1;
