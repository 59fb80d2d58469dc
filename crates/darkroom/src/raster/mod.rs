//! Owns pictures in memory, as pixels or as planes, and what is done to them. Knows nothing about files.

pub(crate) mod axis;
pub(crate) mod canvas;
pub(crate) mod colour;
pub(crate) mod crop;
pub(crate) mod flatten;
pub(crate) mod lanczos;
pub(crate) mod orient;
pub(crate) mod picture;
pub(crate) mod plane;
pub(crate) mod planes;
mod profile;
pub(crate) mod sharpen;
pub(crate) mod sheer;
pub(crate) mod transpose;
pub(crate) mod turn;
mod weighted;
