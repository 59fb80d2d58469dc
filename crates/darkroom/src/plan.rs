//! Owns what is asked for and what comes out: renditions, their sizes, formats and bytes. Knows nothing about how
//! they are made.

use serde::{Deserialize, Serialize};

/// One rendition to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// The rendition's name within its recipe, such as `thumb`.
    pub name: String,
    /// Pixels of the longer side. A smaller original is never enlarged.
    pub longer_side_px: u32,
    /// Encoder quality, 1 to 100.
    pub quality: u8,
}

impl Rendition {
    /// Width and height of this rendition of a `width` x `height` picture: aspect kept, rounded to the nearest
    /// pixel, at least one pixel a side, never larger than the picture.
    pub fn size_of(&self, width: u32, height: u32) -> (u32, u32) {
        let longer = width.max(height);
        let target = self.longer_side_px.max(1);
        if longer <= target {
            return (width, height);
        }
        let scale = |side: u32| {
            let scaled =
                (u64::from(side) * u64::from(target) * 2 + u64::from(longer)) / (u64::from(longer) * 2);
            u32::try_from(scaled).expect("shrinking keeps a side in range").max(1)
        };
        (scale(width), scale(height))
    }
}

/// How many times a `width` x `height` picture is shrunk on each side at least, for any rendition of the plan.
pub(crate) fn least_reduction(plan: &[Rendition], (width, height): (u32, u32)) -> f64 {
    let reduction = |rendition: &Rendition| {
        let (w, h) = rendition.size_of(width, height);
        (f64::from(width) / f64::from(w)).min(f64::from(height) / f64::from(h))
    };
    plan.iter().map(reduction).fold(f64::INFINITY, f64::min)
}

/// The format of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Baseline JPEG, 4:2:0.
    Jpeg,
    /// Lossy WebP with alpha.
    Webp,
}

impl Format {
    /// `jpeg` or `webp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// The file name extension: `jpg` or `webp`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// The format of an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// JPEG, baseline or progressive, grey, YCbCr, RGB, CMYK or YCCK.
    Jpeg,
    /// PNG of any colour type and depth; of an APNG the default image.
    Png,
    /// GIF, first frame.
    Gif,
    /// WebP, lossy or lossless; of an animation the first frame.
    Webp,
}

impl SourceFormat {
    /// `jpeg`, `png`, `gif` or `webp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// The format by its magic number alone, whatever a name or header claims.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }
}

/// What the original turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// By its bytes.
    pub format: SourceFormat,
    /// Pixels, after orientation: as a person sees the picture.
    pub width: u32,
    /// Pixels, after orientation.
    pub height: u32,
}

/// One rendition, made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The planned name.
    pub name: String,
    /// JPEG, or WebP where the original has a pixel that is not opaque.
    pub format: Format,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The encoded file: no metadata, sRGB.
    pub bytes: Vec<u8>,
}

/// An original, developed: what it is, and its renditions in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Developed {
    /// What the original turned out to be.
    pub source: SourceInfo,
    /// One for each planned rendition, in the plan's order.
    pub renditions: Vec<Encoded>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendition(longer_side_px: u32) -> Rendition {
        Rendition { name: "r".into(), longer_side_px, quality: 80 }
    }

    #[test]
    fn sizes_keep_the_aspect_and_never_grow() {
        assert_eq!(rendition(2048).size_of(4000, 3000), (2048, 1536));
        assert_eq!(rendition(320).size_of(3000, 4000), (240, 320));
        assert_eq!(rendition(320).size_of(200, 100), (200, 100));
        assert_eq!(rendition(320).size_of(16_384, 1), (320, 1));
    }

    proptest! {
        #[test]
        fn the_longer_side_is_exact_and_the_other_within_half_a_pixel(
            width in 1u32..=16_384, height in 1u32..=16_384, target in 1u32..4096,
        ) {
            let (w, h) = rendition(target).size_of(width, height);
            prop_assert!(w >= 1 && h >= 1 && w <= width && h <= height);
            prop_assert_eq!(w.max(h), target.min(width.max(height)));
            let exact = f64::from(width.min(height)) * f64::from(w.max(h)) / f64::from(width.max(height));
            prop_assert!((f64::from(w.min(h)) - exact).abs() <= 0.5 || w.min(h) == 1);
        }
    }
}
