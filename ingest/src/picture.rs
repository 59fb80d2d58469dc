//! Width and height from a file's first bytes. Owns four header layouts and decodes no pixel; what it says is a first look,
//! which the processor does not rely on.

use proto::Format;

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// The header announces this size.
    Size {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The size lies further on.
    NeedsMore,
    /// The header makes no sense; the processor will say why.
    Unreadable,
}

/// Reads the size that the header of a `format` file announces.
pub(crate) fn glance(format: Format, head: &[u8]) -> Glance {
    let read = match format {
        Format::Png => png(head),
        Format::Gif => gif(head),
        Format::Webp => webp(head),
        Format::Jpeg => jpeg(head),
    };
    read.unwrap_or(Glance::NeedsMore)
}

// In what follows none means that the bytes end too early.

fn png(head: &[u8]) -> Option<Glance> {
    // Signature, then the length and name of the first chunk, which must be IHDR.
    if head.get(12..16)? != b"IHDR" {
        return Some(Glance::Unreadable);
    }
    let (width, height) = (head.get(16..20)?, head.get(20..24)?);
    Some(Glance::Size { width: big(width), height: big(height) })
}

/// Walks the blocks up to the first frame: the screen grows to hold it.
fn gif(head: &[u8]) -> Option<Glance> {
    let table_bytes = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table_bytes(*head.get(10)?);
    loop {
        match *head.get(at)? {
            // Stray zeros are stepped over.
            0 => at += 1,
            // An extension's sub-blocks, up to an empty one.
            0x21 => {
                at += 2;
                while *head.get(at)? > 0 {
                    at += 1 + usize::from(head[at]);
                }
                at += 1;
            }
            0x2c => {
                let side = |screen: usize, place: usize| {
                    let reach = little(head.get(at + place..at + place + 2)?)
                        + little(head.get(at + place + 4..at + place + 6)?);
                    Some(reach.max(little(head.get(screen..screen + 2)?)))
                };
                return Some(Glance::Size { width: side(6, 1)?, height: side(8, 3)? });
            }
            _ => return Some(Glance::Unreadable),
        }
    }
}

fn webp(head: &[u8]) -> Option<Glance> {
    match head.get(12..16)? {
        b"VP8X" => {
            let (width, height) = (head.get(24..27)?, head.get(27..30)?);
            Some(Glance::Size { width: little(width) + 1, height: little(height) + 1 })
        }
        b"VP8L" => {
            let bits = little(head.get(21..25)?);
            let is_lossless = head[20] == 0x2f;
            Some(if is_lossless {
                Glance::Size { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 }
            } else {
                Glance::Unreadable
            })
        }
        b"VP8 " => {
            let (start, width, height) = (head.get(23..26)?, head.get(26..28)?, head.get(28..30)?);
            Some(if start == [0x9d, 0x01, 0x2a] {
                Glance::Size { width: little(width) & 0x3fff, height: little(height) & 0x3fff }
            } else {
                Glance::Unreadable
            })
        }
        _ => Some(Glance::Unreadable),
    }
}

/// Walks the segments up to the frame header (SOF).
fn jpeg(head: &[u8]) -> Option<Glance> {
    let mut at = 2;
    loop {
        if *head.get(at)? != 0xff {
            return Some(Glance::Unreadable);
        }
        match *head.get(at + 1)? {
            // Fill bytes may stand before any marker.
            0xff => at += 1,
            // Markers without a length: TEM and restarts.
            0x01 | 0xd0..=0xd7 => at += 2,
            // All frame headers; C4, C8 and CC are other things.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let (height, width) = (head.get(at + 5..at + 7)?, head.get(at + 7..at + 9)?);
                return Some(Glance::Size { width: big(width), height: big(height) });
            }
            // Pixels or the end before any frame header.
            0x00 | 0xd8 | 0xd9 | 0xda => return Some(Glance::Unreadable),
            _ => {
                let length = big(head.get(at + 2..at + 4)?) as usize;
                if length < 2 {
                    return Some(Glance::Unreadable);
                }
                at += 2 + length;
            }
        }
    }
}

fn big(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    #[test]
    fn each_format_tells_its_size() {
        for (format, bytes) in [
            (Format::Png, sample::png(640, 480)),
            (Format::Gif, sample::gif(640, 480)),
            (Format::Jpeg, sample::jpeg(640, 480, 0)),
            (Format::Webp, sample::webp_lossy(640, 480)),
            (Format::Webp, sample::webp_lossless(640, 480)),
            (Format::Webp, sample::webp_extended(640, 480)),
        ] {
            assert_eq!(Format::sniff(&bytes), Some(format));
            assert_eq!(glance(format, &bytes), Glance::Size { width: 640, height: 480 }, "{format}");
        }
    }

    #[test]
    fn a_size_behind_a_long_exif_segment_is_found_when_it_comes() {
        let bytes = sample::jpeg(9, 7, 60_000);
        assert_eq!(glance(Format::Jpeg, &bytes[..30_000]), Glance::NeedsMore);
        assert_eq!(glance(Format::Jpeg, &bytes), Glance::Size { width: 9, height: 7 });
    }

    #[test]
    fn a_gifs_screen_grows_to_hold_its_first_frame() {
        let head = b"GIF89a\x2c\x01\xc8\0\x80\0\0\x01\x02\x03\x04\x05\x06\0\x21\xfe\x02hi\0\x2c\0\0\x05\0\x54\x01\xc3\0\0";
        assert_eq!(glance(Format::Gif, head), Glance::Size { width: 340, height: 200 });
        assert_eq!(glance(Format::Gif, &head[..head.len() - 2]), Glance::NeedsMore);
        let whole = [&head[..6], &[0, 0, 0, 0], &head[10..]].concat();
        assert_eq!(glance(Format::Gif, &whole), Glance::Size { width: 340, height: 200 });
    }

    #[test]
    fn nonsense_is_unreadable() {
        for (format, bytes) in [
            (Format::Jpeg, &b"\xff\xd8\xff\xda\0\0\0\0\0\0\0\0"[..]),
            (Format::Jpeg, b"\xff\xd8\xff\xe1\0\x01\xff\xff\0\0\0\0"),
            (Format::Jpeg, b"\xff\xd8\xff\xfe\0\x02\x00\xff\0\0\0\0"),
            (Format::Png, b"\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT\0\0\0\0\0\0\0\0"),
            (Format::Webp, b"RIFF\0\0\0\0WEBPXXXX\0\0\0\0"),
        ] {
            assert_eq!(glance(format, bytes), Glance::Unreadable, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_more_bytes_never_change_a_size(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            for format in [Format::Jpeg, Format::Png, Format::Gif, Format::Webp] {
                let early = glance(format, &bytes[..cut.min(bytes.len())]);
                if early != Glance::NeedsMore {
                    prop_assert_eq!(early, glance(format, &bytes));
                }
            }
        }
    }
}
