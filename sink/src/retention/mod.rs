//! Keeping the promise about time, from its other side: nothing that was taken in is forgotten.

mod pass;
mod progress;
mod sweep;
mod told;
mod walk;

pub use pass::Swept;
pub use sweep::Sweep;

pub(crate) use pass::SweepParts;
