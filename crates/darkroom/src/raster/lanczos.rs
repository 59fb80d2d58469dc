//! Owns the filter that pictures are shrunk with: Lanczos with three lobes, from a table instead of two sines. Each
//! picture needs a hundred thousand of its values, and as many sines cost more than a thumbnail's encoding.

use std::f64::consts::PI;
use std::sync::LazyLock;

use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions};

/// How far the filter looks, in samples of the coarser of the two rows.
pub(crate) const LOBES: f64 = 3.0;

/// Between two values of the table the filter is a straight line within three millionths, a tenth of what the resizer
/// rounds its weights to.
const STEPS: usize = 512;

/// The filter at every step from 0 to three, and a zero behind.
static VALUES: LazyLock<[f64; 3 * STEPS + 2]> =
    LazyLock::new(|| std::array::from_fn(|step| exact(step as f64 / STEPS as f64)));

/// The resizer's options with this filter.
pub(crate) fn options() -> ResizeOptions {
    let filter = Filter::new("Lanczos3", weight, LOBES).expect("three is a width");
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Custom(filter)))
}

/// The filter within three of zero, and zero elsewhere.
fn weight(x: f64) -> f64 {
    let place = x.abs().min(LOBES) * STEPS as f64;
    // At most the last step but one.
    let step = place as usize;
    let (before, after) = (VALUES[step], VALUES[step + 1]);
    before + (after - before) * (place - step as f64)
}

/// `sinc(x) * sinc(x / 3)`.
fn exact(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x < LOBES { sinc(x) * sinc(x / LOBES) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_is_the_filter(x in -3.5f64..3.5) {
            prop_assert!((weight(x) - exact(x.abs())).abs() < 3e-6, "{} for {}", weight(x), exact(x.abs()));
        }
    }
}
