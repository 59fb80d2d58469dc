//! Owns a picture in memory: eight bits a channel, rows without padding. Shrinks it and drops an alpha channel that
//! says nothing. Knows nothing about files or colour spaces.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{PixelTrait, ResizeOptions, Resizer};

use crate::RenderError;
use crate::raster::lanczos;
use crate::raster::plane::Scaler;

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
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: Channels,
    pub(crate) bytes: Vec<u8>,
}

impl Picture {
    /// Takes `bytes` as a picture; the caller has made them of exactly this size.
    pub(crate) fn new((width, height): (u32, u32), channels: Channels, bytes: Vec<u8>) -> Self {
        let expected = width as usize * height as usize * channels.count();
        assert_eq!(bytes.len(), expected, "a picture's buffer has the picture's size");
        Self { width, height, channels, bytes }
    }

    /// Takes native-endian 16-bit samples and rounds them to eight bits, in place: a second buffer would not fit in
    /// a worker for the largest pictures.
    pub(crate) fn from_16_bit(size: (u32, u32), channels: Channels, mut bytes: Vec<u8>) -> Self {
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

    /// Shrinks to `width` x `height` with a Lanczos filter. Colour is weighted by alpha, so that what is invisible
    /// does not bleed into what is seen.
    pub(crate) fn shrunk(&self, width: u32, height: u32, scaler: &mut Scaler) -> Result<Self, RenderError> {
        let cover = (f64::from(self.width), f64::from(self.height));
        self.shrunk_from(cover, (width, height), scaler)
    }

    /// The same for a picture whose last column and row hold less than a pixel: it has `cover` pixels.
    pub(crate) fn shrunk_from(
        &self,
        cover: (f64, f64),
        (width, height): (u32, u32),
        scaler: &mut Scaler,
    ) -> Result<Self, RenderError> {
        let mut bytes = scaler.take(width as usize * height as usize * self.channels.count());
        let resize = match self.channels {
            Channels::Grey => Self::resample::<U8>,
            Channels::GreyAlpha => Self::resample::<U8x2>,
            Channels::Rgb => Self::resample::<U8x3>,
            Channels::Rgba | Channels::Cmyk => Self::resample::<U8x4>,
        };
        let crop = lanczos::options().use_alpha(self.channels.has_alpha()).crop(0.0, 0.0, cover.0, cover.1);
        resize(self, &crop, (width, height, &mut bytes), scaler.resizer())?;
        Ok(Self::new((width, height), self.channels, bytes))
    }

    fn resample<P: PixelTrait + Default>(
        &self,
        options: &ResizeOptions,
        (width, height, bytes): (u32, u32, &mut [u8]),
        resizer: &mut Resizer,
    ) -> Result<(), RenderError> {
        let source = TypedImageRef::<P>::from_buffer(self.width, self.height, &self.bytes);
        let source = source.map_err(RenderError::corrupt)?;
        let target = TypedImage::<P>::from_buffer(width, height, bytes);
        let mut target = target.map_err(RenderError::corrupt)?;
        resizer.resize_typed(&source, &mut target, options).map_err(RenderError::corrupt)
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

    #[test]
    fn an_opaque_alpha_channel_is_dropped_and_another_is_kept() {
        let opaque = Picture::new((2, 1), Channels::Rgba, vec![1, 2, 3, 255, 4, 5, 6, 255]);
        let dropped = opaque.without_opaque_alpha();
        assert_eq!((dropped.channels, dropped.bytes), (Channels::Rgb, vec![1, 2, 3, 4, 5, 6]));
        let sheer = Picture::new((2, 1), Channels::GreyAlpha, vec![1, 255, 4, 254]);
        assert_eq!(sheer.clone().without_opaque_alpha(), sheer);
    }

    #[test]
    fn what_is_invisible_does_not_bleed() {
        // Left half opaque red, right half transparent green: no green may reach the visible part.
        let row: Vec<u8> =
            (0..64).flat_map(|x| if x < 32 { [255, 0, 0, 255] } else { [0, 255, 0, 0] }).collect();
        let picture = Picture::new((64, 64), Channels::Rgba, row.repeat(64));
        let small = picture.shrunk(9, 9, &mut Scaler::default()).unwrap();
        for pixel in small.bytes.chunks_exact(4).filter(|pixel| pixel[3] > 0) {
            assert!(pixel[1] < 3, "green in {pixel:?}");
        }
    }

    proptest! {
        #[test]
        fn sixteen_bits_round_to_the_nearest_of_eight(wide in any::<u16>()) {
            let picture = Picture::from_16_bit((1, 1), Channels::Grey, wide.to_ne_bytes().to_vec());
            let exact = f64::from(wide) * 255.0 / 65_535.0;
            prop_assert!((f64::from(picture.bytes[0]) - exact).abs() <= 0.5);
        }

        #[test]
        fn one_colour_stays_that_colour(grey in any::<u8>(), side in 3u32..40, target in 1u32..3) {
            let picture = Picture::new((side, side), Channels::Grey, vec![grey; (side * side) as usize]);
            let small = picture.shrunk(target, target, &mut Scaler::default()).unwrap();
            prop_assert!(small.bytes.iter().all(|&sample| sample == grey));
        }
    }
}
