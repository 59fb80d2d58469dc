//! Owns the shrinking of pictures that are not opaque. Colour is weighted by alpha, so that what is invisible does not bleed.
//! Lanczos swings over beside an edge: an alpha that is cut off at 255 before its colours are would leave them too bright
//! there. So both are resampled in 16 bits with room above and below, and cut off once their quotient is taken.

use enlarger::{WidePixel, WideTarget, WideView};
use fast_image_resize::Resizer;

use crate::RenderError;
use crate::raster::axis::Cover;
use crate::raster::lanczos::{self, LOBES};

/// What a level of alpha is in 16 bits.
const STEP: u32 = 128;
/// What nothing is: the filter swings below it too, by less than above what is all.
const ZERO: u16 = 12_288;
/// Rows of the result that are made at once at most: their source stays near.
const BAND_ROWS_MAX: usize = 64;
/// Of how much of a picture there is a weighted copy, which has twice as many bytes.
const COPIED: f64 = 1.0 / 8.0;
/// Or more, where each row is made of many: so many times the filter's reach that little of it is weighted twice.
const REACHES: f64 = 6.0;

/// Rows of pixels of `N` bytes, alpha last.
pub(crate) struct Sheer<'a> {
    pub(crate) bytes: &'a [u8],
    /// Pixels in a row.
    pub(crate) width: usize,
    /// How much of the pixels is picture.
    pub(crate) cover: Cover,
}

impl Sheer<'_> {
    /// Shrinks to rows of `width` pixels that fill `target`.
    pub(crate) fn shrink<const N: usize>(
        &self,
        width: usize,
        target: &mut [u8],
        resizer: &mut Resizer,
    ) -> Result<(), RenderError> {
        let height = self.bytes.len() / N / self.width;
        let step = self.cover.down * (width * N) as f64 / target.len() as f64;
        let reach = LOBES * step.max(1.0) + 1.0;
        let copied = (height as f64 * COPIED).max(REACHES * reach) - 2.0 * reach;
        // A cast cuts off.
        let band_rows = ((copied / step) as usize).clamp(1, BAND_ROWS_MAX);
        let mut shrunk = Vec::new();
        let (mut done, mut from) = (0, 0.0);
        for rows in target.chunks_mut(band_rows * width * N) {
            let count = rows.len() / N / width;
            done += count;
            // Sums of steps would run away from the rows, and beyond the last one.
            let to = (done as f64 * step).min(self.cover.down);
            // Casts of whole numbers from 0 to the height.
            let (first, last) =
                ((from - reach).floor().max(0.0) as usize, ((to + reach).ceil() as usize).min(height));
            let weighted = weighted::<N>(&self.bytes[first * self.width * N..last * self.width * N]);
            shrunk.resize(count * width, WidePixel::default());
            let source = WideView { pixels: &weighted, width: self.width };
            let options = lanczos::options().use_alpha(false);
            let above = from - first as f64;
            let rows_seen = (to - from).min((last - first) as f64 - above);
            let options = options.crop(0.0, above, self.cover.across, rows_seen);
            let band = WideTarget { pixels: &mut shrunk, width };
            enlarger::resample_wide(source, band, &options, resizer).map_err(RenderError::corrupt)?;
            divide::<N>(&shrunk, rows);
            from = to;
        }
        Ok(())
    }
}

/// Multiplies colours by their alpha.
fn weighted<const N: usize>(bytes: &[u8]) -> Vec<WidePixel> {
    let weigh = |pixel: &[u8; N]| {
        let alpha = u32::from(pixel[N - 1]) * STEP;
        let mut wide = [ZERO; 4];
        for (wide, &sample) in wide.iter_mut().zip(&pixel[..N - 1]) {
            // At most 255 * 128.
            *wide += ((u32::from(sample) * alpha + 127) / 255) as u16;
        }
        wide[3] += alpha as u16;
        WidePixel::new(wide)
    };
    bytes.as_chunks::<N>().0.iter().map(weigh).collect()
}

/// Divides colours by their alpha; what is invisible has none.
fn divide<const N: usize>(wide: &[WidePixel], bytes: &mut [u8]) {
    for (wide, pixel) in wide.iter().zip(bytes.as_chunks_mut::<N>().0) {
        let alpha = wide.0[3].saturating_sub(ZERO);
        let level = (u32::from(alpha) + STEP / 2) / STEP;
        if level == 0 {
            *pixel = [0; N];
            continue;
        }
        let times = 255.0 / f32::from(alpha);
        for (sample, &wide) in pixel.iter_mut().zip(&wide.0[..N - 1]) {
            // A cast cuts off.
            *sample = (f32::from(wide.saturating_sub(ZERO)) * times + 0.5) as u8;
        }
        pixel[N - 1] = level.min(255) as u8;
    }
}
