//! Owns the order of the work: decode, shrink, convert colours, turn upright, then each rendition from the next
//! larger one. Computes only: no clock, no files, no logging.

use crate::decode::{Decoded, decode, rights_of};
use crate::finish::{Original, finish};
use crate::picture::Picture;
use crate::{
    Copyright, Developed, Encoded, Extras, Limits, Plan, RenderError, Size, SourceInfo, colour, extras,
    orient,
};

/// Makes the renditions of `plan` from the bytes of an original.
///
/// The same input gives the same bytes. Renditions come in the plan's order, in sRGB, upright, without metadata but
/// what the plan keeps. Fails when the original is wrong or beyond `limits`. A decoder that panics panics through:
/// the [`worker`](crate::worker) is there for that.
pub fn render(original: &[u8], plan: &Plan, limits: &Limits) -> Result<Developed, RenderError> {
    let bytes = original.len() as u64;
    if bytes > limits.file_bytes_max {
        return Err(RenderError::FileTooLarge { bytes, max: limits.file_bytes_max });
    }
    let (format, decoded) = decode(original, limits)?;
    let stored = (decoded.picture.width, decoded.picture.height);
    let (width, height) = orient::upright_size(decoded.orientation, stored);
    let source = SourceInfo { format, width, height };

    let rights = (plan.copyright == Copyright::Keep).then(|| rights_of(original, format, limits)).flatten();
    let original = Original { source, rights };
    let (renditions, extras) = finish_all(decoded, &original, plan)?;
    Ok(Developed { source, renditions, extras })
}

/// Makes the renditions, the largest first, and takes the extras from the smallest picture that is large enough.
fn finish_all(
    decoded: Decoded,
    original: &Original,
    plan: &Plan,
) -> Result<(Vec<Encoded>, Extras), RenderError> {
    let SourceInfo { width, height, .. } = original.source;
    let whole = |size: Size| size.frame(width, height).whole;
    let wholes: Vec<_> = plan.renditions.iter().map(|rendition| whole(rendition.size)).collect();
    let order = largest_first(&wholes);
    // Nothing but extras needs a picture larger than the largest rendition.
    let small = if extras::are_wanted(plan) { whole(Size::LongerSide(extras::SIDE_PX)) } else { (1, 1) };
    let largest = order.first().map_or(small, |&index| wholes[index]);
    let mut picture = develop(decoded, (largest.0.max(small.0), largest.1.max(small.1)))?;
    let mut extras = None;
    let mut renditions: Vec<Option<Encoded>> = vec![None; wholes.len()];
    for index in order {
        let (width, height) = wholes[index];
        if width < small.0 && extras.is_none() {
            extras = Some(extras::of(&picture, plan)?);
        }
        picture = picture.shrunk(width, height)?;
        renditions[index] = Some(finish(&picture, original, &plan.renditions[index])?);
    }
    let extras = extras.map_or_else(|| extras::of(&picture, plan), Ok)?;
    Ok((renditions.into_iter().flatten().collect(), extras))
}

fn largest_first(sizes: &[(u32, u32)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(u64::from(sizes[index].0) * u64::from(sizes[index].1)));
    order
}

/// Brings a decoded picture to the upright size `largest`, upright and in sRGB. Shrinks first: turning and converting
/// then touch the fewest pixels.
fn develop(decoded: Decoded, largest: (u32, u32)) -> Result<Picture, RenderError> {
    let Decoded { picture, orientation, icc } = decoded;
    let picture = picture.without_opaque_alpha();
    // Turning back is turning: only whether the sides change places counts.
    let (width, height) = orient::upright_size(orientation, largest);
    let picture = picture.shrunk(width, height)?;
    let picture = colour::to_srgb(picture, icc.as_deref());
    Ok(orient::upright(picture, orientation))
}
