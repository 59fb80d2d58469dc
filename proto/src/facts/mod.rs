//! The facts as the code works with them: parsed, typed, complete. Their wire form is in `wire`.

mod failed;
mod placeholder;
mod reason;
mod source;

pub use failed::{DeadRecord, ImageFailed};
pub use placeholder::{InvalidThumbHash, Placeholder, ThumbHash};
pub use reason::{InvalidReason, Reason};
pub use source::{Channel, Picture, Source};

use std::num::NonZeroU32;

use crate::{ClaimCheck, Format, UnixMillis};

/// An original is in S3, whole and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUploaded {
    /// The original.
    pub source: Source,
    /// 0 at first; each further attempt at the same image has the next number.
    pub attempt: u32,
}

/// Every rendition of the recipe is in S3 and readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProcessed {
    /// The original; its `picture` is known now.
    pub source: Source,
    /// The attempt that this is the end of.
    pub attempt: u32,
    /// In the recipe's order.
    pub renditions: Vec<RenditionFact>,
    /// What stands for the image until they are there.
    pub placeholder: Placeholder,
    /// The engine that made the renditions, the oldest where several did; none when nobody said.
    pub engine: Option<NonZeroU32>,
    /// When the last rendition was stored.
    pub processed_at: UnixMillis,
}

/// One stored rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionFact {
    /// Its name in the recipe.
    pub name: String,
    /// The format of its bytes.
    pub format: Format,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Where it lies.
    pub object: ClaimCheck,
}
