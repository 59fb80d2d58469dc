//! Owns what is done to good files: bits, bytes, lengths, whole parts. The same number damages the same file in the
//! same way. Knows each format only as far as where its parts begin and end.

use std::ops::Range;

/// A format to damage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Gif,
    Webp,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::Webp];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// Bytes that stay: without them nothing is decoded.
    fn magic_bytes(self) -> usize {
        match self {
            Self::Jpeg => 3,
            Self::Png => 8,
            Self::Gif => 6,
            Self::Webp => 12,
        }
    }

    /// Segments, chunks or blocks, as far as the file keeps to its format.
    fn parts(self, file: &[u8]) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut at = match self {
            Self::Jpeg => 2,
            Self::Gif => file.len().min(13),
            _ => self.magic_bytes(),
        };
        while let Some(length) = self.part_bytes(&file[at..]).filter(|length| at + length <= file.len()) {
            parts.push(at..at + length);
            at += length;
        }
        parts
    }

    fn part_bytes(self, rest: &[u8]) -> Option<usize> {
        let four = |at: usize| rest.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        match self {
            Self::Jpeg => match rest {
                [0xff, 0xda, ..] => rest[2..].windows(2).position(marker).map(|end| end + 2),
                [0xff, _, high, low, ..] => Some(2 + usize::from(u16::from_be_bytes([*high, *low]))),
                _ => None,
            },
            Self::Png => Some(usize::try_from(u32::from_be_bytes(four(0)?)).ok()? + 12),
            Self::Webp => Some((usize::try_from(u32::from_le_bytes(four(4)?)).ok()? + 9) & !1),
            // Palettes and sub-blocks alike: any stretch will do.
            Self::Gif => (rest.len() > 1).then(|| (usize::from(rest[0]) + 1).min(rest.len())),
        }
    }

    /// Makes checksums and the container's length right again, so that the damage is looked at.
    fn mend(self, file: &mut [u8]) {
        match self {
            Self::Webp if file.len() >= 12 => {
                let length = u32::try_from(file.len() - 8).expect("seeds are small");
                file[4..8].copy_from_slice(&length.to_le_bytes());
            }
            Self::Png => {
                for part in self.parts(file) {
                    let checksum = crc32(&file[part.start + 4..part.end - 4]);
                    file[part.end - 4..part.end].copy_from_slice(&checksum.to_be_bytes());
                }
            }
            _ => {}
        }
    }
}

fn marker(pair: &[u8]) -> bool {
    pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff)
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).expect("below a usize")
    }

    fn range(&mut self, within: Range<usize>) -> Range<usize> {
        let start = within.start + self.below(within.len());
        start..start + 1 + self.below((within.end - start).min(64))
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// One of the seeds, damaged once or a few times; its first bytes still name its format.
pub(crate) fn damaged(kind: Kind, seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let seed = chance.pick(seeds).expect("there are seeds");
    let mut file = seed.clone();
    for _ in 0..=chance.below(4) {
        if file.len() > kind.magic_bytes() + 1 {
            damage(kind, &mut file, seeds, chance);
        }
    }
    let magic = kind.magic_bytes().min(file.len());
    file[..magic].copy_from_slice(&seed[..magic]);
    if chance.below(4) > 0 {
        kind.mend(&mut file);
    }
    file
}

fn damage(kind: Kind, file: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    let body = kind.magic_bytes()..file.len();
    let at = body.start + chance.below(body.len());
    match chance.below(12) {
        0 | 1 => (0..=chance.below(8)).for_each(|_| {
            let at = body.start + chance.below(body.len());
            file[at] ^= 1 << chance.below(8);
        }),
        2 => file[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][chance.below(6)],
        3 => file.truncate(at),
        4 => drop(file.drain(chance.range(body))),
        5 => {
            let copied = file[chance.range(body)].to_vec();
            file.splice(at..at, copied);
        }
        6 => splice(file, at, seeds, chance),
        7 => {
            let blank = chance.range(body);
            let value = [0, 0xff][chance.below(2)];
            file[blank].fill(value);
        }
        _ => damage_a_part(kind, file, chance),
    }
}

/// The beginning of one file, the end of another.
fn splice(file: &mut Vec<u8>, at: usize, seeds: &[Vec<u8>], chance: &mut Chance) {
    let other = chance.pick(seeds).expect("there are seeds");
    let from = chance.below(other.len());
    file.truncate(at);
    file.extend_from_slice(&other[from..]);
}

fn damage_a_part(kind: Kind, file: &mut Vec<u8>, chance: &mut Chance) {
    let parts = kind.parts(file);
    let (Some(part), Some(other)) = (chance.pick(&parts).cloned(), chance.pick(&parts).cloned()) else {
        return;
    };
    let copied = file[part.clone()].to_vec();
    match chance.below(5) {
        // Twice, a hundred times, elsewhere, not at all.
        0 => drop(file.splice(other.start..other.start, copied)),
        1 => drop(file.splice(part.start..part.start, copied.repeat(100))),
        2 => drop(file.splice(other, copied)),
        3 => drop(file.drain(part)),
        // The first bytes of a part are its length, its kind, or its most telling numbers.
        _ => {
            let head = part.start..part.end.min(part.start + 24);
            for _ in 0..=chance.below(3) {
                let at = head.start + chance.below(head.len());
                file[at] = [0, 1, 2, 0x10, 0x7f, 0x80, 0xff, file[at].wrapping_add(1)][chance.below(8)];
            }
        }
    }
}
