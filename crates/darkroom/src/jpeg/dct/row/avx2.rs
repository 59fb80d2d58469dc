//! Owns eight numbers in a register, as processors have had it since 2013.

use std::arch::x86_64::{
    __m128i, __m256, _mm_cmpeq_epi16, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_movemask_epi8,
    _mm_packs_epi16, _mm_packs_epi32, _mm_packus_epi16, _mm_setzero_si128, _mm256_add_ps,
    _mm256_castsi256_si128, _mm256_cvtepi16_epi32, _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32,
    _mm256_cvtps_epi32, _mm256_extracti128_si256, _mm256_min_ps, _mm256_mul_ps, _mm256_permute2f128_ps,
    _mm256_set1_ps, _mm256_setr_ps, _mm256_shuffle_ps, _mm256_sub_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::{Row, Work};

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn run<W: Work>(work: W) -> W::Output {
    work.run::<Eight>()
}

/// Made and used by [`run`] alone: whoever has one is on a processor with AVX2.
#[derive(Clone, Copy)]
struct Eight(__m256);

impl Row for Eight {
    #[inline(always)]
    fn new([a, b, c, d, e, f, g, h]: [f32; 8]) -> Self {
        // SAFETY: the processor has AVX2, here and below.
        Self(unsafe { _mm256_setr_ps(a, b, c, d, e, f, g, h) })
    }

    #[inline(always)]
    fn of_bytes(bytes: u64) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes.cast_signed()))) })
    }

    #[inline(always)]
    fn of_numbers(numbers: [i16; 8]) -> Self {
        // SAFETY: as above; and an array and a register are sixteen bytes in which every bit may be anything.
        unsafe {
            let words = std::mem::transmute::<[i16; 8], __m128i>(numbers);
            Self(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(words)))
        }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    /// Pairs, then fours, then halves change places.
    #[inline(always)]
    fn transposed([a, b, c, d, e, f, g, h]: [Self; 8]) -> [Self; 8] {
        // SAFETY: as above.
        unsafe {
            let (ab, ab_high) = (_mm256_unpacklo_ps(a.0, b.0), _mm256_unpackhi_ps(a.0, b.0));
            let (cd, cd_high) = (_mm256_unpacklo_ps(c.0, d.0), _mm256_unpackhi_ps(c.0, d.0));
            let (ef, ef_high) = (_mm256_unpacklo_ps(e.0, f.0), _mm256_unpackhi_ps(e.0, f.0));
            let (gh, gh_high) = (_mm256_unpacklo_ps(g.0, h.0), _mm256_unpackhi_ps(g.0, h.0));
            let upper = [
                _mm256_shuffle_ps::<0x44>(ab, cd),
                _mm256_shuffle_ps::<0xee>(ab, cd),
                _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
                _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
            ];
            let lower = [
                _mm256_shuffle_ps::<0x44>(ef, gh),
                _mm256_shuffle_ps::<0xee>(ef, gh),
                _mm256_shuffle_ps::<0x44>(ef_high, gh_high),
                _mm256_shuffle_ps::<0xee>(ef_high, gh_high),
            ];
            let mut columns = [a; 8];
            for index in 0..4 {
                columns[index] = Self(_mm256_permute2f128_ps::<0x20>(upper[index], lower[index]));
                columns[index + 4] = Self(_mm256_permute2f128_ps::<0x31>(upper[index], lower[index]));
            }
            columns
        }
    }

    #[inline(always)]
    fn rounded(self) -> ([i16; 8], u8) {
        // SAFETY: as above, twice.
        unsafe {
            let eight = words(self);
            let zero = _mm_setzero_si128();
            let absent = _mm_movemask_epi8(_mm_packs_epi16(_mm_cmpeq_epi16(eight, zero), zero));
            (std::mem::transmute::<__m128i, [i16; 8]>(eight), !(absent as u8))
        }
    }

    #[inline(always)]
    fn to_bytes(self) -> u64 {
        // SAFETY: as above.
        unsafe {
            // What is too large to be rounded would become the smallest number there is.
            let eight = words(Self(_mm256_min_ps(self.0, _mm256_set1_ps(255.0))));
            _mm_cvtsi128_si64(_mm_packus_epi16(eight, eight)).cast_unsigned()
        }
    }
}

/// The nearest numbers of sixteen bits. The processor must have AVX2.
#[inline(always)]
unsafe fn words(row: Eight) -> __m128i {
    // SAFETY: the caller says so.
    unsafe {
        let whole = _mm256_cvtps_epi32(row.0);
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole))
    }
}
