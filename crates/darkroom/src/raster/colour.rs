//! Owns what the numbers of a pixel mean: whatever the original's colours are, out come RGB or RGBA in sRGB.
//!
//! An ICC profile is honoured when it can be read, describes the picture's own colour model and is within the limit
//! (the decoders drop a larger one). Any other profile is ignored, as browsers do: the colours are taken as sRGB,
//! and CMYK as plain inks. A bad profile never costs a customer the photo. PNG's `gAMA`, `cHRM` and `cICP` are ignored.

use moxcms::{CmsError, ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::Extent;
use crate::raster::picture::{Channels, Picture};
use crate::raster::profile;

/// Converts to sRGB: RGBA where there is alpha, RGB otherwise.
pub(crate) fn to_srgb(picture: Picture, icc: Option<&[u8]>) -> Picture {
    if let Some(Ok(converted)) = icc.map(|icc| by_profile(&picture, icc)) {
        return converted;
    }
    match picture.channels {
        Channels::Rgb | Channels::Rgba => picture,
        Channels::Grey => spread(&picture, Channels::Rgb, |grey| [grey[0]; 3]),
        Channels::GreyAlpha => spread(&picture, Channels::Rgba, |grey| [grey[0], grey[0], grey[0], grey[1]]),
        Channels::Cmyk => {
            spread(&picture, Channels::Rgb, |ink| [0, 1, 2].map(|channel| lit(ink[channel], ink[3])))
        }
    }
}

/// How far apart two samples are that nobody can tell apart.
const SAME: u8 = 1;

/// Whether a profile leaves a picture as it is: it is ignored, or it describes sRGB. Judged by what it does to a few
/// colours, for sRGB comes under many names and none.
pub(crate) fn changes_nothing(channels: Channels, icc: &[u8]) -> bool {
    let count = channels.count();
    let steps = u8::try_from(count).expect("at most four channels");
    let bytes: Vec<u8> = (0..=16u8)
        .flat_map(|level| (0..=steps).map(move |odd| (level, odd)))
        .flat_map(|(level, odd)| {
            (0..steps).map(move |channel| if channel == odd { 16 - level } else { level })
        })
        .map(|level| u8::try_from(u32::from(level) * 255 / 16).expect("16 * 255 / 16 is 255"))
        .collect();
    let width = u32::try_from(bytes.len() / count).expect("a few pixels");
    let picture = Picture::new(Extent::new(width, 1), channels, bytes);
    match by_profile(&picture, icc) {
        Err(_) => true,
        Ok(converted) => {
            let plain = to_srgb(picture, None);
            converted.bytes.iter().zip(&plain.bytes).all(|(a, b)| a.abs_diff(*b) <= SAME)
        }
    }
}

fn by_profile(picture: &Picture, icc: &[u8]) -> Result<Picture, CmsError> {
    let (model, layout, channels) = match picture.channels {
        Channels::Grey => (DataColorSpace::Gray, Layout::Gray, Channels::Rgb),
        Channels::GreyAlpha => (DataColorSpace::Gray, Layout::GrayAlpha, Channels::Rgba),
        Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Channels::Rgb),
        Channels::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Channels::Rgba),
        // moxcms takes four inks in the layout of RGBA.
        Channels::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Channels::Rgb),
    };
    let profile = profile::read(icc)?;
    if profile.color_space != model {
        return Err(CmsError::InvalidProfile);
    }
    let target = if channels == Channels::Rgba { Layout::Rgba } else { Layout::Rgb };
    let srgb = ColorProfile::new_srgb();
    let transform = profile.create_transform_8bit(layout, &srgb, target, TransformOptions::default())?;
    let pixels = picture.bytes.len() / picture.channels.count();
    let mut bytes = vec![0; pixels * channels.count()];
    transform.transform(&picture.bytes, &mut bytes)?;
    Ok(Picture::new(picture.size, channels, bytes))
}

fn spread<const N: usize>(
    picture: &Picture,
    channels: Channels,
    pixel: impl Fn(&[u8]) -> [u8; N],
) -> Picture {
    let bytes = picture.bytes.chunks_exact(picture.channels.count()).flat_map(pixel).collect();
    Picture::new(picture.size, channels, bytes)
}

/// Light that is left by one ink under black: both subtract.
fn lit(ink: u8, black: u8) -> u8 {
    let light = u32::from(255 - ink) * u32::from(255 - black);
    u8::try_from((light + 127) / 255).expect("255 * 255 / 255 is 255")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(channels: Channels, bytes: &[u8]) -> Picture {
        Picture::new(Extent::PIXEL, channels, bytes.to_vec())
    }

    #[test]
    fn grey_and_ink_become_rgb() {
        assert_eq!(to_srgb(one(Channels::Grey, &[7]), None), one(Channels::Rgb, &[7, 7, 7]));
        let sheer = to_srgb(one(Channels::GreyAlpha, &[7, 9]), None);
        assert_eq!(sheer, one(Channels::Rgba, &[7, 7, 7, 9]));
        let red = to_srgb(one(Channels::Cmyk, &[0, 255, 255, 0]), None);
        assert_eq!(red, one(Channels::Rgb, &[255, 0, 0]));
    }

    #[test]
    fn a_wide_gamut_profile_is_converted() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let seen = to_srgb(one(Channels::Rgb, &[200, 100, 50]), Some(&icc));
        // Display P3 is wider: the same colour needs a stronger red in sRGB.
        assert!(seen.bytes[0] > 205 && seen.bytes[2] < 50, "{:?}", seen.bytes);
        let sheer = to_srgb(one(Channels::Rgba, &[200, 100, 50, 77]), Some(&icc));
        assert_eq!((sheer.channels, sheer.bytes[3]), (Channels::Rgba, 77));
    }

    #[test]
    fn a_grey_profile_is_converted() {
        let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let seen = to_srgb(one(Channels::Grey, &[55]), Some(&linear));
        // Linear 55/255 is 0.216, in sRGB 0.502.
        assert!(seen.bytes.iter().all(|&sample| (126..=131).contains(&sample)), "{:?}", seen.bytes);
    }

    #[test]
    fn a_profile_that_does_not_fit_is_ignored() {
        let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        for icc in [grey.as_slice(), b"not a profile", b""] {
            let picture = one(Channels::Rgb, &[200, 100, 50]);
            assert_eq!(to_srgb(picture.clone(), Some(icc)), picture);
        }
    }
}
