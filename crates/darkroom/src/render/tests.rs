//! The planar path held against the interleaved one: every subsampling, progressive or not, every orientation, odd
//! and tiny sizes.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::*;
use crate::Gravity;

const SUBSAMPLINGS: [Subsamp; 7] = [
    Subsamp::None,
    Subsamp::Sub2x1,
    Subsamp::Sub2x2,
    Subsamp::Gray,
    Subsamp::Sub1x2,
    Subsamp::Sub4x1,
    Subsamp::Sub1x4,
];

/// A picture without symmetry: each corner has its own colour.
fn photo((width, height): (usize, usize), subsamp: Subsamp, progressive: bool) -> Vec<u8> {
    // Gentle slopes in tiny pictures too: where a pixel is a third of all levels, an encoder's mean of two and our filter
    // are equally right and far apart.
    let level = |at: usize, side: usize| (at * 200 / side.max(25)) as u8;
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| [20 + level(x, width), 40 + level(y, height), 230 - level(x, width)])
        .collect();
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_progressive(progressive).unwrap();
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

/// The file with an EXIF block that asks for an orientation.
fn turned(file: &[u8], orientation: u8) -> Vec<u8> {
    let tiff =
        [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", &[orientation, 0, 0, 0, 0, 0, 0, 0][..]].concat();
    let length = u16::try_from(2 + 6 + tiff.len()).unwrap().to_be_bytes();
    [&file[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &file[2..]].concat()
}

fn plan(sides: &[u32]) -> Plan {
    let renditions: Vec<_> = sides.iter().map(|side| Rendition::new(side.to_string(), *side, 95)).collect();
    renditions.into()
}

/// As if the file had no planes.
fn interleaved(file: &[u8], plan: &Plan) -> Developed {
    let mut darkroom = Darkroom::default();
    let jpeg = Jpeg::open(file, &Limits::DEFAULT).unwrap();
    let decoded = jpeg.pixels(1.0, &Limits::DEFAULT).unwrap();
    let source = source_of(SourceFormat::Jpeg, decoded.size, decoded.orientation);
    darkroom.render_pixels(decoded, &Original { source, rights: None }, plan).unwrap()
}

/// The mean difference of two encoded pictures of the same size, in levels.
fn difference(a: &Encoded, b: &Encoded) -> f64 {
    let [a, b] = [a, b].map(|made| image::load_from_memory(&made.bytes).unwrap().to_rgb8());
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: f64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    sum / a.as_raw().len() as f64
}

fn assert_near(file: &[u8], sides: &[u32], bound: f64, what: &str) {
    let (planar, pixels) =
        (render(file, &plan(sides), &Limits::DEFAULT).unwrap(), interleaved(file, &plan(sides)));
    assert_eq!(planar.source, pixels.source, "{what}");
    for (a, b) in planar.renditions.iter().zip(&pixels.renditions) {
        assert_eq!((a.width, a.height), (b.width, b.height), "{what}");
        let difference = difference(a, b);
        assert!(difference <= bound, "{what}, {} px: {difference}", a.name);
    }
}

#[test]
fn planes_show_what_pixels_show_in_every_subsampling_orientation_and_odd_size() {
    for subsamp in SUBSAMPLINGS {
        for (index, size) in (1..=17).flat_map(|w| [1, 2, 7, 16, 17].map(|h| (w, h))).enumerate() {
            let file = photo(size, subsamp, index % 2 == 1);
            let orientation = u8::try_from(index % 8 + 1).unwrap();
            let what = format!("{size:?} {subsamp:?} orientation {orientation}");
            assert_near(&turned(&file, orientation), &[64, 9, 5], 5.0, &what);
        }
    }
}

#[test]
fn planes_show_what_pixels_show_in_larger_pictures() {
    for subsamp in SUBSAMPLINGS {
        for (orientation, size) in (1..=8).zip([(201, 99), (160, 120), (97, 211), (128, 255)].iter().cycle())
        {
            for progressive in [false, true] {
                let file = turned(&photo(*size, subsamp, progressive), orientation);
                let what =
                    format!("{size:?} {subsamp:?} orientation {orientation} progressive {progressive}");
                assert_near(&file, &[128, 77, 40], 1.5, &what);
                assert_near(&file, &[12], 3.0, &what);
            }
        }
    }
}

#[test]
fn a_darkroom_that_has_worked_makes_the_same_bytes() {
    let mut used = Darkroom::default();
    for subsamp in SUBSAMPLINGS {
        for size in [(300, 200), (33, 65), (640, 480)] {
            let file = photo(size, subsamp, size.0 == 33);
            let fresh = render(&file, &plan(&[100, 31]), &Limits::DEFAULT).unwrap();
            assert_eq!(used.render(&file, &plan(&[100, 31]), &Limits::DEFAULT).unwrap(), fresh);
        }
    }
}

#[test]
fn a_profile_of_srgb_stays_in_planes_and_a_wide_one_does_not() {
    let file = photo((64, 48), Subsamp::Sub2x2, false);
    let with = |icc: Vec<u8>| {
        let length = u16::try_from(2 + 14 + icc.len()).unwrap().to_be_bytes();
        [&file[..2], &[0xff, 0xe2], &length, b"ICC_PROFILE\0\x01\x01", &icc[..], &file[2..]].concat()
    };
    let srgb = with(moxcms::ColorProfile::new_srgb().encode().unwrap());
    let wide = with(moxcms::ColorProfile::new_display_p3().encode().unwrap());
    for (file, expected) in [(&srgb, true), (&wide, false), (&file, true)] {
        let jpeg = Jpeg::open(file, &Limits::DEFAULT).unwrap();
        assert_eq!(stays_in_planes(&jpeg, &plan(&[40]), &Limits::DEFAULT), expected);
    }
    let [plain, converted] = [&file, &wide].map(|file| render(file, &plan(&[40]), &Limits::DEFAULT).unwrap());
    assert!(difference(&plain.renditions[0], &converted.renditions[0]) > 3.0, "colours are converted");
}

#[test]
fn a_part_that_is_cut_from_planes_is_the_part_that_is_cut_from_pixels() {
    for subsamp in SUBSAMPLINGS {
        for (index, gravity) in
            [Gravity::NorthWest, Gravity::Centre, Gravity::SouthEast].into_iter().enumerate()
        {
            let file = turned(&photo((301, 203), subsamp, index == 1), u8::try_from(index + 5).unwrap());
            let size = Size::Cover { width: 61, height: 33, gravity };
            let plan: Plan = vec![Rendition { size, ..Rendition::new("cut", 0, 95) }].into();
            let (planar, pixels) =
                (render(&file, &plan, &Limits::DEFAULT).unwrap(), interleaved(&file, &plan));
            assert_eq!((planar.renditions[0].width, planar.renditions[0].height), (61, 33));
            let difference = difference(&planar.renditions[0], &pixels.renditions[0]);
            assert!(difference <= 1.5, "{subsamp:?} {gravity:?}: {difference}");
        }
    }
}
