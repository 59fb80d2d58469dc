//! Owns sharpening: an unsharp mask on brightness alone, so that no edge gets a coloured fringe. What is invisible
//! neither gives nor takes. Whole numbers only: the same picture gives the same bytes on every machine.

use crate::Sharpen;
use crate::raster::picture::{Channels, Picture};

/// Sum of a blur's weights.
const ONE: u32 = 1 << 12;
/// Standard deviations that a blur reaches to each side.
const REACH: f64 = 3.0;

/// Adds to an RGB or RGBA picture what a blur takes away from its brightness.
pub(crate) fn sharpened(mut picture: Picture, sharpen: Sharpen) -> Picture {
    let count = picture.channels.count();
    let alpha_of = |pixel: &[u8]| if count == 4 { pixel[3] } else { 255 };
    // Brightness weighted by alpha, and the weights: their quotient is the brightness of what is seen.
    let lights: Vec<u16> =
        picture.bytes.chunks_exact(count).map(|pixel| weighted(brightness(pixel), alpha_of(pixel))).collect();
    let weights = weights(sharpen.radius_px_percent);
    let size = (picture.width as usize, picture.height as usize);
    let blurred = blur(&lights, size, &weights);
    let seen = (picture.channels == Channels::Rgba).then(|| {
        let alphas: Vec<u16> =
            picture.bytes.chunks_exact(count).map(|pixel| weighted(255, alpha_of(pixel))).collect();
        blur(&alphas, size, &weights)
    });
    for (index, pixel) in picture.bytes.chunks_exact_mut(count).enumerate() {
        let opacity = seen.as_ref().map_or(OPAQUE, |seen| seen[index]);
        let around = i32::from(blurred[index]) * 255 * i32::from(SCALE) / i32::from(opacity.max(1));
        let own = i32::from(brightness(pixel)) * i32::from(SCALE);
        let more = (own - around) * i32::from(sharpen.amount_percent) / 100;
        let more = (more + i32::from(SCALE) / 2).div_euclid(i32::from(SCALE));
        for channel in &mut pixel[..3] {
            *channel = u8::try_from((i32::from(*channel) + more).clamp(0, 255)).expect("clamped to a byte");
        }
    }
    picture
}

/// Parts of a step of brightness that a blur tells apart.
const SCALE: u16 = 128;
const OPAQUE: u16 = 255 * SCALE;

fn weighted(value: u8, alpha: u8) -> u16 {
    let product = u32::from(value) * u32::from(alpha) * u32::from(SCALE);
    u16::try_from((product + 127) / 255).expect("255 * 128 is below 65536")
}

/// Luma of BT.601, as JPEG has it.
fn brightness(pixel: &[u8]) -> u8 {
    let luma = u32::from(pixel[0]) * 77 + u32::from(pixel[1]) * 150 + u32::from(pixel[2]) * 29;
    u8::try_from((luma + 128) >> 8).expect("the weights sum to 256")
}

/// A Gaussian's weights from the middle outwards: the middle once, the others for both sides. They sum to `ONE`.
fn weights(radius_px_percent: u16) -> Vec<u32> {
    let radius = f64::from(radius_px_percent.max(1)) / 100.0;
    let reach = (radius * REACH).ceil() as usize;
    let bell = |distance: usize| (-0.5 * (distance as f64 / radius).powi(2)).exp();
    let total = bell(0) + 2.0 * (1..=reach).map(bell).sum::<f64>();
    let mut weights: Vec<u32> =
        (0..=reach).map(|distance| (bell(distance) / total * f64::from(ONE)).round() as u32).collect();
    weights[0] = ONE - 2 * weights[1..].iter().sum::<u32>();
    weights
}

/// Blurs a plane: rows, then columns. Beyond an edge the edge goes on.
fn blur(plane: &[u16], (width, height): (usize, usize), weights: &[u32]) -> Vec<u16> {
    let reach = weights.len() - 1;
    let mut sums = vec![0; width];
    let mut rows = Vec::with_capacity(plane.len());
    let mut padded = vec![0; width + 2 * reach];
    for row in plane.chunks_exact(width) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + width].copy_from_slice(row);
        padded[reach + width..].fill(row[width - 1]);
        weigh(&mut sums, weights, |distance| (&padded[reach - distance..], &padded[reach + distance..]));
        rows.extend(sums.iter().map(|&sum| narrowed(sum)));
    }
    let mut blurred = Vec::with_capacity(plane.len());
    for y in 0..height {
        let row = |y: usize| &rows[y * width..(y + 1) * width];
        weigh(&mut sums, weights, |distance| {
            (row(y.saturating_sub(distance)), row((y + distance).min(height - 1)))
        });
        blurred.extend(sums.iter().map(|&sum| narrowed(sum)));
    }
    blurred
}

/// Sums the neighbours at each distance by their weight; the one at distance 0 counts once.
fn weigh<'a>(sums: &mut [u32], weights: &[u32], neighbours: impl Fn(usize) -> (&'a [u16], &'a [u16])) {
    for (sum, &own) in sums.iter_mut().zip(neighbours(0).0) {
        *sum = u32::from(own) * weights[0];
    }
    for (distance, weight) in weights.iter().enumerate().skip(1) {
        let (one, other) = neighbours(distance);
        for ((sum, &one), &other) in sums.iter_mut().zip(one).zip(other) {
            *sum += (u32::from(one) + u32::from(other)) * weight;
        }
    }
}

fn narrowed(sum: u32) -> u16 {
    u16::try_from((sum + ONE / 2) / ONE).expect("a mean of 16-bit numbers is one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mask(amount_percent: u16, radius_px_percent: u16) -> Sharpen {
        Sharpen { amount_percent, radius_px_percent }
    }

    #[test]
    fn a_blur_is_a_gaussians() {
        let mut point = vec![0u16; 21 * 21];
        point[10 * 21 + 10] = 60_000;
        let blurred = blur(&point, (21, 21), &weights(150));
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
        let picture = Picture::new((20, 9), Channels::Rgb, row.repeat(9));
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
        let picture = Picture::new((16, 8), Channels::Rgba, row.repeat(8));
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
            let picture = Picture::new((width, height), Channels::Rgba, bytes);
            let sharp = sharpened(picture.clone(), mask(amount, radius));
            let alphas = |picture: &Picture| picture.bytes.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
            prop_assert_eq!(alphas(&sharp), alphas(&picture));
        }
    }
}
