//! Owns what is asked for and within which limits, what comes out, and why it may not. Knows nothing about how.

pub(crate) mod error;
pub(crate) mod extent;
pub(crate) mod limits;
pub(crate) mod plan;
pub(crate) mod size;
