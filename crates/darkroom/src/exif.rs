//! Owns what is read of a block of EXIF: the way up and two texts, from its first directory. A block is a TIFF file whose
//! numbers may point anywhere, so every read is checked, and what cannot be read is not there. Writes nothing.

use image::metadata::Orientation;

/// What stands before a block in a JPEG, and often elsewhere too.
const MARK: &[u8] = b"Exif\0\0";
pub(crate) const ENTRY_BYTES: usize = 12;
const ORIENTATION: u16 = 0x0112;

/// What a tag's values are, by TIFF's numbers: texts, and whole numbers without and with a sign.
const BYTE: u16 = 1;
pub(crate) const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const SIGNED_BYTE: u16 = 6;
const SIGNED_SHORT: u16 = 8;
const SIGNED_LONG: u16 = 9;
/// Since EXIF 3.0.
pub(crate) const UTF8: u16 = 129;

/// A block, and in which order its numbers' bytes stand.
pub(crate) struct Exif<'a> {
    tiff: &'a [u8],
    little: bool,
}

impl<'a> Exif<'a> {
    /// Reads a block with or without its mark; none where it is no TIFF.
    pub(crate) fn open(block: &'a [u8]) -> Option<Self> {
        let tiff = block.strip_prefix(MARK).unwrap_or(block);
        match tiff.get(..4)? {
            b"II\x2a\0" => Some(Self { tiff, little: true }),
            b"MM\0\x2a" => Some(Self { tiff, little: false }),
            _ => None,
        }
    }

    /// How the picture is turned; none where that is not said or not one of the eight ways. EXIF says it in a SHORT; some
    /// phones and cameras wrote a LONG, one with a sign even, and programs a single byte.
    pub(crate) fn orientation(&self) -> Option<Orientation> {
        let entry = self.entry(ORIENTATION)?;
        let value = match entry.kind {
            BYTE | SIGNED_BYTE => usize::from(*self.tiff.get(entry.start(self, 1)?)?),
            SHORT | SIGNED_SHORT => usize::from(self.u16(entry.start(self, 2)?)?),
            LONG | SIGNED_LONG => self.u32(entry.start(self, 4)?)?,
            _ => return None,
        };
        Orientation::from_exif(u8::try_from(value).ok()?)
    }

    /// The bytes of a text as they stand there.
    pub(crate) fn text(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        if !matches!(entry.kind, ASCII | UTF8) {
            return None;
        }
        let start = entry.start(self, 1)?;
        self.tiff.get(start..start.checked_add(entry.count)?)
    }

    /// A tag's first entry in the first directory, wherever it stands there; one that is cut off is none.
    fn entry(&self, tag: u16) -> Option<Entry> {
        let directory = self.u32(4)?;
        let count = usize::from(self.u16(directory)?);
        let mut places = (0..count).filter_map(|index| directory.checked_add(2 + index * ENTRY_BYTES));
        let place = places.find(|&place| self.u16(place) == Some(tag))?;
        self.tiff.get(place..place.checked_add(ENTRY_BYTES)?)?;
        Some(Entry { place, kind: self.u16(place + 2)?, count: self.u32(place + 4)? })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.tiff.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let bytes = *self.tiff.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize)
    }
}

struct Entry {
    place: usize,
    kind: u16,
    count: usize,
}

impl Entry {
    /// Where the values begin: four bytes of them stand in the entry itself. None where there are no values.
    fn start(&self, exif: &Exif<'_>, value_bytes: usize) -> Option<usize> {
        match self.count.checked_mul(value_bytes)? {
            0 => None,
            1..=4 => Some(self.place + 8),
            _ => exif.u32(self.place + 8),
        }
    }
}

/// The orientation that a block asks for; a missing or unreadable one asks for none.
pub(crate) fn orientation_of(block: Option<&[u8]>) -> Orientation {
    let said = block.and_then(Exif::open).and_then(|exif| exif.orientation());
    said.unwrap_or(Orientation::NoTransforms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A block with a directory of these entries: tag, kind, count and the four bytes behind.
    fn block(little: bool, entries: &[(u16, u16, u32, [u8; 4])], behind: &[u8]) -> Vec<u8> {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut block = if little { b"II\x2a\0".to_vec() } else { b"MM\0\x2a".to_vec() };
        block.extend(long(8));
        block.extend(short(entries.len() as u16));
        for &(tag, kind, count, value) in entries {
            block.extend([&short(tag)[..], &short(kind), &long(count), &value].concat());
        }
        block.extend(long(0));
        block.extend(behind);
        block
    }

    fn turned(block: &[u8]) -> u8 {
        orientation_of(Some(block)).to_exif()
    }

    #[test]
    fn whole_numbers_turn_in_both_orders_of_bytes() {
        for way in 1..=8u8 {
            for (little, kind, value) in [
                (true, SHORT, [way, 0, 0, 0]),
                (true, LONG, [way, 0, 0, 0]),
                (true, SIGNED_SHORT, [way, 0, 0, 0]),
                (true, SIGNED_LONG, [way, 0, 0, 0]),
                (true, BYTE, [way, 0, 0, 0]),
                (false, BYTE, [way, 0, 0, 0]),
                (false, SIGNED_BYTE, [way, 0, 0, 0]),
                (false, SHORT, [0, way, 0, 0]),
                (false, LONG, [0, 0, 0, way]),
            ] {
                let block = block(little, &[(ORIENTATION, kind, 1, value)], b"");
                assert_eq!(turned(&block), way, "{little} {kind}");
                assert_eq!(turned(&[MARK, &block].concat()), way, "{little} {kind} behind a mark");
            }
        }
    }

    #[test]
    fn no_such_way_or_kind_or_count_turns_nothing() {
        for (kind, count, value) in [
            (SHORT, 1, [0, 0, 0, 0]),
            (SHORT, 1, [9, 0, 0, 0]),
            (SHORT, 1, [6, 1, 0, 0]),
            (SHORT, 0, [6, 0, 0, 0]),
            (LONG, 1, [6, 0, 1, 0]),
            (LONG, u32::MAX, [6, 0, 0, 0]),
            (SIGNED_LONG, 1, [0xff, 0xff, 0xff, 0xff]),
            (SIGNED_BYTE, 1, [0xfe, 0, 0, 0]),
            (ASCII, 1, [6, 0, 0, 0]),
            (5, 1, [6, 0, 0, 0]),
        ] {
            assert_eq!(
                turned(&block(true, &[(ORIENTATION, kind, count, value)], b"")),
                1,
                "{kind} {value:?}"
            );
        }
        assert_eq!(turned(b"II\x2a\0"), 1);
        let way_up = (ORIENTATION, SHORT, 1, [6, 0, 0, 0]);
        let many = [vec![(0x010f, LONG, 1, [0; 4]); 5000], vec![way_up]].concat();
        assert_eq!(turned(&block(true, &many, b"")), 6, "behind many others");
        let whole = block(true, &[way_up], b"");
        assert_eq!(
            (turned(&whole[..whole.len() - 4]), turned(&whole[..whole.len() - 5])),
            (6, 1),
            "a cut entry"
        );
        assert_eq!(orientation_of(None).to_exif(), 1);
    }

    #[test]
    fn the_first_of_several_values_and_entries_counts_wherever_it_stands() {
        let many = [(ORIENTATION, SHORT, 3, [26, 0, 0, 0])];
        assert_eq!(turned(&block(true, &many, &[6, 0, 3, 0, 3, 0])), 6);
        let out_of_order = [
            (0x8298, ASCII, 1, [0; 4]),
            (ORIENTATION, SHORT, 1, [8, 0, 0, 0]),
            (0x0100, LONG, 1, [0; 4]),
            (ORIENTATION, SHORT, 1, [3, 0, 0, 0]),
        ];
        assert_eq!(turned(&block(true, &out_of_order, b"")), 8);
    }

    proptest! {
        #[test]
        fn noise_never_panics(little in any::<bool>(), noise in proptest::collection::vec(any::<u8>(), 0..90)) {
            let mut block = if little { b"II\x2a\0".to_vec() } else { b"MM\0\x2a".to_vec() };
            block.extend(noise);
            let exif = Exif::open(&block).unwrap();
            let _ = (exif.orientation(), exif.text(0x013b), exif.text(0x8298));
        }
    }
}
