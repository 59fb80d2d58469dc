//! Owns the order of the work: decode, shrink, convert colours, turn upright, then each rendition from the next
//! larger one. Computes only: no clock, no files, no logging.

use crate::decode::{Decoded, decode};
use crate::picture::Picture;
use crate::{Developed, Encoded, Limits, RenderError, Rendition, SourceInfo, colour, encode, orient};

/// Makes the renditions of `plan` from the bytes of an original.
///
/// The same input gives the same bytes. Renditions come in the plan's order, in sRGB, upright, without metadata:
/// JPEG, or WebP where the original has at least one pixel that is not opaque. Fails when the original is wrong or
/// beyond `limits`. A decoder that panics panics through: the [`worker`](crate::worker) is there for that.
pub fn render(original: &[u8], plan: &[Rendition], limits: &Limits) -> Result<Developed, RenderError> {
    let bytes = original.len() as u64;
    if bytes > limits.file_bytes_max {
        return Err(RenderError::FileTooLarge { bytes, max: limits.file_bytes_max });
    }
    let (format, decoded) = decode(original, limits)?;
    let stored = (decoded.picture.width, decoded.picture.height);
    let (width, height) = orient::upright_size(decoded.orientation, stored);
    let source = SourceInfo { format, width, height };

    let order = largest_first(plan);
    let mut renditions: Vec<Option<Encoded>> = vec![None; plan.len()];
    if let Some(&largest) = order.first() {
        let mut picture = develop(decoded, &plan[largest])?;
        for index in order {
            let (width, height) = plan[index].size_of(source.width, source.height);
            picture = picture.shrunk(width, height)?;
            renditions[index] = Some(finish(&picture, &plan[index])?);
        }
    }
    Ok(Developed { source, renditions: renditions.into_iter().flatten().collect() })
}

fn largest_first(plan: &[Rendition]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..plan.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(plan[index].longer_side_px));
    order
}

/// Brings a decoded picture to the size of the largest rendition, upright and in sRGB. Shrinks first: turning and
/// converting then touch the fewest pixels.
fn develop(decoded: Decoded, largest: &Rendition) -> Result<Picture, RenderError> {
    let Decoded { picture, orientation, icc } = decoded;
    let picture = picture.without_opaque_alpha();
    let (width, height) = largest.size_of(picture.width, picture.height);
    let picture = picture.shrunk(width, height)?;
    let picture = colour::to_srgb(picture, icc.as_deref());
    Ok(orient::upright(picture, orientation))
}

fn finish(picture: &Picture, rendition: &Rendition) -> Result<Encoded, RenderError> {
    let (format, bytes) = encode::encode(picture, rendition.quality)?;
    Ok(Encoded { name: rendition.name.clone(), format, width: picture.width, height: picture.height, bytes })
}
