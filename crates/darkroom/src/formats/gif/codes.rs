//! Owns where a frame's codes end: at its last pixel, whatever stands behind it. Many writers leave the end code out, and
//! some let other bytes follow. Knows how many pixels each code stands for, and not which.

/// Codes of twelve bits, the widest.
const CODES: usize = 1 << 12;
const WIDTH_MAX: u32 = 12;

/// Returns the codes up to the last of `pixels` pixels and an end code behind them; none where a code stands for nothing
/// or the pixels never come to an end, which the decoder judges.
pub(super) fn up_to_last_pixel(codes: &[u8], code_size: u8, pixels: u64) -> Option<Vec<u8>> {
    let mut lengths = Lengths::new(code_size)?;
    let mut bits = Bits { bytes: codes, at: 0 };
    let mut left = pixels;
    while left > 0 {
        left = left.saturating_sub(lengths.of(bits.take(lengths.width)?)?);
    }
    Some(bits.ended_with(lengths.end(), lengths.width))
}

/// How many pixels each code stands for.
struct Lengths {
    pixels: [u16; CODES],
    clear: u16,
    /// The code that comes into the table next.
    next: u16,
    width: u32,
    last: Option<u16>,
}

impl Lengths {
    fn new(code_size: u8) -> Option<Lengths> {
        (1..WIDTH_MAX).contains(&u32::from(code_size)).then(|| {
            let clear = 1 << code_size;
            let mut lengths = Lengths { pixels: [1; CODES], clear, next: 0, width: 0, last: None };
            lengths.clear();
            lengths
        })
    }

    fn end(&self) -> u16 {
        self.clear + 1
    }

    fn clear(&mut self) {
        self.next = self.clear + 2;
        self.width = self.clear.trailing_zeros() + 1;
        self.last = None;
    }

    /// Takes a code in; none if it ends the data or is not in the table.
    fn of(&mut self, code: u16) -> Option<u64> {
        if code == self.clear {
            self.clear();
            return Some(0);
        }
        let is_known = code < self.next && code != self.end();
        let Some(last) = self.last.replace(code) else {
            return (code < self.clear).then_some(1);
        };
        if !is_known && code != self.next {
            return None;
        }
        // Each is one longer than another of the table: none is longer than the table.
        let grown = self.pixels[usize::from(last)] + 1;
        if usize::from(self.next) < CODES {
            self.pixels[usize::from(self.next)] = grown;
            self.next += 1;
            if self.next == 1 << self.width && self.width < WIDTH_MAX {
                self.width += 1;
            }
        }
        Some(u64::from(self.pixels[usize::from(code)]))
    }
}

/// Bits of bytes, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, width: u32) -> Option<u16> {
        let at = self.at / 8;
        let word =
            self.bytes.get(at..)?.iter().take(3).rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
        self.at += width as usize;
        // The last code may be cut short by the file's end: then its bits are not all there.
        (self.at <= 8 * self.bytes.len())
            .then(|| (word >> ((self.at - width as usize) % 8)) as u16 & ((1 << width) - 1))
    }

    /// Returns what was taken, with one more code behind it.
    fn ended_with(&self, code: u16, width: u32) -> Vec<u8> {
        let (whole, odd) = (self.at / 8, self.at % 8);
        let begun = if odd == 0 { 0 } else { u32::from(self.bytes[whole]) & ((1 << odd) - 1) };
        let tail = begun | u32::from(code) << odd;
        let bytes = (odd + width as usize).div_ceil(8);
        [&self.bytes[..whole], &tail.to_le_bytes()[..bytes]].concat()
    }
}
