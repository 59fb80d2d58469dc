//! Owns an original's words about its rights: EXIF's Artist and Copyright, read from its first directory, and a block of
//! ours that says them again. Nothing else of a block is looked at or copied. The words stay the author's, byte for byte,
//! in whichever script: only their length is bounded, and what is no character at all is left out.

pub(crate) mod embed;

use crate::exif::{ASCII, ENTRY_BYTES, Exif};

/// Bytes of one text.
const TEXT_BYTES_MAX: usize = 200;
const ARTIST: u16 = 0x013b;
const COPYRIGHT: u16 = 0x8298;
/// Between a photographer's and an editor's rights, which EXIF keeps apart by a zero.
const BETWEEN: &[u8] = b"; ";

/// Who made the picture and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    artist: Option<Vec<u8>>,
    copyright: Option<Vec<u8>>,
}

impl Rights {
    /// Reads a block of EXIF; none where it says nothing.
    pub(crate) fn read(block: &[u8]) -> Option<Rights> {
        let exif = Exif::open(block)?;
        let text = |tag| exif.text(tag).and_then(plain);
        let rights = Rights { artist: text(ARTIST), copyright: text(COPYRIGHT) };
        (rights != Rights::default()).then_some(rights)
    }

    /// Writes a TIFF block with these two texts and nothing else. Their type is ASCII whatever they hold, as everybody
    /// writes UTF-8: few readers know the type that EXIF 3.0 has for it.
    pub(crate) fn to_block(&self) -> Vec<u8> {
        let texts: Vec<(u16, &[u8])> = [(ARTIST, &self.artist), (COPYRIGHT, &self.copyright)]
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, text.as_deref()?)))
            .collect();
        let mut block = b"II\x2a\0\x08\0\0\0".to_vec();
        block.extend(u16::try_from(texts.len()).expect("two at most").to_le_bytes());
        let mut offset = block.len() + texts.len() * ENTRY_BYTES + 4;
        let mut values = Vec::new();
        for (tag, text) in texts {
            let mut value = text.to_vec();
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

/// The author's bytes, of a bounded length and with a space for each control character; none where nothing is left. What
/// is not UTF-8 is some older code page: its bytes stay too, for nobody says which it is.
fn plain(bytes: &[u8]) -> Option<Vec<u8>> {
    let parts = bytes.split(|&byte| byte == 0).map(spaced).collect::<Vec<_>>();
    let parts: Vec<&[u8]> =
        parts.iter().map(|part| part.trim_ascii()).filter(|part| !part.is_empty()).collect();
    let mut text = parts.join(BETWEEN);
    text.truncate(whole_characters(&text));
    text.truncate(text.trim_ascii_end().len());
    (!text.is_empty()).then_some(text)
}

/// Control characters as spaces: those of ASCII, and in UTF-8 those of Latin-1 too.
fn spaced(part: &[u8]) -> Vec<u8> {
    match str::from_utf8(part) {
        Ok(text) => text.replace(char::is_control, " ").into_bytes(),
        Err(_) => part.iter().map(|&byte| if byte.is_ascii_control() { b' ' } else { byte }).collect(),
    }
}

/// The bytes of a text within the limit, without a part of a character.
fn whole_characters(text: &[u8]) -> usize {
    match str::from_utf8(text) {
        Ok(text) => text.floor_char_boundary(TEXT_BYTES_MAX),
        Err(_) => text.len().min(TEXT_BYTES_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rights(artist: &str, copyright: &str) -> Rights {
        let text = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
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
    fn the_authors_bytes_are_kept_in_any_script_and_code_page() {
        for text in ["© Ada Lovelace", "山田 太郎", "Ørsted, Æon ЖАННА", "👩🏽‍🚀"] {
            assert_eq!(plain(text.as_bytes()).unwrap(), text.as_bytes());
        }
        // "Müller" in Latin-1, "山" in Shift JIS.
        assert_eq!(plain(b"M\xfcller \x8e\x52\0").unwrap(), b"M\xfcller \x8e\x52");
    }

    #[test]
    fn a_text_is_cut_between_two_characters_and_has_no_control_characters() {
        assert_eq!(plain("© Ada\0Bob\n\0".as_bytes()).unwrap(), "© Ada; Bob".as_bytes());
        assert_eq!(plain(b"\xff\x1b[2J\x7f").unwrap(), b"\xff [2J");
        assert_eq!(plain("a\u{85}b\u{9b}c\r\nd".as_bytes()).unwrap(), b"a b c  d");
        assert_eq!(plain(&[b'x'; 9000]).unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(plain("山".repeat(90).as_bytes()).unwrap(), "山".repeat(66).as_bytes());
        assert_eq!(plain(&[0xfc; 9000]).unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(plain(b" \0 \x01"), None);
    }

    /// What EXIF 3.0 writes is read, and said again as everybody reads it.
    #[test]
    fn the_type_of_exif_3_is_read() {
        let name = "Zoë";
        let block = [
            &b"II\x2a\0\x08\0\0\0\x01\0\x3b\x01\x81\0\x05\0\0\0\x1a\0\0\0\0\0\0\0"[..],
            name.as_bytes(),
            b"\0",
        ];
        let read = Rights::read(&block.concat()).unwrap();
        assert_eq!(read, rights(name, ""));
        assert_eq!(Rights::read(&read.to_block()), Some(read));
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
        fn what_is_written_is_read_again(artist in "[!-~]{0,9}", copyright in "([!-~äß山🦀][ -~äß山🦀]{0,40})?[!-~äß山🦀]") {
            let rights = rights(&artist, &copyright);
            prop_assert_eq!(Rights::read(&rights.to_block()), Some(rights));
        }

        #[test]
        fn no_bytes_become_more_than_a_bounded_text(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = plain(&bytes).unwrap_or_default();
            prop_assert!(text.len() <= TEXT_BYTES_MAX && !text.iter().any(u8::is_ascii_control));
            prop_assert!(str::from_utf8(&bytes).is_err() || str::from_utf8(&text).is_ok());
        }
    }
}
