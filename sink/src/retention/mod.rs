//! Keeping the promise about time, from its other side: nothing that was taken in is forgotten.

pub(crate) mod sweep;
