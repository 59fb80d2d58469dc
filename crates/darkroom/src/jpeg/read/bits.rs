//! Owns the bits of one scan: stuffing taken out, read in pieces of up to 16. Reading past the end gives zeros and is
//! noticed, never refused: the caller asks once in a while. The arithmetic wraps where it cannot overflow: these are the
//! processor's innermost loops, and a check each would cost a fifth of them.

/// The entropy-coded data of a scan, cut at its restart markers and without stuffed bytes.
#[derive(Default)]
pub(in super::super) struct ScanData {
    bytes: Vec<u8>,
    /// Where each restart interval ends.
    ends: Vec<usize>,
}

/// Zeros behind each interval, so that a whole word can always be loaded.
const MARGIN: usize = 8;

impl ScanData {
    /// Bytes that are kept for the next scan.
    pub(in super::super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes the data of a scan, up to its end or so many restart intervals: what follows them belongs to nothing. `None` if
    /// a restart marker before is out of order.
    pub(super) fn read(&mut self, mut data: &[u8], intervals_max: usize) -> Option<()> {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.reserve(data.len() + MARGIN);
        loop {
            let clean = memchr::memchr(0xff, data).unwrap_or(data.len());
            self.bytes.extend_from_slice(&data[..clean]);
            data = &data[clean..];
            match *data {
                // What is left of fill bytes before the next marker counts for nothing.
                [] | [_] => {
                    self.end_interval();
                    return Some(());
                }
                [_, 0x00, ..] => {
                    self.bytes.push(0xff);
                    data = &data[2..];
                }
                [_, 0xd0..=0xd7, ..] if self.ends.len() + 1 >= intervals_max => {
                    self.end_interval();
                    return Some(());
                }
                [_, marker @ 0xd0..=0xd7, ..] if usize::from(marker & 7) == self.ends.len() % 8 => {
                    self.end_interval();
                    data = &data[2..];
                }
                [_, 0xff, ..] => data = &data[1..],
                _ => return None,
            }
        }
    }

    fn end_interval(&mut self) {
        self.ends.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; MARGIN]);
    }

    pub(super) fn intervals(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn interval(&self, index: usize) -> Option<Bits<'_>> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] + MARGIN };
        let end = *self.ends.get(index)?;
        Some(Bits { bytes: &self.bytes[start..end + MARGIN], position: 0, word: 0, count: 0 })
    }
}

/// A reader of bits, the highest first.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    /// The next bits, from the top.
    word: u64,
    /// How many of them are there.
    count: u32,
}

impl Bits<'_> {
    /// Makes at least 56 bits ready.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let next = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<8>());
        // Behind the end come zeros.
        let next = next.map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.word |= next.wrapping_shr(self.count);
        let taken = 63u32.wrapping_sub(self.count) >> 3;
        self.position = self.position.wrapping_add(taken as usize);
        self.count = self.count.wrapping_add(taken * 8);
    }

    /// The next `count` bits, 1 to 16, not taken.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.word >> (64 - count)) as u32
    }

    /// Takes `count` bits, of those that are ready.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.word = self.word.wrapping_shl(count);
        self.count = self.count.wrapping_sub(count);
    }

    /// Takes a number of `size` bits, 0 to 15, in JPEG's signed form.
    #[inline(always)]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        let first = (self.word >> 63) as i32;
        let number = self.number(size) as i32;
        // A leading zero means negative. Signs are as good as random: a branch would be missed half of the time.
        number.wrapping_sub((1i32.wrapping_shl(size).wrapping_sub(1)) & first.wrapping_sub(1))
    }

    /// Takes a number of `size` bits, 0 to 15.
    #[inline(always)]
    pub(super) fn number(&mut self, size: u32) -> u32 {
        // In two steps, for a shift by 64 is none.
        let number = (self.word >> 1).wrapping_shr(63u32.wrapping_sub(size));
        self.skip(size);
        number as u32
    }

    /// Whether more was read than there is.
    pub(super) fn is_overrun(&self) -> bool {
        self.taken() > (self.bytes.len() - MARGIN) * 8
    }

    /// Whole bytes that are left.
    pub(super) fn bytes_left(&self) -> usize {
        (self.bytes.len() - MARGIN).saturating_sub(self.taken().div_ceil(8))
    }

    /// Appends the bytes that bits were taken from, stuffed as in a file.
    pub(super) fn write_taken(&self, file: &mut Vec<u8>) {
        for &byte in &self.bytes[..self.taken().div_ceil(8).min(self.bytes.len() - MARGIN)] {
            file.push(byte);
            if byte == 0xff {
                file.push(0);
            }
        }
    }

    /// Bits taken so far.
    fn taken(&self) -> usize {
        self.position * 8 - self.count as usize
    }
}
