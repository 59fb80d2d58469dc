//! Owns how a job of the bench is said to our engine. The one place that knows what a plan is made of.

use darkroom::Rendition;

use crate::protocol::Job;

/// The plan of a job: one rendition for each side.
pub(crate) fn of(job: &Job) -> Vec<Rendition> {
    let rendition =
        |&side: &u32| Rendition { name: format!("r{side}"), longer_side_px: side, quality: job.quality };
    job.sides.iter().map(rendition).collect()
}
