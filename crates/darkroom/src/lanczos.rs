//! Owns the filter that pictures are shrunk with: Lanczos with three lobes, by a polynomial instead of two sines. Each
//! picture needs a hundred thousand of its values, and as many calls of the C library cost more than a thumbnail's encoding.

use std::f64::consts::PI;

use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions};

/// How far the filter looks, in samples of the coarser of the two rows.
pub(crate) const LOBES: f64 = 3.0;

/// The resizer's options with this filter.
pub(crate) fn options() -> ResizeOptions {
    let filter = Filter::new("Lanczos3", lanczos3, LOBES).expect("three is a width");
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Custom(filter)))
}

/// `sinc(x) * sinc(x / 3)` within three of zero.
fn lanczos3(x: f64) -> f64 {
    let x = x.abs();
    if x >= LOBES {
        return 0.0;
    }
    if x < 1e-6 {
        return 1.0;
    }
    // sin(3t) is 3 sin(t) - 4 sin(t)^3: one sine does for both.
    let third = sine(PI * x / LOBES);
    LOBES * third * third * (3.0 - 4.0 * third * third) / (PI * PI * x * x)
}

/// The sine of an angle from 0 to pi, by Taylor's series: off by less than one in a thousand million.
fn sine(angle: f64) -> f64 {
    let angle = angle.min(PI - angle);
    let square = angle * angle;
    let factors = [156.0, 110.0, 72.0, 42.0, 20.0, 6.0];
    angle * factors.iter().fold(1.0, |sum, factor| 1.0 - square / factor * sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_polynomial_is_the_filter(x in -3.5f64..3.5) {
            let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
            let exact = if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
            prop_assert!((lanczos3(x) - exact).abs() < 1e-8, "{} for {exact}", lanczos3(x));
        }
    }
}
