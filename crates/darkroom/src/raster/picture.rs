//! Owns a picture in memory: eight bits a channel, rows without padding. Shrinks it and drops an alpha channel that
//! says nothing. Knows nothing about files or colour spaces.

use enlarger::{Pixel, Target, View};

use crate::raster::axis::Cover;
use crate::raster::lanczos;
use crate::raster::plane::Scaler;
use crate::raster::sheer::Sheer;
use crate::{Extent, RenderError};

/// What the bytes of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Ink: 0 is none, 255 is full.
    Cmyk,
}

impl Channels {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// Pixels, not premultiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) size: Extent,
    pub(crate) channels: Channels,
    pub(crate) bytes: Vec<u8>,
}

impl Picture {
    /// Takes `bytes` as a picture; the caller has made them of exactly this size.
    pub(crate) fn new(size: Extent, channels: Channels, bytes: Vec<u8>) -> Self {
        let expected = size.bytes(channels.count());
        assert_eq!(bytes.len(), expected, "a picture's buffer has the picture's size");
        Self { size, channels, bytes }
    }

    /// Takes native-endian 16-bit samples and rounds them to eight bits, in place: a second buffer would not fit in
    /// a worker for the largest pictures.
    pub(crate) fn from_16_bit(size: Extent, channels: Channels, mut bytes: Vec<u8>) -> Self {
        let samples = bytes.len() / 2;
        for index in 0..samples {
            let wide = u16::from_ne_bytes([bytes[2 * index], bytes[2 * index + 1]]);
            let narrow = (u32::from(wide) * 255 + 32_767) / 65_535;
            bytes[index] = u8::try_from(narrow).expect("65535 maps to 255");
        }
        bytes.truncate(samples);
        bytes.shrink_to_fit();
        Self::new(size, channels, bytes)
    }

    /// Shrinks to `size` with a Lanczos filter. Colour is weighted by alpha, so that what is invisible
    /// does not bleed into what is seen.
    pub(crate) fn shrunk(&self, size: Extent, scaler: &mut Scaler) -> Result<Self, RenderError> {
        let cover = Cover { across: f64::from(self.size.width), down: f64::from(self.size.height) };
        self.shrunk_from(cover, size, scaler)
    }

    /// The same for a picture whose last column and row hold less than a pixel: it has `cover` pixels.
    pub(crate) fn shrunk_from(
        &self,
        cover: Cover,
        size: Extent,
        scaler: &mut Scaler,
    ) -> Result<Self, RenderError> {
        let mut bytes = scaler.take(size.bytes(self.channels.count()));
        let resizer = scaler.resizer();
        let mut opaque = |pixel| {
            let Extent { width, height } = self.size;
            let source = View { bytes: &self.bytes, pixel, width, from: [0, 0], size: [width, height] };
            let target = Target { bytes: &mut bytes, size: [size.width, size.height] };
            let crop = lanczos::options().use_alpha(false).crop(0.0, 0.0, cover.across, cover.down);
            enlarger::resample(source, target, &crop, resizer).map_err(RenderError::corrupt)
        };
        let sheer = Sheer { bytes: &self.bytes, width: self.size.width as usize, cover };
        let width = size.width as usize;
        match self.channels {
            Channels::Grey => opaque(Pixel::One)?,
            Channels::Rgb => opaque(Pixel::Three)?,
            Channels::Cmyk => opaque(Pixel::Four)?,
            Channels::GreyAlpha => sheer.shrink::<2>(width, &mut bytes, resizer)?,
            Channels::Rgba => sheer.shrink::<4>(width, &mut bytes, resizer)?,
        }
        Ok(Self::new(size, self.channels, bytes))
    }

    /// Drops the alpha channel where every pixel is opaque: such a picture has no alpha to keep.
    pub(crate) fn without_opaque_alpha(mut self) -> Self {
        let count = self.channels.count();
        let opaque = || self.bytes.chunks_exact(count).all(|pixel| pixel[count - 1] == 255);
        if !self.channels.has_alpha() || !opaque() {
            return self;
        }
        let pixels = self.bytes.len() / count;
        for pixel in 0..pixels {
            for channel in 0..count - 1 {
                self.bytes[pixel * (count - 1) + channel] = self.bytes[pixel * count + channel];
            }
        }
        self.bytes.truncate(pixels * (count - 1));
        self.bytes.shrink_to_fit();
        self.channels = if count == 4 { Channels::Rgb } else { Channels::Grey };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    #[test]
    fn an_opaque_alpha_channel_is_dropped_and_another_is_kept() {
        let opaque = Picture::new(Extent::new(2, 1), Channels::Rgba, vec![1, 2, 3, 255, 4, 5, 6, 255]);
        let dropped = opaque.without_opaque_alpha();
        assert_eq!((dropped.channels, dropped.bytes), (Channels::Rgb, vec![1, 2, 3, 4, 5, 6]));
        let sheer = Picture::new(Extent::new(2, 1), Channels::GreyAlpha, vec![1, 255, 4, 254]);
        assert_eq!(sheer.clone().without_opaque_alpha(), sheer);
    }

    #[test]
    fn what_is_invisible_does_not_bleed() {
        // Left half opaque red, right half transparent green: no green may reach the visible part.
        let row: Vec<u8> =
            (0..64).flat_map(|x| if x < 32 { [255, 0, 0, 255] } else { [0, 255, 0, 0] }).collect();
        let picture = Picture::new(Extent::new(64, 64), Channels::Rgba, row.repeat(64));
        let small = picture.shrunk(Extent::new(9, 9), &mut Scaler::default()).unwrap();
        for pixel in small.bytes.chunks_exact(4).filter(|pixel| pixel[3] > 0) {
            assert!(pixel[1] < 3, "green in {pixel:?}");
        }
    }

    /// The sums of colour times alpha, and of alpha, for one pixel of a target.
    fn filtered(picture: &Picture, target: (u32, u32), (x, y): (u32, u32)) -> [f64; 4] {
        let weights = |samples: u32, target: u32, index: u32| -> Vec<f64> {
            let scale = f64::from(samples) / f64::from(target);
            let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
            let lanczos = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
            let weight = |at: u32| lanczos((f64::from(at) + 0.5) / scale - f64::from(index) - 0.5);
            let sum: f64 = (0..samples).map(weight).sum();
            (0..samples).map(|at| weight(at) / sum).collect()
        };
        let across = weights(picture.size.width, target.0, x);
        let down = weights(picture.size.height, target.1, y);
        let mut sums = [0.0; 4];
        for (row, down) in picture.bytes.chunks_exact(picture.size.width as usize * 4).zip(&down) {
            for (pixel, across) in row.chunks_exact(4).zip(&across) {
                let alpha = f64::from(pixel[3]) * across * down;
                (0..3).for_each(|channel| sums[channel] += f64::from(pixel[channel]) * alpha);
                sums[3] += alpha;
            }
        }
        sums
    }

    proptest! {
        #[test]
        fn sixteen_bits_round_to_the_nearest_of_eight(wide in any::<u16>()) {
            let picture = Picture::from_16_bit(Extent::PIXEL, Channels::Grey, wide.to_ne_bytes().to_vec());
            let exact = f64::from(wide) * 255.0 / 65_535.0;
            prop_assert!((f64::from(picture.bytes[0]) - exact).abs() <= 0.5);
        }

        /// Lanczos swings over beside an edge, alpha and colour alike: what is seen of one colour is that colour.
        #[test]
        fn one_colour_stays_that_colour_beside_what_is_transparent(
            (width, height) in (1u32..60, 1u32..60), (across, down) in (1u32..60, 1u32..60),
            colour in any::<[u8; 3]>(), blocks in proptest::collection::vec(any::<u8>(), 16), side in 1u32..20,
            hidden in any::<[u8; 3]>(),
        ) {
            let alpha = |x: u32, y: u32| match blocks[((x / side + y / side * 4) % 16) as usize] {
                0..100 => 0,
                180.. => 255,
                some => some,
            };
            let pixel = |at: u32| match alpha(at % width, at / width) {
                0 => [hidden[0], hidden[1], hidden[2], 0],
                alpha => [colour[0], colour[1], colour[2], alpha],
            };
            let bytes = (0..width * height).flat_map(pixel).collect();
            let picture = Picture::new(Extent::new(width, height), Channels::Rgba, bytes);
            let target = Extent::new(across, down).within(picture.size);
            let small = picture.shrunk(target, &mut Scaler::default()).unwrap();
            // Of what is hardly there a colour cannot be told.
            for seen in small.bytes.chunks_exact(4).filter(|seen| seen[3] > 3) {
                let off = seen.iter().zip(colour).map(|(seen, colour)| seen.abs_diff(colour)).max().unwrap();
                prop_assert!(off <= 2, "{seen:?} of {colour:?}");
            }
            let greys = |bytes: &[u8]| bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[3]]).collect();
            let grey = Picture::new(Extent::new(width, height), Channels::GreyAlpha, greys(&picture.bytes));
            let small_grey = grey.shrunk(small.size, &mut Scaler::default()).unwrap();
            prop_assert_eq!(small_grey.bytes, greys(&small.bytes));
        }

        /// An independent Lanczos in double precision, weighted by alpha and not clamped before the division.
        #[test]
        fn what_is_shrunk_is_what_the_filter_says(
            (width, height) in (1u32..40, 1u32..40), (across, down) in (1u32..40, 1u32..40),
            noise in proptest::collection::vec(any::<u8>(), 40 * 40 * 4),
        ) {
            let bytes = noise[..(width * height * 4) as usize].to_vec();
            let picture = Picture::new(Extent::new(width, height), Channels::Rgba, bytes);
            let (across, down) = (across.min(width), down.min(height));
            let small = picture.shrunk(Extent::new(across, down), &mut Scaler::default()).unwrap();
            for (at, pixel) in (0..).zip(small.bytes.chunks_exact(4)) {
                let exact = filtered(&picture, (across, down), (at % across, at / across));
                let alpha = exact[3].clamp(0.0, 255.0);
                prop_assert!((f64::from(pixel[3]) - alpha).abs() < 0.6, "{pixel:?} for {exact:?}");
                let colours = if pixel[3] > 7 { &pixel[..3] } else { &[] };
                for (&seen, sum) in colours.iter().zip(exact) {
                    let level = (sum / exact[3]).clamp(0.0, 255.0);
                    prop_assert!((f64::from(seen) - level).abs() < 1.0, "{pixel:?} for {exact:?}");
                }
            }
        }

        #[test]
        fn one_colour_stays_that_colour(grey in any::<u8>(), side in 3u32..40, target in 1u32..3) {
            let bytes = vec![grey; (side * side) as usize];
            let picture = Picture::new(Extent::new(side, side), Channels::Grey, bytes);
            let small = picture.shrunk(Extent::new(target, target), &mut Scaler::default()).unwrap();
            prop_assert!(small.bytes.iter().all(|&sample| sample == grey));
        }
    }
}
