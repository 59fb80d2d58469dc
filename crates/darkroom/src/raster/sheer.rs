//! Owns the shrinking of pictures that are not opaque. Colour is weighted by alpha, so that what is invisible does not bleed.
//! Lanczos swings over beside an edge: an alpha that is cut off at 255 before its colours are would leave them too bright
//! there. So both are resampled in 16 bits with room above and below, and cut off once their quotient is taken.

use enlarger::{WidePixel, WideTarget, WideView};
use fast_image_resize::Resizer;

use crate::RenderError;
use crate::raster::axis::Cover;
use crate::raster::lanczos::{self, LOBES};
use crate::raster::weighted::{divide, weigh};

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
        let (mut weighted, mut shrunk) = (Vec::new(), Vec::new());
        let (mut done, mut from) = (0, 0.0);
        for rows in target.chunks_mut(band_rows * width * N) {
            let count = rows.len() / N / width;
            done += count;
            // Sums of steps would run away from the rows, and beyond the last one.
            let to = (done as f64 * step).min(self.cover.down);
            // Casts of whole numbers from 0 to the height.
            let (first, last) =
                ((from - reach).floor().max(0.0) as usize, ((to + reach).ceil() as usize).min(height));
            weighted.resize((last - first) * self.width, WidePixel::default());
            weigh::<N>(&self.bytes[first * self.width * N..last * self.width * N], &mut weighted);
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
