//! Pixels: decode, render, encode, and the worker process around them.
//!
//! Owns what happens between an original's bytes and its renditions' bytes. Knows nothing about S3, Kafka, HTTP
//! or logging: [`render`] is a pure function of bytes, plan and limits, and [`worker`] runs it where a hostile
//! file can take down nothing but itself.

mod colour;
mod decode;
mod encode;
mod error;
mod lanczos;
mod limits;
mod orient;
mod picture;
mod plan;
mod plane;
mod planes;
mod render;
mod transpose;
mod webp_planes;
pub mod worker;

pub use error::{Reason, RenderError};
pub use limits::Limits;
pub use plan::{Developed, Encoded, Format, Rendition, SourceFormat, SourceInfo};
pub use render::{Darkroom, render};
