//! Why an image failed: a closed list, the same words in facts, rows, answers, SQL and on the page.

use std::fmt;
use std::str::FromStr;

/// Why an image, or a record, can never be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not JPEG, PNG, GIF or WebP by its bytes.
    UnsupportedFormat,
    /// The decoder found it broken.
    Corrupt,
    /// It ends before it should.
    Truncated,
    /// More pixels than allowed.
    PixelsTooMany,
    /// A side longer than allowed.
    DimensionsTooLarge,
    /// An animation with more than allowed.
    FramesTooMany,
    /// Decoding, or a program of the recipe's, took more time than allowed.
    DecodeTimeout,
    /// Decoding took more memory than allowed.
    DecodeMemory,
    /// The decoder died on it, twice; or a program of the recipe's made no picture of it.
    DecoderCrashed,
    /// The object's bytes are not those of the claim check.
    ChecksumMismatch,
    /// The object is gone.
    OriginalMissing,
    /// Its time was over before it was processed.
    Expired,
    /// The record is not the message it should be.
    MessageMalformed,
    /// The record names a schema that the registry does not know.
    SchemaUnknown,
    /// This processor has no recipe of that id.
    RecipeUnknown,
}

/// Says that a text names no reason.
#[derive(Debug, thiserror::Error)]
#[error("the text names no failure reason")]
pub struct InvalidReason;

impl Reason {
    /// Every reason, in the order of their numbers on the wire, which begin at 1.
    pub const ALL: [Reason; 15] = [
        Reason::UnsupportedFormat,
        Reason::Corrupt,
        Reason::Truncated,
        Reason::PixelsTooMany,
        Reason::DimensionsTooLarge,
        Reason::FramesTooMany,
        Reason::DecodeTimeout,
        Reason::DecodeMemory,
        Reason::DecoderCrashed,
        Reason::ChecksumMismatch,
        Reason::OriginalMissing,
        Reason::Expired,
        Reason::MessageMalformed,
        Reason::SchemaUnknown,
        Reason::RecipeUnknown,
    ];

    /// Returns the stable name.
    pub fn name(self) -> &'static str {
        match self {
            Reason::UnsupportedFormat => "unsupported_format",
            Reason::Corrupt => "corrupt",
            Reason::Truncated => "truncated",
            Reason::PixelsTooMany => "pixels_too_many",
            Reason::DimensionsTooLarge => "dimensions_too_large",
            Reason::FramesTooMany => "frames_too_many",
            Reason::DecodeTimeout => "decode_timeout",
            Reason::DecodeMemory => "decode_memory",
            Reason::DecoderCrashed => "decoder_crashed",
            Reason::ChecksumMismatch => "checksum_mismatch",
            Reason::OriginalMissing => "original_missing",
            Reason::Expired => "expired",
            Reason::MessageMalformed => "message_malformed",
            Reason::SchemaUnknown => "schema_unknown",
            Reason::RecipeUnknown => "recipe_unknown",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Reason, InvalidReason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == text).ok_or(InvalidReason)
    }
}
