//! Owns the reading of an ICC profile: which of its tags count, and what is made of one that is not as it should be. What
//! sharp, Pillow and ImageMagick show is what lcms reads, and this reads as lcms does for the perceptual intent: the tags
//! that it needs and no others (moxcms reads every tag that it knows and fails at the first that is broken). Knows no
//! pixels.

use moxcms::{CmsError, ColorProfile, DataColorSpace, Layout, ProfileClass, ToneReprCurve, TransformOptions};

/// What a conversion to sRGB needs: a matrix with its curves, or the table that counts where there is one.
const COLOURANTS: [[u8; 4]; 3] = [*b"rXYZ", *b"gXYZ", *b"bXYZ"];
const CURVES: [[u8; 4]; 4] = [*b"rTRC", *b"gTRC", *b"bTRC", *b"kTRC"];
const TABLE: [u8; 4] = *b"A2B0";

/// Header and number of tags; each tag says name, place and length, four bytes each.
const TAGS_AT: usize = 132;
const TAG_BYTES: usize = 12;
const TAGS_MAX: usize = 100;
const VERSION_AT: usize = 8;
/// Type, reserved and three numbers.
const XYZ_BYTES: usize = 20;
/// What old profiles of two makers have for the types `XYZ ` (Corbis) and `curv` (Monaco). Libraries read them as meant.
const BROKEN_TYPES: [([u8; 4], [u8; 4]); 2] =
    [([0x17, 0xa5, 0x05, 0xb8], *b"XYZ "), ([0x94, 0x78, 0xee, 0x00], *b"curv")];

/// Reads a profile of a device. Fails where there is nothing in it to convert by.
pub(super) fn read(icc: &[u8]) -> Result<ColorProfile, CmsError> {
    let mut profile = ColorProfile::new_from_slice(&tidied(icc).ok_or(CmsError::InvalidProfile)?)?;
    if matches!(
        profile.profile_class,
        ProfileClass::DeviceLink | ProfileClass::Abstract | ProfileClass::Named
    ) {
        return Err(CmsError::InvalidProfile);
    }
    let has_table = profile.lut_a_to_b_perceptual.is_some();
    if !has_table && profile.pcs == DataColorSpace::Lab {
        // Colourants are in XYZ whatever the header says; a grey curve is of lightness then.
        profile.pcs = DataColorSpace::Xyz;
        if profile.color_space == DataColorSpace::Gray {
            profile.gray_trc = Some(luminance_of(&profile)?);
        }
    }
    Ok(profile)
}

/// The profile with the tags that count alone, each as its maker meant it. None where a tag that counts cannot be read.
fn tidied(icc: &[u8]) -> Option<Vec<u8>> {
    let said = u32::from_be_bytes(*icc.first_chunk()?) as usize;
    let mut icc = icc[..icc.len().min(said)].to_vec();
    let count = u32::from_be_bytes(*icc.get(..TAGS_AT)?.last_chunk()?) as usize;
    if count > TAGS_MAX || icc.len() < TAGS_AT + count * TAG_BYTES {
        return None;
    }
    match icc[VERSION_AT] {
        0..2 => icc[VERSION_AT..][..2].copy_from_slice(&[2, 0x40]),
        5.. => icc[VERSION_AT..][..2].copy_from_slice(&[4, 0x40]),
        _ => {}
    }
    for at in (0..count).map(|index| TAGS_AT + index * TAG_BYTES) {
        let word =
            |word: usize| u32::from_be_bytes(icc[at + 4 * word..][..4].try_into().expect("four bytes"));
        let name: [u8; 4] = icc[at..][..4].try_into().expect("four bytes");
        let (place, length) = (word(1) as usize, word(2) as usize);
        let is_there =
            place != 0 && length != 0 && place.checked_add(length).is_some_and(|end| end <= icc.len());
        let meant = if is_there { meant(name, place, &mut icc)? } else { Meant::Nothing };
        match meant {
            Meant::Nothing => icc[at..][..4].fill(0),
            Meant::AsSaid => {}
            Meant::Bytes(length) => icc[at + 8..][..4].copy_from_slice(&length.to_be_bytes()),
        }
    }
    Some(icc)
}

/// How much of the profile a tag is.
enum Meant {
    Nothing,
    AsSaid,
    /// So many bytes; 0 for moxcms is as many as its type needs.
    Bytes(u32),
}

/// Says how much a tag is meant to be, and mends its type. None where it counts and is of no type that counts.
fn meant(name: [u8; 4], place: usize, icc: &mut [u8]) -> Option<Meant> {
    let kind = icc.get_mut(place..)?.first_chunk_mut::<4>()?;
    if let Some((_, meant)) = BROKEN_TYPES.iter().find(|(broken, _)| broken == kind) {
        *kind = *meant;
    }
    match (name, *kind) {
        (TABLE, _) => Some(Meant::AsSaid),
        (name, kind) if COLOURANTS.contains(&name) => {
            (kind == *b"XYZ ").then_some(Meant::Bytes(XYZ_BYTES as u32))
        }
        (name, kind) if CURVES.contains(&name) => {
            (kind == *b"curv" || kind == *b"para").then_some(Meant::Bytes(0))
        }
        _ => Some(Meant::Nothing),
    }
}

/// Levels of a grey curve that is made anew.
const LEVELS: usize = 4096;

/// The curve of luminance that a grey profile's curve of lightness stands for.
fn luminance_of(profile: &ColorProfile) -> Result<ToneReprCurve, CmsError> {
    let linear = ColorProfile::new_gray_with_gamma(1.0);
    let lightness =
        profile.create_transform_16bit(Layout::Gray, &linear, Layout::Gray, TransformOptions::default())?;
    let levels: Vec<u16> = (0..LEVELS).map(|level| (level * 0xffff / (LEVELS - 1)) as u16).collect();
    let mut curve = vec![0; LEVELS];
    lightness.transform(&levels, &mut curve)?;
    for level in &mut curve {
        *level = (luminance(f32::from(*level) / 655.35) * 65535.0).round() as u16;
    }
    Ok(ToneReprCurve::Lut(curve))
}

/// Relative luminance of a CIE 1976 lightness of 0 to 100.
fn luminance(lightness: f32) -> f32 {
    if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness * 27.0 / 24389.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: [u8; 3] = [200, 100, 50];

    /// What the profile makes of a sample; none where it is ignored.
    fn seen(icc: &[u8]) -> Option<[u8; 3]> {
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let transform =
            read(icc).ok()?.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options).ok()?;
        let mut seen = [0; 3];
        transform.transform(&SAMPLE, &mut seen).ok()?;
        Some(seen)
    }

    fn wide() -> Vec<u8> {
        ColorProfile::new_display_p3().encode().unwrap()
    }

    /// Where each tag stands in the table.
    fn tags(icc: &[u8]) -> impl Iterator<Item = usize> {
        let count = usize::from(icc[TAGS_AT - 1]);
        (0..count).map(|index| TAGS_AT + index * TAG_BYTES)
    }

    /// Where a tag of the sample stands in its table.
    fn tag(name: &[u8; 4]) -> usize {
        tags(&wide()).find(|at| wide()[*at..].starts_with(name)).unwrap()
    }

    fn place(name: &[u8; 4]) -> usize {
        u32::from_be_bytes(wide()[tag(name) + 4..][..4].try_into().unwrap()) as usize
    }

    fn with(change: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut icc = wide();
        change(&mut icc);
        icc
    }

    #[test]
    fn a_tag_that_no_conversion_needs_costs_no_colours() {
        let expected = seen(&wide());
        assert!(expected.is_some_and(|seen| seen != SAMPLE));
        let unneeded =
            |icc: &[u8], at: usize| !COLOURANTS.iter().chain(&CURVES).any(|name| icc[at..].starts_with(name));
        let others: Vec<usize> = tags(&wide()).filter(|at| unneeded(&wide(), *at)).collect();
        assert!(!others.is_empty());
        for at in others {
            assert_eq!(seen(&with(|icc| icc[at + 4..][..4].fill(0xff))), expected, "{at}");
            // A table of the colorimetric intent, and what overrides curves elsewhere.
            for name in [b"A2B1", b"cicp", b"chad"] {
                assert_eq!(
                    seen(&with(|icc| icc[at..][..4].copy_from_slice(name))),
                    expected,
                    "{at} {name:?}"
                );
            }
        }
    }

    #[test]
    fn a_transfer_in_code_points_does_not_override_the_curves() {
        let mut profile = ColorProfile::new_display_p3();
        let expected = seen(&profile.encode().unwrap());
        profile.cicp = Some(moxcms::CicpProfile {
            color_primaries: moxcms::CicpColorPrimaries::Smpte432,
            transfer_characteristics: moxcms::TransferCharacteristics::Smpte2084,
            matrix_coefficients: moxcms::MatrixCoefficients::Identity,
            full_range: true,
        });
        assert_eq!(seen(&profile.encode().unwrap()), expected);
    }

    #[test]
    fn what_counts_is_read_whatever_length_version_or_space_is_said() {
        let expected = seen(&wide());
        for name in [b"rTRC", b"rXYZ"] {
            assert_eq!(
                seen(&with(|icc| icc[tag(name) + 8..][..4].copy_from_slice(&[0, 0, 0, 12]))),
                expected
            );
        }
        for version in [0, 1, 3, 5, 9] {
            assert_eq!(seen(&with(|icc| icc[VERSION_AT] = version)), expected, "{version}");
        }
        assert_eq!(seen(&with(|icc| icc[20..24].copy_from_slice(b"Lab "))), expected);
    }

    #[test]
    fn a_profile_of_no_device_or_without_what_counts_is_ignored() {
        type Break = dyn Fn(&mut [u8]);
        let broken: [&Break; 7] = [
            &|icc| icc[12..16].copy_from_slice(b"link"),
            &|icc| icc[12..16].copy_from_slice(b"abst"),
            &|icc| icc[TAGS_AT - 1] = 101,
            &|icc| icc[place(b"rXYZ")..][..4].copy_from_slice(b"text"),
            &|icc| icc[place(b"gTRC")..][..4].copy_from_slice(b"text"),
            &|icc| icc[tag(b"bXYZ") + 4..][..4].fill(0xff),
            // What lies behind the length that the header says is not there.
            &|icc| icc[..4].copy_from_slice(&(TAGS_AT as u32 + 200).to_be_bytes()),
        ];
        for (at, broken) in broken.iter().enumerate() {
            assert_eq!(seen(&with(broken)), None, "{at}");
        }
    }

    #[test]
    fn a_grey_curve_of_lightness_is_one() {
        let mut icc = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        icc[20..24].copy_from_slice(b"Lab ");
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let transform =
            read(&icc).unwrap().create_transform_8bit(Layout::Gray, &srgb, Layout::Rgb, options).unwrap();
        let mut bytes = [0; 9];
        transform.transform(&[0, 128, 255], &mut bytes).unwrap();
        // Lightness 50.2 is luminance 0.186, in sRGB 0.4686.
        for (seen, expected) in bytes.iter().step_by(3).zip([0u8, 120, 255]) {
            assert!(seen.abs_diff(expected) <= 1, "{bytes:?}");
        }
    }

    #[test]
    fn types_that_two_makers_broke_are_read_as_meant() {
        let whole = ColorProfile::new_adobe_rgb().encode().unwrap();
        let mut broken = whole.clone();
        for (found, meant) in BROKEN_TYPES {
            let places: Vec<_> = whole.windows(4).enumerate().filter(|(_, bytes)| **bytes == meant).collect();
            assert!(places.len() >= 3, "{meant:?}");
            places.iter().for_each(|(at, _)| broken[*at..at + 4].copy_from_slice(&found));
        }
        // The header names the space between profiles in the same letters.
        broken[..128].copy_from_slice(&whole[..128]);
        assert!(seen(&broken).is_some());
        assert_eq!(seen(&broken), seen(&whole));
    }
}
