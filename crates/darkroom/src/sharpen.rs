//! Owns sharpening: an unsharp mask on brightness alone, so that no edge gets a coloured fringe. What is invisible
//! neither gives nor takes. Whole numbers only: the same picture gives the same bytes on every machine.

use crate::Sharpen;
use crate::picture::{Channels, Picture};

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
    let mut rows = Vec::with_capacity(plane.len());
    let mut padded = vec![0; width + 2 * reach];
    for row in plane.chunks_exact(width) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + width].copy_from_slice(row);
        padded[reach + width..].fill(row[width - 1]);
        rows.extend((reach..reach + width).map(|at| {
            let sides = |distance: usize| u32::from(padded[at - distance]) + u32::from(padded[at + distance]);
            narrowed(u32::from(padded[at]) * weights[0] + side_sum(weights, sides))
        }));
    }
    let mut blurred = Vec::with_capacity(plane.len());
    for y in 0..height {
        let row = |y: usize| &rows[y * width..(y + 1) * width];
        blurred.extend((0..width).map(|x| {
            let sides = |distance: usize| {
                u32::from(row(y.saturating_sub(distance))[x])
                    + u32::from(row((y + distance).min(height - 1))[x])
            };
            narrowed(u32::from(row(y)[x]) * weights[0] + side_sum(weights, sides))
        }));
    }
    blurred
}

fn side_sum(weights: &[u32], sides: impl Fn(usize) -> u32) -> u32 {
    weights.iter().enumerate().skip(1).map(|(distance, weight)| weight * sides(distance)).sum()
}

fn narrowed(sum: u32) -> u16 {
    u16::try_from((sum + ONE / 2) / ONE).expect("a mean of 16-bit numbers is one")
}
