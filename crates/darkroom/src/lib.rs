//! Pixels: decode, render, encode, and the worker process around them.
//!
//! Owns what happens between an original's bytes and its renditions' bytes. Knows nothing about S3, Kafka, HTTP
//! or logging: [`render`] is a pure function of bytes, plan and limits, and [`worker`] runs it where a hostile
//! file can take down nothing but itself.

mod ask;
mod exif;
mod extras;
mod finish;
mod formats;
mod jpeg;
mod raster;
mod render;
mod rights;
pub mod worker;

use std::num::NonZeroU32;

pub use ask::error::{Reason, RenderError};
pub use ask::extent::Extent;
pub use ask::limits::Limits;
pub use ask::plan::{
    Alpha, Copyright, Developed, Encoded, Extras, Format, FormatRule, Plan, Program, ProgramInput, Rendition,
    Sharpen, SourceFormat, SourceInfo,
};
pub use ask::size::{Frame, Gravity, Size};
pub use formats::pam::pam_header;
pub use render::{Darkroom, render};

/// Counts changes of the engine that change the bytes it makes. Facts and objects say it; no id and no key has it in it, so
/// that every build understands the others'.
pub const ENGINE_VERSION: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");
