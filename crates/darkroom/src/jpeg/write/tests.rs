//! What libjpeg-turbo reads of our files, and how near that is to what went in.

use proptest::prelude::*;
use turbojpeg::{Compressor, Subsamp, YuvPlanesImage};

use super::*;
use crate::jpeg::judge;
use crate::raster::axis::Axis;

fn plane((width, height): (u32, u32), level: impl Fn(u32, u32) -> u8) -> Plane<Vec<u8>> {
    let bytes = (0..width * height).map(|at| level(at % width, at / width)).collect();
    Plane { across: Axis::new(width, 1), down: Axis::new(height, 1), bytes }
}

/// Something with edges, slopes and noise in it.
fn picture((width, height): (u32, u32), is_grey: bool, seed: u32) -> Planes<Vec<u8>> {
    let noise = move |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ seed) >> 13;
    let level = move |x: u32, y: u32| match (x / 9 + y / 7 + seed) % 4 {
        0 => (x * 3 + y) as u8,
        1 => noise(x, y) as u8,
        2 => 255,
        _ => 0,
    };
    let half = (width.div_ceil(2), height.div_ceil(2));
    let luma = plane((width, height), level);
    if is_grey {
        return Planes { planes: vec![luma] };
    }
    let chroma = [0, 1].map(|which| plane(half, move |x, y| 100 + (level(y + which, x) >> 2)));
    Planes { planes: std::iter::once(luma).chain(chroma).collect() }
}

fn encode(planes: &Planes<Vec<u8>>, quality: u8) -> Vec<u8> {
    JpegEncoder::default().encode(planes, quality)
}

fn samples(planes: &Planes<Vec<u8>>) -> Vec<u8> {
    planes.planes.iter().flat_map(|plane| plane.samples().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn at_the_highest_quality_every_sample_comes_back(
        size in (1u32..70, 1u32..70), is_grey: bool, seed: u32,
    ) {
        let planes = picture(size, is_grey, seed);
        let file = encode(&planes, 100);
        let (was, is) = (samples(&planes), judge::drawn(&file));
        prop_assert_eq!(was.len(), is.len());
        let most = was.iter().zip(&is).map(|(a, b)| a.abs_diff(*b)).max();
        // Steps of one for each coefficient, and two roundings.
        prop_assert!(most <= Some(3), "{most:?}");
    }

    #[test]
    fn the_file_is_as_short_and_as_near_as_libjpegs((width, height) in (32u32..100, 32u32..100), quality in 1u8..=100, seed: u32) {
        // libjpeg asks for luma under all of the chroma.
        let planes = picture((2 * width, 2 * height), false, seed);
        let (file, theirs) = (encode(&planes, quality), libjpeg(&planes, quality));
        let bytes = file.len() as f64 / theirs.len() as f64;
        prop_assert!((0.97..1.02).contains(&bytes), "{bytes}");
        let error = |file: &[u8]| -> u64 {
            samples(&planes).iter().zip(judge::drawn(file)).map(|(a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
        };
        let error = error(&file) as f64 / (error(&theirs) as f64 + 1.0);
        prop_assert!(error < 1.05, "{error}");
    }
}

fn libjpeg(planes: &Planes<Vec<u8>>, quality: u8) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(i32::from(quality)).unwrap();
    compressor.set_optimize(true).unwrap();
    let [luma, cb, cr] = &planes.planes[..] else { unreachable!("a coloured picture") };
    let image = YuvPlanesImage {
        y_plane: luma.samples(),
        u_plane: cb.samples(),
        v_plane: cr.samples(),
        width: luma.width(),
        height: luma.height(),
        y_stride: luma.width(),
        u_stride: cb.width(),
        v_stride: cr.width(),
        subsamp: Subsamp::Sub2x2,
    };
    compressor.compress_yuv_planes_to_vec(&image).unwrap()
}
