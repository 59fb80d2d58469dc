//! Pixels: decode, render, encode, and the worker process around them.
//!
//! Owns what happens between an original's bytes and its renditions' bytes. Knows nothing about S3, Kafka, HTTP
//! or logging: [`render`] is a pure function of bytes, plan and limits, and [`worker`] runs it where a hostile
//! file can take down nothing but itself.

mod axis;
mod colour;
mod crop;
mod dct;
mod decode;
mod embed;
mod encode;
mod error;
mod extras;
mod finish;
mod flatten;
mod jpeg_encode;
mod lanczos;
#[cfg(test)]
mod libjpeg;
mod limits;
mod marker;
mod orient;
mod pam;
mod picture;
mod plan;
mod plane;
mod planes;
mod render;
mod rights;
mod sharpen;
mod size;
mod transpose;
mod webp_encode;
pub mod worker;

pub use error::{Reason, RenderError};
pub use limits::Limits;
pub use pam::pam_header;
pub use plan::{
    Alpha, Copyright, Developed, Encoded, Extras, Format, FormatRule, Plan, Program, ProgramInput, Rendition,
    Sharpen, SourceFormat, SourceInfo,
};
pub use render::{Darkroom, render};
pub use size::{Frame, Gravity, Size};
