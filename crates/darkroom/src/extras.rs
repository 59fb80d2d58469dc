//! Owns what stands for a picture until its renditions are there: its ThumbHash and its dominant colour, both taken from
//! a small copy of the upright sRGB picture.

use crate::raster::picture::{Channels, Picture};
use crate::raster::plane::Scaler;
use crate::{Extras, Plan, RenderError, Size};

/// The longer side of the copy in pixels: a ThumbHash takes no more.
pub(crate) const SIDE_PX: u32 = 100;
/// What is less opaque than this is not seen.
const ALPHA_MIN: u8 = 128;
/// Bits of a channel that tell two colours apart.
const BITS: u32 = 4;

/// Whether `plan` asks for any.
pub(crate) fn are_wanted(plan: &Plan) -> bool {
    plan.thumbhash || plan.dominant_colour
}

/// Takes what `plan` asks for from an RGB or RGBA picture.
pub(crate) fn of(picture: &Picture, plan: &Plan, scaler: &mut Scaler) -> Result<Extras, RenderError> {
    if !are_wanted(plan) {
        return Ok(Extras::default());
    }
    let size = Size::LongerSide(SIDE_PX).frame(picture.size).whole;
    let small = match size == picture.size {
        true => picture.clone(),
        false => picture.shrunk(size, scaler)?,
    };
    let rgba = match small.channels {
        Channels::Rgba => small.bytes,
        _ => small.bytes.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect(),
    };
    Ok(Extras {
        thumbhash: plan
            .thumbhash
            .then(|| thumbhash::rgba_to_thumb_hash(size.width as usize, size.height as usize, &rgba)),
        dominant_colour: plan.dominant_colour.then(|| dominant_colour(&rgba)).flatten(),
    })
}

/// The mean of the most frequent colours, those alike in the upper bits of each channel; none where nothing is seen.
fn dominant_colour(rgba: &[u8]) -> Option<[u8; 3]> {
    let mut bins = vec![[0u32; 4]; 1 << (3 * BITS)];
    for pixel in rgba.chunks_exact(4).filter(|pixel| pixel[3] >= ALPHA_MIN) {
        let bin = pixel[..3].iter().fold(0, |bin, &channel| bin << BITS | usize::from(channel >> (8 - BITS)));
        let [count, sums @ ..] = &mut bins[bin];
        *count += 1;
        sums.iter_mut().zip(pixel).for_each(|(sum, &channel)| *sum += u32::from(channel));
    }
    // The first of equals, so that the same picture gives the same colour.
    let best = bins.iter().rev().max_by_key(|bin| bin[0])?;
    let mean = |sum: u32| u8::try_from((sum + best[0] / 2) / best[0]).expect("a mean of bytes is a byte");
    (best[0] > 0).then(|| [mean(best[1]), mean(best[2]), mean(best[3])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extent;

    fn asked() -> Plan {
        Plan { thumbhash: true, dominant_colour: true, ..Plan::default() }
    }

    /// A sky above a meadow.
    fn landscape() -> Picture {
        let pixel = |index: u32| if index / 200 < 60 { [90, 150, 230] } else { [40, 120, 30] };
        Picture::new(Extent::new(200, 100), Channels::Rgb, (0..200 * 100).flat_map(pixel).collect())
    }

    #[test]
    fn the_most_frequent_colour_is_dominant() {
        let extras = of(&landscape(), &asked(), &mut Scaler::default()).unwrap();
        assert_eq!(extras.dominant_colour, Some([90, 150, 230]));
    }

    #[test]
    fn the_hash_shows_the_picture_again() {
        let hash = of(&landscape(), &asked(), &mut Scaler::default()).unwrap().thumbhash.unwrap();
        let (width, height, rgba) = thumbhash::thumb_hash_to_rgba(&hash).unwrap();
        assert_eq!((width, height), (32, 18));
        let pixel = |x: usize, y: usize| &rgba[(y * width + x) * 4..][..4];
        let near = |a: &[u8], b: [u8; 3]| a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) < 40);
        assert!(near(pixel(16, 2), [90, 150, 230]), "{:?}", pixel(16, 2));
        assert!(near(pixel(16, 16), [40, 120, 30]), "{:?}", pixel(16, 16));
    }

    #[test]
    fn what_is_invisible_is_not_dominant() {
        let pixel = |index: u32| if index.is_multiple_of(3) { [200, 0, 0, 255] } else { [0, 200, 0, 0] };
        let picture = Picture::new(Extent::new(30, 30), Channels::Rgba, (0..900).flat_map(pixel).collect());
        assert_eq!(
            of(&picture, &asked(), &mut Scaler::default()).unwrap().dominant_colour,
            Some([200, 0, 0])
        );
        let nothing = Picture::new(Extent::new(2, 2), Channels::Rgba, vec![0; 16]);
        let extras = of(&nothing, &asked(), &mut Scaler::default()).unwrap();
        assert_eq!(extras.dominant_colour, None);
        assert!(extras.thumbhash.is_some());
    }

    #[test]
    fn nothing_is_made_unless_asked_for() {
        assert_eq!(of(&landscape(), &Plan::default(), &mut Scaler::default()).unwrap(), Extras::default());
    }
}
