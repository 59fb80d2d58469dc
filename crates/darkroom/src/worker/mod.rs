//! The process around [`render`](crate::render).
