//! What holds for any bytes: an error, or every rendition of the planned size.

mod outcome;

use darkroom::{Developed, Extent, Limits, Plan, RenderError, Rendition, render};

pub use outcome::{note, words};

/// Small enough that a run spends its time on many files and not on large ones.
fn limits() -> Limits {
    Limits { decode_pixels_max: 1 << 20, side_pixels_max: 4096, ..Limits::DEFAULT }
}

/// One rendition, as small as the decoders' shortcuts go.
pub fn thumb() -> Plan {
    vec![Rendition::new("thumb", 24, 50)].into()
}

/// Develops a file whose first bytes say that it is of this format.
pub fn develops_as(magic: &[u8], file: &[u8], plan: &Plan) {
    let mut original = magic.to_vec();
    original.extend(file.get(magic.len()..).unwrap_or_default());
    check(&original, plan);
}

/// Develops any file.
pub fn check(original: &[u8], plan: &Plan) {
    match render(original, plan, &limits()) {
        Ok(developed) => check_renditions(&developed, plan),
        Err(error) => check_error(&error),
    }
}

fn check_renditions(developed: &Developed, plan: &Plan) {
    assert_eq!(developed.renditions.len(), plan.renditions.len());
    for (made, planned) in developed.renditions.iter().zip(&plan.renditions) {
        let size = planned.size_of(developed.source.size());
        assert_eq!(Extent::new(made.width, made.height), size);
        assert!(!made.bytes.is_empty());
        outcome::note([made.width.ilog2(), made.height.ilog2(), made.bytes.len().ilog2()]);
    }
}

fn check_error(error: &RenderError) {
    let (reason, detail) = (error.reason().as_str(), error.to_string());
    assert!(!reason.is_empty() && detail.len() < 4096);
    outcome::note((reason, outcome::words(&detail)));
}
