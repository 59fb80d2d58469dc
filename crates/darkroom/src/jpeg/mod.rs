//! Owns JPEG: what its markers say, our own reading and writing, and the way to libjpeg-turbo.

mod bare;
mod coverage;
mod dct;
mod decoder;
mod headers;
#[cfg(test)]
mod judge;
mod libjpeg;
mod markers;
mod profile;
mod read;
mod walk;
mod write;

pub(crate) use decoder::{Jpeg, JpegDecoder};
pub(crate) use markers::is_frame;
pub(crate) use walk::exif;
pub(crate) use write::JpegEncoder;
