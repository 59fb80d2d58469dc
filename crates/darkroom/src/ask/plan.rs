//! Owns what is asked for and what comes out: renditions, their sizes, formats and bytes. Knows nothing about how
//! they are made.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::extent::Extent;
use super::size::Size;

/// What to make of an original.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The renditions, in the order in which they are returned.
    pub renditions: Vec<Rendition>,
    /// Whether a ThumbHash of the picture is wanted.
    pub thumbhash: bool,
    /// Whether the picture's dominant colour is wanted.
    pub dominant_colour: bool,
    /// What becomes of the original's words about its rights, in every rendition.
    pub copyright: Copyright,
}

impl From<Vec<Rendition>> for Plan {
    fn from(renditions: Vec<Rendition>) -> Plan {
        Plan { renditions, ..Plan::default() }
    }
}

/// One rendition to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// The rendition's name within its recipe, such as `thumb`.
    pub name: String,
    /// How large it is. A smaller original is never enlarged.
    pub size: Size,
    /// Which format it has.
    pub format: FormatRule,
    /// Encoder quality, 1 to 100. Says nothing where the format is PNG.
    pub quality: u8,
    /// The colour, sRGB, behind what is not opaque where the format knows no alpha.
    pub background: [u8; 3],
    /// Whether and how it is sharpened once it has its size.
    pub sharpen: Option<Sharpen>,
    /// A program that makes the file instead of our encoders.
    pub program: Option<Program>,
}

impl Rendition {
    /// The whole picture, its longer side of `longer_side_px`, JPEG or, where there is alpha, WebP; nothing else asked.
    pub fn new(name: impl Into<String>, longer_side_px: u32, quality: u8) -> Rendition {
        Rendition {
            name: name.into(),
            size: Size::LongerSide(longer_side_px),
            format: FormatRule::ByAlpha,
            quality,
            background: [255; 3],
            sharpen: None,
            program: None,
        }
    }

    /// How large this rendition of an upright picture is.
    pub fn size_of(&self, picture: Extent) -> Extent {
        self.size.frame(picture).size
    }
}

/// Which format a rendition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FormatRule {
    /// JPEG, or WebP where the original has a pixel that is not opaque.
    ByAlpha,
    /// The original's: JPEG, PNG and WebP stay what they are, the first frame of a GIF becomes a PNG.
    Same,
    /// This one.
    Exactly(Format),
}

impl FormatRule {
    /// The format of a rendition of an original of format `source`, some of whose pixels are not opaque, or none.
    pub fn format(self, source: SourceFormat, alpha: Alpha) -> Format {
        match (self, source, alpha) {
            (Self::Exactly(format), ..) => format,
            (Self::Same, SourceFormat::Jpeg, _) | (Self::ByAlpha, _, Alpha::Opaque) => Format::Jpeg,
            (Self::Same, SourceFormat::Webp, _) | (Self::ByAlpha, _, Alpha::Sheer) => Format::Webp,
            (Self::Same, SourceFormat::Png | SourceFormat::Gif, _) => Format::Png,
        }
    }

    /// Whether a rendition of an original of format `source` can be of this format, as far as is known without pixels.
    pub fn allows(self, source: SourceFormat, format: Format) -> bool {
        // A JPEG has no alpha; of the others only their pixels say.
        self.format(source, Alpha::Opaque) == format
            || (source != SourceFormat::Jpeg && self.format(source, Alpha::Sheer) == format)
    }
}

/// Whether a picture has a pixel that is not opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpha {
    /// It has none.
    Opaque,
    /// It has one.
    Sheer,
}

/// An unsharp mask: what a blur of `radius` takes away from the brightness is added `amount` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharpen {
    /// Hundredths: 100 adds the difference once.
    pub amount_percent: u16,
    /// Standard deviation of the blur in hundredths of a pixel of the rendition.
    pub radius_px_percent: u16,
}

/// What becomes of the original's words about its rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Copyright {
    /// They are dropped, as all metadata is.
    #[default]
    Strip,
    /// EXIF's Artist and Copyright are written again in a block of ours, as their author wrote them up to 200 bytes each,
    /// without control characters; nothing else is.
    Keep,
}

/// A program of the operator's that makes a rendition's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What is executed: an absolute path.
    pub path: PathBuf,
    /// Its arguments, its own name not among them.
    pub args: Vec<String>,
    /// What it reads.
    pub input: ProgramInput,
    /// Absolute paths that it may read and execute, and nothing else. One that is not there is passed over; one that
    /// cannot be opened rejects the original.
    pub allow: Vec<PathBuf>,
}

/// What a program reads on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramInput {
    /// The rendition's pixels, as our encoder would get them, as a [PAM file](crate::pam_header).
    Pixels,
    /// The original's bytes.
    Original,
}

/// The format of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// Lossy WebP, with alpha where the picture has it.
    Webp,
    /// PNG, eight bits a channel, with alpha where the picture has it.
    Png,
}

impl Format {
    /// `jpeg`, `webp` or `png`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Png => "png",
        }
    }

    /// The file name extension: `jpg`, `webp` or `png`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
        }
    }
}

/// The format of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// JPEG, baseline or progressive, grey, YCbCr, RGB, CMYK or YCCK.
    Jpeg,
    /// PNG of any colour type and depth; of an APNG the default image.
    Png,
    /// GIF, first frame.
    Gif,
    /// WebP, lossy or lossless; of an animation the first frame.
    Webp,
}

impl SourceFormat {
    /// `jpeg`, `png`, `gif` or `webp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// The format by its magic number alone, whatever a name or header claims.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// The same as the format of a rendition; none is a GIF.
    pub fn of_rendition(self) -> Option<Format> {
        match self {
            Self::Jpeg => Some(Format::Jpeg),
            Self::Png => Some(Format::Png),
            Self::Webp => Some(Format::Webp),
            Self::Gif => None,
        }
    }
}

/// What the original turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// By its bytes.
    pub format: SourceFormat,
    /// Pixels, after orientation: as a person sees the picture.
    pub width: u32,
    /// Pixels, after orientation.
    pub height: u32,
}

impl SourceInfo {
    /// Pixels, after orientation.
    pub fn size(&self) -> Extent {
        Extent::new(self.width, self.height)
    }
}

/// One rendition, made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The planned name.
    pub name: String,
    /// By the plan's rule.
    pub format: Format,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The encoded file: sRGB, no metadata but what the plan keeps. Where a program made it, what the program wrote.
    pub bytes: Vec<u8>,
}

/// An original, developed: what it is, and its renditions in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Developed {
    /// What the original turned out to be.
    pub source: SourceInfo,
    /// One for each planned rendition, in the plan's order.
    pub renditions: Vec<Encoded>,
    /// What else was asked for.
    pub extras: Extras,
}

/// What stands for a picture until its renditions are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// The ThumbHash of the upright picture: 5 to 25 bytes; where it was asked for.
    pub thumbhash: Option<Vec<u8>>,
    /// sRGB; where it was asked for and a pixel is at least half opaque.
    pub dominant_colour: Option<[u8; 3]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_the_rule_the_source_and_its_alpha() {
        use {Alpha as A, Format as F, FormatRule as R, SourceFormat as S};
        assert_eq!(R::ByAlpha.format(S::Png, A::Opaque), F::Jpeg);
        assert_eq!(R::ByAlpha.format(S::Png, A::Sheer), F::Webp);
        assert_eq!(R::Exactly(F::Jpeg).format(S::Webp, A::Sheer), F::Jpeg);
        for (source, same) in [(S::Jpeg, F::Jpeg), (S::Png, F::Png), (S::Gif, F::Png), (S::Webp, F::Webp)] {
            for alpha in [A::Opaque, A::Sheer] {
                assert_eq!(R::Same.format(source, alpha), same);
            }
        }
        assert!(R::ByAlpha.allows(S::Png, F::Webp) && R::ByAlpha.allows(S::Png, F::Jpeg));
        assert!(!R::ByAlpha.allows(S::Jpeg, F::Webp) && !R::Exactly(F::Png).allows(S::Gif, F::Jpeg));
    }
}
