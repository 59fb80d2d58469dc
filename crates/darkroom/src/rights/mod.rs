//! Owns an original's words about its rights: EXIF's Artist and Copyright, read from its first directory, and a block of
//! ours that says them again. Nothing else of a block is looked at, and no byte of it is copied: text becomes short,
//! printable ASCII.

pub(crate) mod embed;

/// Bytes of one text.
const TEXT_BYTES_MAX: usize = 200;
/// Entries of a directory that are looked at; cameras write about fifteen.
const ENTRIES_MAX: usize = 200;
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
const ASCII: u16 = 2;
const ENTRY_BYTES: usize = 12;

/// Who made the picture and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    artist: Option<String>,
    copyright: Option<String>,
}

impl Rights {
    /// Reads a TIFF block as EXIF has it, without the mark `Exif\0\0`; none where it says nothing.
    pub(crate) fn read(block: &[u8]) -> Option<Rights> {
        let tiff = Tiff::open(block)?;
        let rights = Rights { artist: tiff.text(ARTIST), copyright: tiff.text(COPYRIGHT) };
        (rights != Rights::default()).then_some(rights)
    }

    /// Writes a TIFF block with these two texts and nothing else.
    pub(crate) fn to_block(&self) -> Vec<u8> {
        let texts: Vec<(u16, &str)> = [(ARTIST, &self.artist), (COPYRIGHT, &self.copyright)]
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, text.as_deref()?)))
            .collect();
        let mut block = b"II\x2a\0\x08\0\0\0".to_vec();
        block.extend(u16::try_from(texts.len()).expect("two at most").to_le_bytes());
        let mut offset = block.len() + texts.len() * ENTRY_BYTES + 4;
        let mut values = Vec::new();
        for (tag, text) in texts {
            let mut value = text.as_bytes().to_vec();
            value.push(0);
            let count = u32::try_from(value.len()).expect("a text is short");
            block.extend(tag.to_le_bytes());
            block.extend(ASCII.to_le_bytes());
            block.extend(count.to_le_bytes());
            if value.len() <= 4 {
                value.resize(4, 0);
                block.extend(value);
            } else {
                block.extend(u32::try_from(offset).expect("a block is short").to_le_bytes());
                // Values begin at even offsets.
                value.resize(value.len().next_multiple_of(2), 0);
                offset += value.len();
                values.extend(value);
            }
        }
        block.extend([0; 4]);
        block.extend(values);
        block
    }
}

/// A block, and in which order its numbers' bytes stand.
struct Tiff<'a> {
    block: &'a [u8],
    little: bool,
}

impl<'a> Tiff<'a> {
    fn open(block: &'a [u8]) -> Option<Tiff<'a>> {
        match block.get(..4)? {
            b"II\x2a\0" => Some(Tiff { block, little: true }),
            b"MM\0\x2a" => Some(Tiff { block, little: false }),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<usize> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize)
    }

    /// The text of a tag in the first directory.
    fn text(&self, tag: u16) -> Option<String> {
        let directory = self.u32(4)?;
        let count = usize::from(self.u16(directory)?).min(ENTRIES_MAX);
        let mut entries = (0..count).filter_map(|index| directory.checked_add(2 + index * ENTRY_BYTES));
        let entry = entries.find(|&entry| self.u16(entry) == Some(tag))?;
        if self.u16(entry + 2)? != ASCII {
            return None;
        }
        let length = self.u32(entry + 4)?;
        let start = if length <= 4 { entry + 8 } else { self.u32(entry + 8)? };
        plain(self.block.get(start..start.checked_add(length)?)?)
    }
}

/// Short, printable ASCII; none where nothing is left. EXIF puts a zero between a photographer's and an editor's rights.
fn plain(bytes: &[u8]) -> Option<String> {
    let decoded = String::from_utf8_lossy(bytes);
    let parts: Vec<&str> = decoded.split('\0').map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut text = String::new();
    for c in parts.join("; ").chars() {
        match c {
            '\u{a9}' => text.push_str("(c)"),
            c if c == ' ' || c.is_ascii_graphic() => text.push(c),
            _ => text.push('?'),
        }
    }
    text.truncate(TEXT_BYTES_MAX);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rights(artist: &str, copyright: &str) -> Rights {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Rights { artist: text(artist), copyright: text(copyright) }
    }

    #[test]
    fn both_orders_of_bytes_are_read() {
        let big = b"MM\0\x2a\0\0\0\x08\0\x01\x82\x98\0\x02\0\0\0\x06\0\0\0\x1a\0\0\0\0A, Co\0";
        assert_eq!(Rights::read(big), Some(rights("", "A, Co")));
        let little = b"II\x2a\0\x08\0\0\0\x01\0\x3b\x01\x02\0\x03\0\0\0Al\0\0\0\0\0\0";
        assert_eq!(Rights::read(little), Some(rights("Al", "")));
    }

    #[test]
    fn only_plain_short_text_is_kept() {
        assert_eq!(plain("© Ada\0Bob\n\0".as_bytes()).unwrap(), "(c) Ada; Bob");
        assert_eq!(plain(b"\xff\x1b[2J").unwrap(), "??[2J");
        assert_eq!(plain(&[b'x'; 9000]).unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(plain(b" \0 "), None);
    }

    #[test]
    fn a_block_that_says_nothing_or_points_anywhere_is_none() {
        for block in [&b""[..], b"II\x2a\0", b"II\x2a\0\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(Rights::read(block), None);
        }
        let astray = b"II\x2a\0\x08\0\0\0\x01\0\x98\x82\x02\0\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(Rights::read(astray), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(artist in "[!-~]{0,9}", copyright in "([!-~][ -~]{0,90})?[!-~]") {
            let rights = rights(&artist, &copyright);
            prop_assert_eq!(Rights::read(&rights.to_block()), Some(rights));
        }

        #[test]
        fn noise_never_panics(order in any::<bool>(), noise in proptest::collection::vec(any::<u8>(), 0..90)) {
            let mut block = if order { b"II\x2a\0".to_vec() } else { b"MM\0\x2a".to_vec() };
            block.extend(noise);
            drop(Rights::read(&block));
        }
    }
}
