//! Owns the entropy-coded data of a scan: which symbols say the levels of each block, how often each of them occurs, and the
//! bits that they become once the codes are known. Counts and sums wrap: they cannot overflow, and these are the innermost
//! loops.

use super::huffman::{Code, SYMBOLS};
use super::quantiser::Levels;
use crate::jpeg::dct::PLACES;

/// Which code a symbol is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    LumaDc,
    LumaAc,
    ChromaDc,
    ChromaAc,
}

impl Table {
    pub(super) const ALL: [Self; 4] = [Self::LumaDc, Self::LumaAc, Self::ChromaDc, Self::ChromaAc];

    /// Its class and number in a DHT segment.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::LumaDc => 0x00,
            Self::LumaAc => 0x10,
            Self::ChromaDc => 0x01,
            Self::ChromaAc => 0x11,
        }
    }
}

/// No further coefficient in this block.
const END: u32 = 0x00;
/// Sixteen coefficients that are zero.
const ZEROS: u32 = 0xf0;
/// A block has a symbol for the mean, one for each other coefficient, and an end.
const SYMBOLS_MAX: usize = PLACES + 1;
/// Words that lie together: a megabyte. In one piece they would be copied as they become more, and take twice the memory.
const CHUNK_WORDS: usize = 1 << 18;
/// What is more is given back after its picture.
const KEPT_CHUNKS_MAX: usize = 32;

/// A symbol with the table it is of and the bits that follow it: `tt ssssssss bbbbbbbbbbbbbbbb`.
#[derive(Clone, Copy, Default)]
struct Word(u32);

impl Word {
    #[inline(always)]
    fn new(table: Table, symbol: u32, bits: u32) -> Self {
        Self((table as u32) << 24 | symbol << 16 | bits)
    }

    /// Table and symbol.
    #[inline(always)]
    fn place(self) -> usize {
        (self.0 >> 16) as usize
    }

    /// How many bits follow: the lower half of every symbol says it.
    #[inline(always)]
    fn size(self) -> u32 {
        self.0 >> 16 & 15
    }

    #[inline(always)]
    fn bits(self) -> u64 {
        u64::from(self.0 & 0xffff)
    }
}

/// A code with its length, as it is written.
#[derive(Clone, Copy, Default)]
struct Entry {
    code: u16,
    length: u16,
}

/// The symbols of a scan.
#[derive(Default)]
pub(super) struct Scan {
    /// In order; those that are not in use are empty.
    chunks: Vec<Vec<Word>>,
    /// The one that is being filled.
    filling: usize,
    counts: Box<Counts>,
    /// Each component's last mean.
    means: [i32; 3],
}

struct Counts([u32; 4 * SYMBOLS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; 4 * SYMBOLS])
    }
}

impl Counts {
    #[inline(always)]
    fn add(&mut self, word: Word) {
        let count = &mut self.0[word.place() % (4 * SYMBOLS)];
        *count = count.wrapping_add(1);
    }
}

impl Scan {
    /// Forgets the last picture.
    pub(super) fn begin(&mut self) {
        self.chunks.iter_mut().for_each(Vec::clear);
        self.filling = 0;
        *self.counts = Counts::default();
        self.means = [0; 3];
    }

    /// Gives back what only a huge picture needed.
    pub(super) fn tidy(&mut self) {
        self.chunks.truncate(KEPT_CHUNKS_MAX);
    }

    #[inline(always)]
    fn append(&mut self, words: &[Word]) {
        words.iter().for_each(|&word| self.counts.add(word));
        match self.chunks.get_mut(self.filling) {
            Some(chunk) if chunk.len() + words.len() <= CHUNK_WORDS => chunk.extend_from_slice(words),
            _ => self.append_to_next(words),
        }
    }

    #[cold]
    fn append_to_next(&mut self, words: &[Word]) {
        self.filling += usize::from(!self.chunks.is_empty());
        if self.filling == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK_WORDS));
        }
        self.chunks[self.filling].extend_from_slice(words);
    }

    /// Adds the next block of a component; component 0 is luma.
    #[inline(always)]
    pub(super) fn add(&mut self, component: usize, levels: &Levels) {
        let (dc, ac) = tables(component);
        let mut words = [Word::default(); SYMBOLS_MAX];
        let mean = levels.at(0);
        let (size, bits) = number(mean.wrapping_sub(self.means[component]));
        self.means[component] = mean;
        words[0] = Word::new(dc, size, bits);
        let mut count = 1;
        let mut put = |word: Word| {
            words[count % SYMBOLS_MAX] = word;
            count = count.wrapping_add(1);
        };
        let mut rest = levels.present & !1;
        let mut last = 0u32;
        while rest != 0 {
            let index = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            let mut run = index.wrapping_sub(last).wrapping_sub(1);
            last = index;
            while run > 15 {
                put(Word::new(ac, ZEROS, 0));
                run = run.wrapping_sub(16);
            }
            let (size, bits) = number(levels.at(index as usize));
            put(Word::new(ac, run << 4 | size, bits));
        }
        if last != 63 {
            put(Word::new(ac, END, 0));
        }
        self.append(&words[..count.min(SYMBOLS_MAX)]);
    }

    /// Adds a block of luma that only fills the last unit of a row or column: grey as the one before, which takes the
    /// fewest bits.
    pub(super) fn add_unseen(&mut self) {
        self.append(&[Word::new(Table::LumaDc, 0, 0), Word::new(Table::LumaAc, END, 0)]);
    }

    /// The shortest code for the symbols that are to be written in `table`.
    pub(super) fn code(&self, table: Table) -> Code {
        let counts = self.counts.0.as_chunks().0;
        Code::new(&counts[table as usize])
    }

    /// Writes the bits in the `codes` of [`Table::ALL`].
    #[inline(always)]
    pub(super) fn write(&self, codes: &[Code], file: &mut Vec<u8>) {
        let mut entries = Box::new([Entry::default(); 4 * SYMBOLS]);
        let mut bits = 0;
        for (code, entries) in codes.iter().zip(entries.as_chunks_mut::<SYMBOLS>().0) {
            for (symbol, code, length) in code.codes() {
                entries[usize::from(symbol)] = Entry { code: code as u16, length: length as u16 };
            }
        }
        for (index, &count) in self.counts.0.iter().enumerate() {
            bits += u64::from(count) * (u64::from(entries[index].length) + (index as u64 & 15));
        }
        // Stuffed bytes are rare: one in 256 and less.
        file.reserve(usize::try_from(bits / 8 + bits / 1024).unwrap_or(0) + 64);
        let mut writer = Writer { file, bits: 0, count: 0 };
        for &word in self.chunks.iter().flatten() {
            let Entry { code, length } = entries[word.place() % (4 * SYMBOLS)];
            let bits = u64::from(code).wrapping_shl(word.size()) | word.bits();
            writer.put(bits, u32::from(length).wrapping_add(word.size()));
        }
        writer.end();
    }
}

fn tables(component: usize) -> (Table, Table) {
    if component == 0 { (Table::LumaDc, Table::LumaAc) } else { (Table::ChromaDc, Table::ChromaAc) }
}

/// The size of a number and its bits in JPEG's signed form: a negative one is said as one less.
#[inline(always)]
fn number(value: i32) -> (u32, u32) {
    let size = 32u32.wrapping_sub(value.unsigned_abs().leading_zeros());
    let bits = value.wrapping_add(value >> 31) & 1i32.wrapping_shl(size).wrapping_sub(1);
    (size, bits.cast_unsigned())
}

/// Bits on their way into a file, the highest first.
struct Writer<'a> {
    file: &'a mut Vec<u8>,
    /// The last `count` of them are not in the file yet; fewer than 32 between two calls.
    bits: u64,
    count: u32,
}

impl Writer<'_> {
    /// Writes at most 32 bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32) {
        self.bits = self.bits.wrapping_shl(count) | bits;
        self.count = self.count.wrapping_add(count);
        if self.count >= 32 {
            self.count = self.count.wrapping_sub(32);
            let four = (self.bits.wrapping_shr(self.count) as u32).to_be_bytes();
            self.append(four);
        }
    }

    #[inline(always)]
    fn append(&mut self, four: [u8; 4]) {
        let word = u32::from_ne_bytes(four);
        // Some byte is 0xff exactly if some byte of the complement is zero.
        let has_ff = (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0;
        if has_ff {
            four.into_iter().for_each(|byte| self.stuff(byte));
        } else {
            self.file.extend_from_slice(&four);
        }
    }

    /// Writes a byte so that no decoder takes it for a marker.
    #[cold]
    fn stuff(&mut self, byte: u8) {
        self.file.push(byte);
        if byte == 0xff {
            self.file.push(0);
        }
    }

    /// Fills the last byte with ones.
    fn end(mut self) {
        let missing = (8 - self.count % 8) % 8;
        self.put((1 << missing) - 1, missing);
        while self.count > 0 {
            self.count -= 8;
            self.stuff((self.bits >> self.count) as u8);
        }
    }
}
