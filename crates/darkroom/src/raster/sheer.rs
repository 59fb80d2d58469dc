//! Owns the shrinking of pictures that are not opaque, with the filter of all others. Colour is weighted by alpha, so that
//! what is invisible does not bleed, and both are kept as they come out until their quotient is taken: Lanczos swings over
//! beside an edge, and an alpha that is clamped before its colours would leave them too bright there. Sums are in 32-bit
//! floats in a fixed order: the same picture gives the same bytes on every machine.

use crate::raster::lanczos::{self, LOBES};

/// Which source samples make each target sample, and how much.
struct Windows {
    taps: usize,
    starts: Vec<usize>,
    /// `taps` for each target sample; zeros where a window is shorter.
    weights: Vec<f32>,
}

impl Windows {
    /// Of `target` samples from the first `cover` of `samples`.
    fn new(samples: usize, cover: f64, target: usize) -> Self {
        let step = cover / target as f64;
        let scale = step.max(1.0);
        let reach = LOBES * scale;
        let taps = ((2.0 * reach).ceil() as usize + 1).min(samples);
        let mut windows = Self { taps, starts: Vec::new(), weights: Vec::with_capacity(target * taps) };
        for index in 0..target {
            let centre = (index as f64 + 0.5) * step;
            let first = ((centre - reach).floor().max(0.0) as usize).min(samples - taps);
            let weight = |tap: usize| lanczos::weight(((first + tap) as f64 + 0.5 - centre) / scale);
            let sum: f64 = (0..taps).map(weight).sum();
            windows.starts.push(first);
            windows.weights.extend((0..taps).map(|tap| (weight(tap) / sum) as f32));
        }
        windows
    }

    fn of(&self, index: usize) -> (usize, &[f32]) {
        (self.starts[index], &self.weights[index * self.taps..][..self.taps])
    }
}

/// Shrinks `source`, rows of `width` pixels of `N` bytes with alpha last, of which `cover` are picture, to `target`.
pub(crate) fn shrink<const N: usize>(
    source: &[u8],
    width: usize,
    cover: (f64, f64),
    target: (usize, &mut [u8]),
) {
    let (target_width, bytes) = target;
    let row_bytes = target_width * N;
    let across = Windows::new(width, cover.0, target_width);
    let down = Windows::new(source.len() / N / width, cover.1, bytes.len() / row_bytes);
    let mut weighted = vec![[0.0; N]; width];
    // The rows that a window reaches, each at its number's place.
    let mut rows = vec![0.0; down.taps * row_bytes];
    let mut ready = 0;
    let mut sums = vec![0.0; row_bytes];
    for (index, row) in bytes.chunks_exact_mut(row_bytes).enumerate() {
        let (first, weights) = down.of(index);
        for line in ready.max(first)..first + down.taps {
            weigh(&source[line * width * N..][..width * N], &mut weighted);
            let row = &mut rows[line % down.taps * row_bytes..][..row_bytes];
            shrink_row(&weighted, &across, row.as_chunks_mut().0);
        }
        ready = first + down.taps;
        sums.fill(0.0);
        for (tap, &weight) in weights.iter().enumerate() {
            let row = &rows[(first + tap) % down.taps * row_bytes..][..row_bytes];
            sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += weight * sample);
        }
        divide(sums.as_chunks::<N>().0, row.as_chunks_mut().0);
    }
}

/// Multiplies the colours of a row by its alpha.
fn weigh<const N: usize>(row: &[u8], weighted: &mut [[f32; N]]) {
    for (pixel, weighted) in row.as_chunks::<N>().0.iter().zip(weighted) {
        let alpha = f32::from(pixel[N - 1]);
        *weighted = pixel.map(|sample| f32::from(sample) * alpha);
        weighted[N - 1] = alpha;
    }
}

fn shrink_row<const N: usize>(row: &[[f32; N]], across: &Windows, shrunk: &mut [[f32; N]]) {
    for (index, pixel) in shrunk.iter_mut().enumerate() {
        let (first, weights) = across.of(index);
        let mut sum = [0.0; N];
        for (weight, sample) in weights.iter().zip(&row[first..first + across.taps]) {
            sum.iter_mut().zip(sample).for_each(|(sum, sample)| *sum += weight * sample);
        }
        *pixel = sum;
    }
}

/// Divides the colours by their alpha; what is invisible has none.
fn divide<const N: usize>(sums: &[[f32; N]], pixels: &mut [[u8; N]]) {
    // A cast clamps.
    let byte = |level: f32| (level + 0.5) as u8;
    for (sum, pixel) in sums.iter().zip(pixels) {
        let alpha = byte(sum[N - 1]);
        *pixel = if alpha == 0 { [0; N] } else { sum.map(|sample| byte(sample / sum[N - 1])) };
        pixel[N - 1] = alpha;
    }
}
