//! Owns the way from samples to coefficients.

use super::row::Row;
use super::{Frequencies, SIDE};

/// What the middle level, 128, adds to the mean of a block.
const MIDDLE: f32 = 128.0 * 64.0;

/// Transforms a block: eight rows of eight levels, the leftmost in the lowest byte. [`to_steps`](super::to_steps) completes
/// it.
#[inline(always)]
pub(crate) fn forward<R: Row>(samples: [u64; SIDE]) -> Frequencies<R> {
    let mut rows = [R::new([0.0; SIDE]); SIDE];
    for (row, samples) in rows.iter_mut().zip(samples) {
        *row = R::of_bytes(samples);
    }
    let mut columns = eight(R::transposed(eight(rows)));
    columns[0] = columns[0].minus(R::new([MIDDLE, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    columns
}

/// Transforms eight rows down their columns.
#[inline(always)]
fn eight<R: Row>([a, b, c, d, e, f, g, h]: [R; SIDE]) -> [R; SIDE] {
    let number = |value: f32| R::new([value; SIDE]);
    let (sum_0, sum_1, sum_2, sum_3) = (a.plus(h), b.plus(g), c.plus(f), d.plus(e));
    let (difference_0, difference_1, difference_2, difference_3) =
        (a.minus(h), b.minus(g), c.minus(f), d.minus(e));

    let (outer, inner) = (sum_0.plus(sum_3), sum_1.plus(sum_2));
    let tilt = sum_0.minus(sum_3);
    let turned = sum_1.minus(sum_2).plus(tilt).times(number(0.707_106_77));

    let near = difference_3.plus(difference_2);
    let middle = difference_2.plus(difference_1).times(number(0.707_106_77));
    let far = difference_1.plus(difference_0);
    let shared = near.minus(far).times(number(0.382_683_43));
    let near = near.times(number(0.541_196_1)).plus(shared);
    let far = far.times(number(1.306_563)).plus(shared);
    let (more, less) = (difference_0.plus(middle), difference_0.minus(middle));

    [
        outer.plus(inner),
        more.plus(far),
        tilt.plus(turned),
        less.minus(near),
        outer.minus(inner),
        less.plus(near),
        tilt.minus(turned),
        more.minus(far),
    ]
}
