//! Which image formats come in. Owns their names and magic numbers; nothing else in an image is looked at here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An accepted image format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG (ISO/IEC 10918-1).
    Jpeg,
    /// PNG (ISO/IEC 15948).
    Png,
    /// GIF87a and GIF89a.
    Gif,
    /// WebP (RFC 9649).
    Webp,
}

/// Says that a text names no accepted format.
#[derive(Debug, thiserror::Error)]
#[error("a format is one of `jpeg`, `png`, `gif`, `webp`")]
pub struct InvalidFormat;

impl Format {
    /// How many leading bytes [`Format::sniff`] needs to see.
    pub const SNIFF_BYTES: usize = 12;

    /// Returns the format that the leading bytes announce, by magic number alone.
    pub fn sniff(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Format::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
            _ => None,
        }
    }

    /// Returns the lower-case name used in facts, rows and answers.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Gif => "gif",
            Format::Webp => "webp",
        }
    }

    /// Returns the file extension used in object keys.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            other => other.name(),
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Gif => "image/gif",
            Format::Webp => "image/webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Format, InvalidFormat> {
        [Format::Jpeg, Format::Png, Format::Gif, Format::Webp]
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or(InvalidFormat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_numbers_decide_and_nothing_else() {
        assert_eq!(Format::sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Format::Webp));
        assert_eq!(Format::sniff(b"GIF89a......"), Some(Format::Gif));
        assert_eq!(Format::sniff(b"<svg xmlns=\"http"), None);
        assert_eq!(Format::sniff(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(Format::sniff(b""), None);
    }
}
