//! What libjpeg warns about, judged; our own reading held against libjpeg's.

use super::*;
use crate::jpeg::judge;
use crate::jpeg::markers::SOS;
use proptest::prelude::*;
use turbojpeg::Compressor;

fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let jpeg = Jpeg::open(file, limits)?;
    if jpeg.has_planes() {
        let planes = jpeg.planes(1.0, &mut JpegDecoder::default()).map(drop);
        assert_eq!(planes.err(), jpeg.pixels(1.0, limits).err());
    }
    jpeg.pixels(1.0, limits)
}

fn sample(configure: impl FnOnce(&mut Compressor)) -> Vec<u8> {
    let pixels: Vec<u8> = (0..96 * 80 * 3).map(|i| (i * i / 97 % 256) as u8).collect();
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
    configure(&mut compressor);
    let image = Image { pixels: &pixels[..], width: 96, pitch: 288, height: 80, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

fn kinds() -> [Vec<u8>; 2] {
    [sample(|_| ()), sample(|compressor| compressor.set_progressive(true).unwrap())]
}

#[test]
fn a_cut_at_any_byte_is_truncated() {
    for file in kinds() {
        decode(&file, &Limits::DEFAULT).unwrap();
        for end in 3..file.len() - 2 {
            let error = decode(&file[..end], &Limits::DEFAULT).unwrap_err();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
        }
    }
}

#[test]
fn a_scan_cut_short_under_a_proper_end_is_truncated() {
    let file = sample(|_| ());
    let scan = file.windows(2).position(|pair| pair == [0xff, SOS]).unwrap() + 14;
    for end in (scan + 1..file.len() - 8).step_by(17) {
        let mut cut = file[..end].to_vec();
        if cut.last() == Some(&0xff) {
            cut.pop();
        }
        cut.extend([0xff, 0xd9]);
        let error = decode(&cut, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
    }
}

#[test]
fn stray_bytes_before_the_end_and_behind_it_are_harmless() {
    let mut file = sample(|_| ());
    let end = file.len() - 2;
    file.splice(end..end, [0; 9]);
    file.extend(b"a video, perhaps");
    decode(&file, &Limits::DEFAULT).unwrap();
}

#[test]
fn a_header_beyond_the_limits_is_refused_unread() {
    let mut file = sample(|_| ());
    let sof = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[sof + 5..sof + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    let error = decode(&file, &Limits::DEFAULT).unwrap_err();
    assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
    file[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xff, 0x00, 0x01]);
    let error = decode(&file, &Limits::DEFAULT).unwrap_err();
    assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
}

fn drawn(file: &[u8], detail: Detail) -> Option<(usize, Vec<u8>)> {
    let (markers, mut samples) = (walk(file), Vec::new());
    let memory = Memory { data: &mut ScanData::default(), samples: &mut samples };
    let axes = read::draw(markers.frame.as_ref()?, &markers.segments, [detail; 3], memory)?;
    Some((axes[0].across.samples as usize, samples))
}

proptest! {
    #[test]
    fn what_is_drawn_whole_is_what_libjpeg_draws(
        size in (1usize..60, 1usize..60),
        subsamp in prop::sample::select(vec![
            Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Sub1x4, Subsamp::Gray,
        ]),
        quality in 1i32..=100,
        optimize: bool,
        noise in proptest::collection::vec(any::<u8>(), 61),
    ) {
        let (width, height) = size;
        let pixels: Vec<u8> =
            (0..width * height * 3).map(|at| noise[at % 61] >> (at / 700 % 8) as u32).collect();
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        compressor.set_quality(quality).unwrap();
        compressor.set_optimize(optimize).unwrap();
        let image = Image { pixels: &pixels[..], width, pitch: 3 * width, height, format: PixelFormat::RGB };
        let file = compressor.compress_to_vec(image).unwrap();
        let (_, ours) = drawn(&file, Detail::Whole).expect("an everyday file");
        let theirs = judge::drawn(&file);
        prop_assert_eq!(ours.len(), theirs.len());
        // Theirs works in whole numbers; the exact ones lie between.
        let most = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max();
        prop_assert!(most <= Some(1), "{most:?}");
    }
}

#[test]
fn a_coarse_drawing_shows_the_mean_of_every_block() {
    for file in kinds() {
        let mut decoder = JpegDecoder::default();
        let jpeg = Jpeg::open(&file, &Limits::DEFAULT).unwrap();
        let whole = jpeg.planes(1.0, &mut decoder).unwrap();
        let (luma, (width, means)) = (&whole.planes[0], drawn(&file, Detail::Mean).unwrap());
        assert_eq!((width, means.len()), (12, 12 * 10 + 2 * 6 * 5));
        for (at, &seen) in means[..120].iter().enumerate() {
            let (left, top) = (at % 12 * 8, at / 12 * 8);
            let sum: u32 = (0..64).map(|i| u32::from(luma.bytes[(top + i / 8) * 96 + left + i % 8])).sum();
            // Levels that are cut off at black or white make the mean of the whole block another one.
            assert!(sum.div_ceil(64).abs_diff(u32::from(seen)) <= 20, "block {at}: {sum} / 64, {seen}");
        }
    }
}

#[test]
fn four_samples_a_block_show_what_a_decoding_at_a_quarter_shows() {
    let [file, progressive] = &kinds();
    let jpeg = Jpeg::open(file, &Limits::DEFAULT).unwrap();
    let quarter = jpeg.pixels(4.0, &Limits::DEFAULT).unwrap().picture;
    let (width, samples) = drawn(file, Detail::Quarters).unwrap();
    assert_eq!((width, samples.len()), (24, 24 * 20 * 3 / 2));
    let luma = quarter.bytes.as_chunks::<3>().0.iter().map(|&[red, green, blue]| {
        0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
    });
    let sum: f64 = luma.zip(&samples).map(|(seen, &drawn)| (seen - f64::from(drawn)).abs()).sum();
    // The picture is noise, of which libjpeg folds a little more in.
    assert!(sum / 480.0 < 6.0, "{} levels off in the mean", sum / 480.0);
    assert_eq!(drawn(progressive, Detail::Quarters), None, "of a progressive file there are means only");
}

#[test]
fn quantisers_whose_sums_would_not_fit_are_left_to_libjpeg() {
    let mut file = sample(|_| ());
    let table = file.windows(2).position(|pair| pair == [0xff, 0xdb]).unwrap();
    let wide = [&[0xff, 0xdb, 0, 131, 0x10][..], &[0xff; 128]].concat();
    file.splice(table..table + 69, wide);
    assert_eq!(drawn(&file, Detail::Quarters), None);
}

#[test]
fn what_is_drawn_of_a_damaged_file_has_the_same_size_or_is_left_to_libjpeg() {
    let [sequential, progressive] = kinds();
    let kinds = [Detail::Whole, Detail::Quarters, Detail::Mean].map(|detail| (&sequential, detail));
    for (file, detail) in kinds.into_iter().chain([(&progressive, Detail::Mean)]) {
        let (_, whole) = drawn(file, detail).unwrap();
        let mut seed = 0x2545_f491_u32;
        for _ in 0..4000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut damaged = file.clone();
            let at = 2 + seed as usize % (file.len() - 4);
            damaged[at] = damaged[at].wrapping_add((seed >> 24) as u8 | 1);
            if walk(&damaged).announced.is_some_and(|(size, _)| size == Extent::new(96, 80)) {
                let drawn = drawn(&damaged, detail).map(|(_, samples)| samples.len());
                assert!(drawn.is_none_or(|length| length <= 3 * whole.len()), "damaged at {at}");
            }
        }
    }
}

/// A grey block of noise: its file up to the size, from there to the scan's codes, and the codes.
fn block(seed: u8) -> [Vec<u8>; 3] {
    let pixels: Vec<u8> = (0..64u8).map(|at| at.wrapping_mul(at).wrapping_mul(seed)).collect();
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Gray).unwrap();
    let image = Image { pixels: &pixels[..], width: 8, pitch: 8, height: 8, format: PixelFormat::GRAY };
    let file = compressor.compress_to_vec(image).unwrap();
    let find = |marker: u8| file.windows(2).position(|pair| pair == [0xff, marker]).unwrap();
    let (size, scan, end) = (find(0xc0) + 5, find(SOS), file.len() - 2);
    [file[..size].to_vec(), file[size + 4..scan].to_vec(), file[scan..end].to_vec()]
}

#[test]
fn damage_behind_a_restart_is_not_hidden_by_stray_bytes_before_it() {
    const SOS_BYTES: usize = 10;
    let [[begin, rest, first], [_, _, second]] = [block(3), block(5)];
    let codes = &second[SOS_BYTES..];
    let file = |stray: &[u8], codes: &[u8]| {
        let size = [0, 8, 0, 16];
        let every_block = [0xff, 0xdd, 0, 4, 0, 1];
        [&begin, &size[..], &rest, &every_block, &first, stray, &[0xff, 0xd0], codes, &[0xff, 0xd9]].concat()
    };
    let whole = file(&[], codes);
    let differences = drawn(&whole, Detail::Whole).unwrap().1.into_iter().zip(judge::drawn(&whole));
    assert!(differences.map(|(ours, theirs)| ours.abs_diff(theirs)).max() <= Some(1));
    let planes =
        |file: &[u8]| Jpeg::open(file, &Limits::DEFAULT)?.planes(1.0, &mut JpegDecoder::default()).map(drop);
    planes(&file(&[1, 2], codes)).unwrap();
    assert!(planes(&file(&[], &codes[..codes.len() / 2])).is_err());
    assert!(planes(&file(&[1, 2], &codes[..codes.len() / 2])).is_err());
}

#[test]
fn inks_are_inverted_whether_adobe_says_so_or_nobody() {
    let ink = [30u8, 60, 90, 20].repeat(64);
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(100).unwrap();
    compressor.set_subsamp(Subsamp::None).unwrap();
    compressor.set_colorspace(Colorspace::CMYK).unwrap();
    let image = Image { pixels: &ink[..], width: 8, pitch: 32, height: 8, format: PixelFormat::CMYK };
    let file = compressor.compress_to_vec(image).unwrap();
    // libjpeg marks its CMYK files as Adobe's.
    let adobe = file.windows(5).position(|mark| mark == b"Adobe").unwrap() - 4;
    let unmarked = [&file[..adobe], &file[adobe + 16..]].concat();
    for file in [file, unmarked] {
        let decoded = decode(&file, &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.picture.channels, Channels::Cmyk);
        let near = |a: u8, b: u8| a.abs_diff(b) <= 3;
        assert!(near(decoded.picture.bytes[0], 225), "{:?}", &decoded.picture.bytes[..4]);
    }
}

mod arithmetic;
mod damage;
mod oddities;
