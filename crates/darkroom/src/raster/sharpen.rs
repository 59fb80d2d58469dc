//! Owns sharpening: an unsharp mask on brightness alone, so that no edge gets a coloured fringe. What is invisible
//! neither gives nor takes. Sums are in 32-bit floats in a fixed order, with weights that are whole parts: the same picture
//! gives the same bytes on every machine, and the brightness of what is nearly invisible is as exact as any.

use crate::Sharpen;
use crate::raster::picture::{Channels, Picture};

/// Parts that a blur's weights are whole numbers of.
const ONE: f64 = 4096.0;
/// Standard deviations that a blur reaches to each side.
const REACH: f64 = 3.0;

/// Adds to an RGB or RGBA picture what a blur takes away from its brightness.
pub(crate) fn sharpened(mut picture: Picture, sharpen: Sharpen) -> Picture {
    let count = picture.channels.count();
    let is_sheer = picture.channels == Channels::Rgba;
    let alpha_of = |pixel: &[u8]| if is_sheer { f32::from(pixel[3]) } else { 1.0 };
    // Brightness weighted by alpha, and the weights: their quotient is the brightness of what is seen.
    let plane =
        |of: &dyn Fn(&[u8]) -> f32| -> Vec<f32> { picture.bytes.chunks_exact(count).map(of).collect() };
    let weights = weights(sharpen.radius_px_percent);
    let width = picture.size.width as usize;
    let blurred = blur(&plane(&|pixel| brightness(pixel) * alpha_of(pixel)), width, &weights);
    let seen = is_sheer.then(|| blur(&plane(&alpha_of), width, &weights));
    let amount = f32::from(sharpen.amount_percent) / 100.0;
    for (index, pixel) in picture.bytes.chunks_exact_mut(count).enumerate() {
        if is_sheer && pixel[3] == 0 {
            continue;
        }
        let around = seen.as_ref().map_or(blurred[index], |seen| blurred[index] / seen[index]);
        // A cast of what is whole; it clamps.
        let more = ((brightness(pixel) - around) * amount + 0.5).floor() as i32;
        for channel in &mut pixel[..3] {
            *channel = u8::try_from((i32::from(*channel) + more).clamp(0, 255)).expect("clamped to a byte");
        }
    }
    picture
}

/// Luma of BT.601, as JPEG has it.
fn brightness(pixel: &[u8]) -> f32 {
    let luma = u16::from(pixel[0]) * 77 + u16::from(pixel[1]) * 150 + u16::from(pixel[2]) * 29;
    f32::from(luma) / 256.0
}

/// A Gaussian's weights from the middle outwards: the middle once, the others for both sides. They sum to one.
fn weights(radius_px_percent: u16) -> Vec<f32> {
    let radius = f64::from(radius_px_percent.max(1)) / 100.0;
    let reach = (radius * REACH).ceil() as usize;
    let bell = |distance: usize| (-0.5 * (distance as f64 / radius).powi(2)).exp();
    let total = bell(0) + 2.0 * (1..=reach).map(bell).sum::<f64>();
    let mut parts: Vec<f64> = (0..=reach).map(|distance| (bell(distance) / total * ONE).round()).collect();
    parts[0] = ONE - 2.0 * parts[1..].iter().sum::<f64>();
    parts.into_iter().map(|part| (part / ONE) as f32).collect()
}

/// Blurs a plane whose rows are `width` long: rows, then columns. Beyond an edge the edge goes on.
fn blur(plane: &[f32], width: usize, weights: &[f32]) -> Vec<f32> {
    let height = plane.len() / width;
    let reach = weights.len() - 1;
    let mut rows = vec![0.0; plane.len()];
    let mut padded = vec![0.0; width + 2 * reach];
    for (row, sums) in plane.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + width].copy_from_slice(row);
        padded[reach + width..].fill(row[width - 1]);
        weigh(sums, weights, |distance| (&padded[reach - distance..], &padded[reach + distance..]));
    }
    let mut blurred = vec![0.0; plane.len()];
    for (y, sums) in blurred.chunks_exact_mut(width).enumerate() {
        let row = |y: usize| &rows[y * width..(y + 1) * width];
        weigh(sums, weights, |distance| {
            (row(y.saturating_sub(distance)), row((y + distance).min(height - 1)))
        });
    }
    blurred
}

/// Sums the neighbours at each distance by their weight; the one at distance 0 counts once.
fn weigh<'a>(sums: &mut [f32], weights: &[f32], neighbours: impl Fn(usize) -> (&'a [f32], &'a [f32])) {
    for (sum, &own) in sums.iter_mut().zip(neighbours(0).0) {
        *sum = own * weights[0];
    }
    for (distance, weight) in weights.iter().enumerate().skip(1) {
        let (one, other) = neighbours(distance);
        for ((sum, &one), &other) in sums.iter_mut().zip(one).zip(other) {
            *sum += (one + other) * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extent;
    use proptest::prelude::*;

    fn mask(amount_percent: u16, radius_px_percent: u16) -> Sharpen {
        Sharpen { amount_percent, radius_px_percent }
    }

    #[test]
    fn a_blur_is_a_gaussians() {
        let mut point = vec![0.0; 21 * 21];
        point[10 * 21 + 10] = 60_000.0;
        let blurred = blur(&point, 21, &weights(150));
        let exact =
            |x: f64, y: f64| 60_000.0 / (2.0 * std::f64::consts::PI * 2.25) * (-(x * x + y * y) / 4.5).exp();
        for (x, y) in [(0, 0), (1, 0), (0, 2), (2, 2), (3, 1)] {
            let got = f64::from(blurred[(10 + y) * 21 + 10 + x]);
            let expected = exact(x as f64, y as f64);
            assert!((got - expected).abs() < 60.0, "{x},{y}: {got} for {expected}");
        }
    }

    #[test]
    fn an_edge_gets_the_difference_to_its_blur_added_to_each_channel() {
        let row: Vec<u8> =
            (0..20).flat_map(|x| if x < 10 { [60, 100, 20] } else { [120, 160, 80] }).collect();
        let picture = Picture::new(Extent::new(20, 9), Channels::Rgb, row.repeat(9));
        let sharp = sharpened(picture, mask(100, 100));
        let pixel = |x: usize| &sharp.bytes[(4 * 20 + x) * 3..][..3];
        // Half a step of 60 lies beyond the edge: the blur there is 30 more or less, seen from half a pixel away.
        let below = 60 - pixel(9)[0];
        assert!((17..=19).contains(&below), "{below}");
        assert_eq!(pixel(9), [60 - below, 100 - below, 20 - below]);
        assert_eq!(pixel(10), [120 + below, 160 + below, 80 + below]);
        assert_eq!((pixel(2), pixel(17)), (&[60, 100, 20][..], &[120, 160, 80][..]));
    }

    #[test]
    fn what_is_invisible_gives_nothing_to_what_is_seen() {
        let row: Vec<u8> =
            (0..16).flat_map(|x| if x < 8 { [90, 90, 90, 255] } else { [255, 0, 255, 0] }).collect();
        let picture = Picture::new(Extent::new(16, 8), Channels::Rgba, row.repeat(8));
        let sharp = sharpened(picture.clone(), mask(500, 200));
        let seen = |picture: &Picture| -> Vec<u8> {
            picture.bytes.chunks_exact(4).filter(|pixel| pixel[3] > 0).flatten().copied().collect()
        };
        let near = seen(&sharp).iter().zip(seen(&picture)).all(|(&a, b)| a.abs_diff(b) <= 1);
        assert!(near, "{:?}", &sharp.bytes[..32]);
    }

    proptest! {
        #[test]
        fn no_picture_panics_and_its_alpha_stays(
            width in 1u32..9, height in 1u32..9, amount in 1u16..=500, radius in 10u16..=500,
            noise in proptest::collection::vec(any::<u8>(), 64 * 4),
        ) {
            let bytes = noise[..(width * height * 4) as usize].to_vec();
            let picture = Picture::new(Extent::new(width, height), Channels::Rgba, bytes);
            let sharp = sharpened(picture.clone(), mask(amount, radius));
            let alphas = |picture: &Picture| picture.bytes.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
            prop_assert_eq!(alphas(&sharp), alphas(&picture));
        }

        #[test]
        fn one_colour_stays_that_colour_whatever_is_seen_of_it(
            width in 1u32..9, height in 1u32..9, amount in 1u16..=500, radius in 10u16..=500,
            colour in any::<[u8; 3]>(), alphas in proptest::collection::vec(any::<u8>(), 64),
        ) {
            let pixel = |&alpha: &u8| [colour[0], colour[1], colour[2], alpha];
            let bytes = alphas[..(width * height) as usize].iter().flat_map(pixel).collect();
            let picture = Picture::new(Extent::new(width, height), Channels::Rgba, bytes);
            prop_assert_eq!(sharpened(picture.clone(), mask(amount, radius)), picture);
        }
    }
}
