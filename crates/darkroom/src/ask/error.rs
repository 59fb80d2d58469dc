//! Owns why an original cannot be developed. The names are those of the closed list of failure reasons; what a
//! message says is ours, never the file's.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an original was rejected, from the closed list that clients see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not JPEG, PNG, GIF or WebP by its first bytes, or a variant of these that is not decoded.
    UnsupportedFormat,
    /// The bytes contradict their format.
    Corrupt,
    /// The bytes end before the picture does.
    Truncated,
    /// The header announces more pixels than are allowed.
    PixelsTooMany,
    /// The header announces a longer side than is allowed, or the file is larger than is allowed.
    DimensionsTooLarge,
    /// Decoding took too much CPU time, twice; or a program of the recipe's took too long, once; or the host let no worker
    /// come to an end in time, again and again.
    DecodeTimeout,
    /// Decoding wanted more memory than is allowed.
    DecodeMemory,
    /// The decoder panicked, or its process died twice in a way that is none of the others; or a program of the recipe's
    /// made no picture.
    DecoderCrashed,
}

impl Reason {
    /// The reason's name on the wire: `corrupt`, `decode_timeout`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "unsupported_format",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::PixelsTooMany => "pixels_too_many",
            Self::DimensionsTooLarge => "dimensions_too_large",
            Self::DecodeTimeout => "decode_timeout",
            Self::DecodeMemory => "decode_memory",
            Self::DecoderCrashed => "decoder_crashed",
        }
    }
}

/// Why [`render`](crate::render) gave up on an original: the data is wrong, and no retry changes that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    /// Not one of the four formats, or a variant that is not decoded.
    #[error("cannot decode this format: {0}")]
    UnsupportedFormat(String),
    /// The bytes contradict their format.
    #[error("find the file corrupt: {0}")]
    Corrupt(String),
    /// The bytes end before the picture does.
    #[error("find the file cut short: {0}")]
    Truncated(String),
    /// Width times height is above `decode_pixels_max`.
    #[error("refuse {pixels} pixels, the limit is {max}")]
    PixelsTooMany {
        /// What the header announces.
        pixels: u64,
        /// The limit.
        max: u64,
    },
    /// A side is above `side_pixels_max`.
    #[error("refuse {width} x {height} pixels, the limit is {max} a side")]
    DimensionsTooLarge {
        /// Pixels, before orientation.
        width: u32,
        /// Pixels, before orientation.
        height: u32,
        /// The limit.
        max: u32,
    },
    /// The file is above `file_bytes_max`; reported as `dimensions_too_large`, the nearest reason of the list.
    #[error("refuse a file of {bytes} bytes, the limit is {max}")]
    FileTooLarge {
        /// Bytes of the original.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// A codec could not allocate what it needs.
    #[error("run out of memory: {0}")]
    OutOfMemory(String),
}

impl RenderError {
    /// The reason that clients see.
    pub fn reason(&self) -> Reason {
        match self {
            Self::UnsupportedFormat(_) => Reason::UnsupportedFormat,
            Self::Corrupt(_) => Reason::Corrupt,
            Self::Truncated(_) => Reason::Truncated,
            Self::PixelsTooMany { .. } => Reason::PixelsTooMany,
            Self::DimensionsTooLarge { .. } | Self::FileTooLarge { .. } => Reason::DimensionsTooLarge,
            Self::OutOfMemory(_) => Reason::DecodeMemory,
        }
    }

    pub(crate) fn corrupt(what: impl ToString) -> Self {
        Self::Corrupt(what.to_string())
    }

    pub(crate) fn truncated(what: impl ToString) -> Self {
        Self::Truncated(what.to_string())
    }

    pub(crate) fn unsupported(what: impl ToString) -> Self {
        Self::UnsupportedFormat(what.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_name_in_code_and_on_the_wire() {
        for reason in [
            Reason::UnsupportedFormat,
            Reason::Corrupt,
            Reason::Truncated,
            Reason::PixelsTooMany,
            Reason::DimensionsTooLarge,
            Reason::DecodeTimeout,
            Reason::DecodeMemory,
            Reason::DecoderCrashed,
        ] {
            let wire = serde_json::to_string(&reason).unwrap();
            assert_eq!(wire, format!("\"{}\"", reason.as_str()));
        }
    }
}
