//! Owns the renditions that programs of the operator's make: what of a plan is a worker's, what the programs' share of the
//! memory is, and that each program's picture stands where the plan wants it. Starts no process itself.

use std::borrow::Cow;

use super::program::{NoPicture, Produced, Run, fail};
use crate::worker::wire;
use crate::{Developed, Encoded, Limits, Plan, ProgramInput, Reason, Rendition, SourceInfo};

/// The station's copy of the pixels for a program, and the program's.
const COPIES: u64 = 2;

/// What a worker makes of a plan: everything but what programs make of the original's bytes.
pub(super) fn of_worker(plan: &Plan) -> Cow<'_, Plan> {
    if !plan.renditions.iter().any(reads_original) {
        return Cow::Borrowed(plan);
    }
    let mut kept = plan.clone();
    kept.renditions.retain(|rendition| !reads_original(rendition));
    Cow::Owned(kept)
}

/// Bytes that the work on an original takes at most, where the worker takes `estimate`. What a program needs is its own
/// affair: it counts as much as it may have.
pub(super) fn bytes_of(plan: &Plan, estimate: u64, limits: &Limits) -> u64 {
    if plan.renditions.iter().all(|rendition| rendition.program.is_none()) {
        return estimate;
    }
    let pixels = wire::output_bytes_max(plan, limits).saturating_mul(COPIES);
    estimate.max(limits.address_space_bytes_max.saturating_add(pixels))
}

/// Completes what a worker made by [`of_worker`]'s plan: runs each program of `plan` once, one after the other, and puts
/// what it made in its place. The first that fails ends it.
pub(super) fn complete<B: AsRef<[u8]>>(
    developed: Developed,
    plan: &Plan,
    original: &[B],
    run: &Run<'_>,
) -> Result<Developed, NoPicture> {
    let Developed { source, renditions, extras } = developed;
    let mut of_worker = renditions.into_iter();
    let mut next = || of_worker.next().expect("an answer was held against the plan");
    let complete = plan.renditions.iter().map(|planned| match &planned.program {
        None => Ok(next()),
        Some(program) => {
            let produced = match program.input {
                ProgramInput::Pixels => run.once(program, &[next().bytes]),
                ProgramInput::Original => run.once(program, original),
            };
            accept(planned, source, produced?)
        }
    });
    Ok(Developed { source, renditions: complete.collect::<Result<_, _>>()?, extras })
}

fn reads_original(rendition: &Rendition) -> bool {
    rendition.program.as_ref().is_some_and(|program| program.input == ProgramInput::Original)
}

/// Takes a picture as the planned rendition if it has the format that the plan promises; its size is the program's affair.
fn accept(planned: &Rendition, source: SourceInfo, produced: Produced) -> Result<Encoded, NoPicture> {
    let Produced { format, width, height, bytes } = produced;
    if !planned.format.allows(source.format, format) {
        let detail = format!("the program wrote a file of another format than planned: {}", format.as_str());
        return Err(fail(Reason::DecoderCrashed, detail));
    }
    Ok(Encoded { name: planned.name.clone(), format, width, height, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Program;

    fn made(name: &str, input: ProgramInput) -> Rendition {
        let program = Program { path: "/opt/x".into(), args: vec![], input, allow: vec![] };
        Rendition { program: Some(program), ..Rendition::new(name, 10, 80) }
    }

    #[test]
    fn a_worker_makes_all_but_what_programs_make_of_the_original() {
        let (ours, of_pixels) = (Rendition::new("ours", 10, 80), made("pixels", ProgramInput::Pixels));
        let whole: Plan =
            vec![ours.clone(), made("original", ProgramInput::Original), of_pixels.clone()].into();
        assert_eq!(*of_worker(&whole), vec![ours.clone(), of_pixels].into());
        let plain: Plan = vec![ours].into();
        assert!(matches!(of_worker(&plain), Cow::Borrowed(same) if *same == plain));
    }

    #[test]
    fn a_program_counts_as_much_as_it_may_have() {
        let limits = Limits::DEFAULT;
        assert_eq!(bytes_of(&vec![Rendition::new("ours", 10, 80)].into(), 7, &limits), 7);
        let counted = bytes_of(&vec![made("a", ProgramInput::Original)].into(), 7, &limits);
        assert!(counted > limits.address_space_bytes_max);
    }
}
