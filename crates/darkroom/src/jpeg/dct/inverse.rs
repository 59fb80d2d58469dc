//! Owns the way from coefficients to samples.

use super::row::Row;
use super::{Frequencies, SIDE};

const MIDDLE: f32 = 128.0;

/// Draws a block: eight rows of eight levels, the leftmost in the lowest byte. `steps` are numbers of steps, column by
/// column; `factors` are from [`from_steps`](super::from_steps).
#[inline(always)]
pub(crate) fn inverse<R: Row>(steps: &[[i16; SIDE]; SIDE], factors: &Frequencies<R>) -> [u64; SIDE] {
    let mut columns = *factors;
    for (column, steps) in columns.iter_mut().zip(steps) {
        *column = column.times(R::of_numbers(*steps));
    }
    columns[0] = columns[0].plus(R::new([MIDDLE, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    let rows = eight(R::transposed(eight(columns)));
    let mut samples = [0; SIDE];
    for (samples, row) in samples.iter_mut().zip(rows) {
        *samples = row.to_bytes();
    }
    samples
}

/// Draws a block whose mean is all there is.
#[inline(always)]
pub(crate) fn inverse_of_mean<R: Row>(mean: i16, factors: &Frequencies<R>) -> [u64; SIDE] {
    let mean = R::of_numbers([mean, 0, 0, 0, 0, 0, 0, 0]).times(factors[0]);
    let level = mean.plus(R::new([MIDDLE; SIDE])).to_bytes() & 0xff;
    [level.wrapping_mul(0x0101_0101_0101_0101); SIDE]
}

/// Transforms eight rows down their columns.
#[inline(always)]
fn eight<R: Row>([a, b, c, d, e, f, g, h]: [R; SIDE]) -> [R; SIDE] {
    let number = |value: f32| R::new([value; SIDE]);
    let (sum, difference) = (a.plus(e), a.minus(e));
    let both = c.plus(g);
    let turned = c.minus(g).times(number(std::f32::consts::SQRT_2)).minus(both);
    let (even_0, even_3) = (sum.plus(both), sum.minus(both));
    let (even_1, even_2) = (difference.plus(turned), difference.minus(turned));

    let (inner_sum, inner) = (f.plus(d), f.minus(d));
    let (outer_sum, outer) = (b.plus(h), b.minus(h));
    let odd_0 = outer_sum.plus(inner_sum);
    let shared = inner.plus(outer).times(number(1.847_759_1));
    let odd_1 = shared.minus(inner.times(number(2.613_126))).minus(odd_0);
    let odd_2 = outer_sum.minus(inner_sum).times(number(std::f32::consts::SQRT_2)).minus(odd_1);
    let odd_3 = shared.minus(outer.times(number(1.082_392_2))).minus(odd_2);

    [
        even_0.plus(odd_0),
        even_1.plus(odd_1),
        even_2.plus(odd_2),
        even_3.plus(odd_3),
        even_3.minus(odd_3),
        even_2.minus(odd_2),
        even_1.minus(odd_1),
        even_0.minus(odd_0),
    ]
}
