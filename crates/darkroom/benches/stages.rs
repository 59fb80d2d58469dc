//! What the jobs of a processor cost, on a generated photo of twelve megapixels. Jobs that differ in one thing show what
//! that thing costs: a rendition more, a turn, a profile, another format. `cargo bench -p darkroom --bench stages`.

#![expect(clippy::print_stdout, reason = "a bench reports by itself")]

use std::hint::black_box;
use std::time::Instant;

use darkroom::{Darkroom, Limits, Plan, Rendition};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const WIDTH: usize = 4000;
const HEIGHT: usize = 3000;
const WARM_UP_RUNS: usize = 3;
const RUNS: usize = 15;

/// Waves of several lengths and some noise: about the entropy of a photo.
fn pixels<const N: usize>(width: usize, height: usize) -> Vec<u8> {
    let mut seed = 1u32;
    let mut bytes = Vec::with_capacity(width * height * N);
    for at in 0..width * height {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        let shape = (x / 97.0).sin() * 50.0 + (y / 61.0).cos() * 40.0 + ((x + y) / 7.0).sin() * 12.0;
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let level = 128.0 + shape + (seed >> 28) as f32;
        bytes.extend([level, level * 0.8 + x / 80.0, 255.0 - level, x / 16.0][..N].iter().map(|l| *l as u8));
    }
    bytes
}

fn jpeg(progressive: bool) -> Vec<u8> {
    let (pixels, pitch) = (pixels::<3>(WIDTH, HEIGHT), WIDTH * 3);
    let mut compressor = Compressor::new().expect("libjpeg starts");
    let settings = compressor
        .set_quality(90)
        .and_then(|()| compressor.set_subsamp(Subsamp::Sub2x2))
        .and_then(|()| compressor.set_progressive(progressive));
    settings.expect("libjpeg knows these settings");
    let image = Image { pixels: &pixels[..], width: WIDTH, pitch, height: HEIGHT, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).expect("libjpeg encodes")
}

fn png() -> Vec<u8> {
    let image = image::RgbaImage::from_raw(1500, 1000, pixels::<4>(1500, 1000)).expect("the sizes agree");
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).expect("a PNG can be written");
    file.into_inner()
}

fn main() {
    let (baseline, progressive, png) = (jpeg(false), jpeg(true), png());
    let jobs: [(&str, &[u8], &[u32]); 7] = [
        ("baseline to 2048, 1024, 320", &baseline, &[2048, 1024, 320]),
        ("baseline to 2048", &baseline, &[2048]),
        ("baseline to 1024", &baseline, &[1024]),
        ("baseline to 320", &baseline, &[320]),
        ("progressive to 2048, 1024, 320", &progressive, &[2048, 1024, 320]),
        ("progressive to 320", &progressive, &[320]),
        ("png with alpha to 1024, 320", &png, &[1024, 320]),
    ];
    let mut darkroom = Darkroom::default();
    for (name, file, sides) in jobs {
        let plan: Plan = sides.iter().map(|&side| Rendition::new("r", side, 80)).collect::<Vec<_>>().into();
        let mut job =
            || drop(darkroom.render(black_box(file), &plan, &Limits::DEFAULT).expect("a good file"));
        println!("{name}: {:.2} ms", median_ms(&mut job));
    }
}

/// The median of the measured runs, after some that warm up.
fn median_ms(job: &mut impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..WARM_UP_RUNS + RUNS)
        .map(|_| {
            let begun = Instant::now();
            job();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .skip(WARM_UP_RUNS)
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[RUNS / 2]
}
