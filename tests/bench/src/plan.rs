//! Owns how a job of the bench is said to our engine. The one place that knows what a plan is made of.

use darkroom::{FormatRule, Plan, Rendition};

use crate::protocol::{Format, Job};

/// The plan of a job: one rendition for each side.
pub(crate) fn of(job: &Job) -> Plan {
    let format = FormatRule::Exactly(match job.format {
        Format::Jpeg => darkroom::Format::Jpeg,
        Format::Webp => darkroom::Format::Webp,
    });
    let rendition =
        |&side: &u32| Rendition { format, ..Rendition::new(format!("r{side}"), side, job.quality) };
    job.sides.iter().map(rendition).collect::<Vec<_>>().into()
}
