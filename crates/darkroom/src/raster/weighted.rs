//! Owns colours weighted by their alpha, in 16 bits with room above and below: the way there from bytes, and back. On
//! x86-64 the way back takes four pixels at a time in registers; the bytes are the same everywhere. Knows nothing about
//! filters.

use enlarger::WidePixel;

/// What a level of alpha is in 16 bits.
const STEP: u16 = 128;
/// What nothing is: a filter swings below it too, by less than above what is all.
const ZERO: u16 = 12_288;
/// What `STEP / 255` of a product of two bytes is, in parts of 65,536; off by less than a hundredth of a level.
const STEP_OF_PRODUCT: u32 = 32_897;

/// Multiplies the colours of pixels of `N` bytes by their alpha, which is last.
pub(super) fn weigh<const N: usize>(bytes: &[u8], wide: &mut [WidePixel]) {
    let mut done = 0;
    if N == 4 {
        for (pixels, wide) in bytes.as_chunks::<16>().0.iter().zip(wide.as_chunks_mut().0) {
            *wide = four(pixels).map(WidePixel::new);
        }
        done = wide.len() / 4 * 4;
    }
    for (pixel, wide) in bytes[done * N..].as_chunks::<N>().0.iter().zip(&mut wide[done..]) {
        *wide = WidePixel::new(one(pixel));
    }
}

fn one<const N: usize>(pixel: &[u8; N]) -> [u16; 4] {
    let mut wide = [ZERO; 4];
    for (wide, &sample) in wide.iter_mut().zip(&pixel[..N - 1]) {
        *wide += step(sample, pixel[N - 1]);
    }
    wide[3] += step(255, pixel[N - 1]);
    wide
}

/// Four pixels as one run of sixteen numbers, which compilers make of registers.
fn four(pixels: &[u8; 16]) -> [[u16; 4]; 4] {
    let mut wide = [ZERO; 16];
    for (at, wide) in wide.iter_mut().enumerate() {
        let sample = if at % 4 == 3 { 255 } else { pixels[at] };
        *wide += step(sample, pixels[at | 3]);
    }
    let mut each = [[0; 4]; 4];
    each.as_flattened_mut().copy_from_slice(&wide);
    each
}

fn step(sample: u8, alpha: u8) -> u16 {
    let product = u16::from(sample) * u16::from(alpha);
    // At most 255 * 128.
    ((u32::from(product) * STEP_OF_PRODUCT) >> 16) as u16
}

/// Divides colours by their alpha; what is invisible has none.
pub(super) fn divide<const N: usize>(wide: &[WidePixel], bytes: &mut [u8]) {
    let mut done = 0;
    #[cfg(target_arch = "x86_64")]
    if N == 4 {
        registers::divide(wide.as_chunks::<4>().0, bytes.as_chunks_mut::<16>().0);
        done = wide.len() / 4 * 4;
    }
    for (wide, pixel) in wide[done..].iter().zip(bytes[done * N..].as_chunks_mut::<N>().0) {
        *pixel = divided(wide);
    }
}

fn divided<const N: usize>(wide: &WidePixel) -> [u8; N] {
    let alpha = wide.0[3].saturating_sub(ZERO);
    if alpha < STEP / 2 {
        return [0; N];
    }
    let mut pixel = [0; N];
    let times = 255.0 / f32::from(alpha);
    // Casts cut off.
    for (sample, &wide) in pixel.iter_mut().zip(&wide.0[..N - 1]) {
        *sample = (f32::from(wide.saturating_sub(ZERO)) * times + 0.5) as u8;
    }
    pixel[N - 1] = (f32::from(alpha) / f32::from(STEP) + 0.5) as u8;
    pixel
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "functions that name a feature of the processor are unsafe to call")]
mod registers {
    use std::arch::x86_64::{
        __m128, __m128i, _mm_add_ps, _mm_and_ps, _mm_andnot_ps, _mm_castsi128_ps, _mm_cmpge_ps,
        _mm_cvtepi32_ps, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_cvttps_epi32, _mm_div_ps, _mm_mul_ps,
        _mm_or_ps, _mm_packs_epi32, _mm_packus_epi16, _mm_set1_epi16, _mm_set1_ps, _mm_setr_epi32,
        _mm_setzero_si128, _mm_shuffle_ps, _mm_subs_epu16, _mm_unpackhi_epi64, _mm_unpacklo_epi16,
    };

    use super::{STEP, WidePixel, ZERO};

    pub(super) fn divide(wide: &[[WidePixel; 4]], bytes: &mut [[u8; 16]]) {
        // SAFETY: SSE2 is part of every x86-64.
        unsafe { all(wide, bytes) }
    }

    #[target_feature(enable = "sse2")]
    fn all(wide: &[[WidePixel; 4]], bytes: &mut [[u8; 16]]) {
        for ([a, b, c, d], bytes) in wide.iter().zip(bytes) {
            // Packing cuts off.
            let [ab, cd] = [_mm_packs_epi32(one(a), one(b)), _mm_packs_epi32(one(c), one(d))];
            let pixels = _mm_packus_epi16(ab, cd);
            let halves = [pixels, _mm_unpackhi_epi64(pixels, pixels)];
            let halves = halves.map(|half| _mm_cvtsi128_si64(half).to_le_bytes());
            bytes.copy_from_slice(halves.as_flattened());
        }
    }

    /// The levels of a pixel, not yet cut off.
    #[target_feature(enable = "sse2")]
    fn one(wide: &WidePixel) -> __m128i {
        let [r, g, b, a] = wide.0.map(|sample| u64::from(sample).cast_signed());
        let wide = _mm_cvtsi64_si128(r | g << 16 | b << 32 | a << 48);
        let above = _mm_subs_epu16(wide, _mm_set1_epi16(ZERO.cast_signed()));
        let above = _mm_cvtepi32_ps(_mm_unpacklo_epi16(above, _mm_setzero_si128()));
        let alpha = _mm_shuffle_ps::<0b11_11_11_11>(above, above);
        let is_seen = _mm_cmpge_ps(alpha, _mm_set1_ps(f32::from(STEP / 2)));
        let of_colours = _mm_and_ps(is_seen, _mm_div_ps(_mm_set1_ps(255.0), alpha));
        let times = with_fourth(of_colours, _mm_set1_ps(1.0 / f32::from(STEP)));
        _mm_cvttps_epi32(_mm_add_ps(_mm_mul_ps(above, times), _mm_set1_ps(0.5)))
    }

    #[target_feature(enable = "sse2")]
    fn with_fourth(three: __m128, fourth: __m128) -> __m128 {
        let is_fourth = _mm_castsi128_ps(_mm_setr_epi32(0, 0, 0, -1));
        _mm_or_ps(_mm_andnot_ps(is_fourth, three), _mm_and_ps(is_fourth, fourth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back<const N: usize>(bytes: &[u8]) -> Vec<u8> {
        let (mut wide, mut back) = (vec![WidePixel::default(); bytes.len() / N], vec![0; bytes.len()]);
        weigh::<N>(bytes, &mut wide);
        divide::<N>(&wide, &mut back);
        back
    }

    #[test]
    fn a_product_of_bytes_becomes_its_part_of_a_step_to_within_a_hundredth_of_a_level() {
        for (sample, alpha) in (0..=255).flat_map(|sample| (0..=255).map(move |alpha| (sample, alpha))) {
            let exact = f64::from(sample) * f64::from(alpha) * f64::from(STEP) / 255.0;
            let off = (f64::from(step(sample, alpha)) - exact).abs();
            assert!(off < 1.28, "{sample} {alpha}: off by {off} of {STEP}");
        }
        for alpha in 0..=255 {
            assert_eq!(step(255, alpha), u16::from(alpha) * STEP);
        }
    }

    #[test]
    fn what_is_opaque_comes_back_as_it_was_and_what_is_invisible_as_nothing() {
        let opaque: Vec<u8> = (0..=255).flat_map(|level| [level, 255 - level, 7, 255]).collect();
        assert_eq!(back::<4>(&opaque), opaque);
        let greys: Vec<u8> = (0..=255).flat_map(|level| [level, 255]).collect();
        assert_eq!(back::<2>(&greys), greys);
        assert_eq!(back::<4>(&[9, 9, 9, 0].repeat(7)), [0; 28]);
    }

    proptest! {
        /// Whatever a filter makes of it: four at a time are what each alone is.
        #[test]
        fn registers_say_the_same_as_numbers(
            wide in proptest::collection::vec(any::<[u16; 4]>(), 0..40), near in any::<bool>(),
        ) {
            let low = |[r, g, b, a]: [u16; 4]| [r, g, b, if near { ZERO - 200 + a % 400 } else { a }];
            let wide: Vec<WidePixel> = wide.into_iter().map(|pixel| WidePixel::new(low(pixel))).collect();
            let mut bytes = vec![1; wide.len() * 4];
            divide::<4>(&wide, &mut bytes);
            for (wide, pixel) in wide.iter().zip(bytes.as_chunks::<4>().0) {
                prop_assert_eq!(divided::<4>(wide), *pixel, "{:?}", wide);
            }
        }
    }
}
