//! What a plan can ask for, field by field, judged by the pixels that come out.

use std::io::Cursor;

use darkroom::{
    Copyright, Developed, Extent, Format, FormatRule, Gravity, Limits, Plan, Program, ProgramInput,
    RenderError, Rendition, Sharpen, Size, SourceFormat, pam_header, render,
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

const RED: [u8; 3] = [200, 30, 30];
const GREEN: [u8; 3] = [30, 160, 40];
const BLUE: [u8; 3] = [40, 50, 190];

/// Three upright stripes of equal width: red, green, blue.
fn stripes(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| Rgb([RED, GREEN, BLUE][(x * 3 / width) as usize]))
}

fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).expect("a small picture can be encoded");
    file.into_inner()
}

fn exact(name: &str, size: Size) -> Rendition {
    Rendition { size, format: FormatRule::Exactly(Format::Png), ..Rendition::new(name, 0, 80) }
}

fn developed(original: &[u8], plan: &Plan) -> Developed {
    render(original, plan, &Limits::DEFAULT).expect("a good picture")
}

fn one(original: &[u8], rendition: Rendition) -> Vec<u8> {
    developed(original, &vec![rendition].into()).renditions.remove(0).bytes
}

fn seen(file: &[u8]) -> RgbImage {
    image::load_from_memory(file).expect("a rendition is a picture").into_rgb8()
}

fn near(pixel: &Rgb<u8>, colour: [u8; 3], tolerance: u8) -> bool {
    pixel.0.iter().zip(colour).all(|(&a, b)| a.abs_diff(b) <= tolerance)
}

#[test]
fn a_box_holds_the_whole_picture_and_a_cover_is_filled_from_its_gravity() {
    let original = file(stripes(600, 300), ImageFormat::Png);
    let contain = seen(&one(&original, exact("r", Size::Contain { width: 200, height: 200 })));
    assert_eq!(contain.dimensions(), (200, 100));
    assert!(near(contain.get_pixel(5, 50), RED, 2) && near(contain.get_pixel(194, 50), BLUE, 2));
    for (gravity, colour) in [
        (Gravity::West, RED),
        (Gravity::NorthWest, RED),
        (Gravity::Centre, GREEN),
        (Gravity::South, GREEN),
        (Gravity::East, BLUE),
    ] {
        let made = seen(&one(&original, exact("r", Size::Cover { width: 50, height: 100, gravity })));
        assert_eq!(made.dimensions(), (50, 100));
        assert!(near(made.get_pixel(25, 50), colour, 2), "{gravity:?}: {:?}", made.get_pixel(25, 50));
    }
}

#[test]
fn gravity_is_that_of_the_upright_picture() {
    // A stored picture whose left side is its upper edge when seen: EXIF orientation 6.
    let mut turned = file(stripes(600, 300), ImageFormat::Jpeg);
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    turned.splice(2..2, exif.iter().copied());
    for (gravity, colour) in [(Gravity::North, RED), (Gravity::Centre, GREEN), (Gravity::South, BLUE)] {
        let made = seen(&one(&turned, exact("r", Size::Cover { width: 120, height: 60, gravity })));
        assert_eq!(made.dimensions(), (120, 60));
        assert!(near(made.get_pixel(60, 30), colour, 12), "{gravity:?}: {:?}", made.get_pixel(60, 30));
    }
    let tall = developed(&turned, &vec![exact("r", Size::Contain { width: 1000, height: 90 })].into());
    assert_eq!((tall.renditions[0].width, tall.renditions[0].height), (45, 90));
}

#[test]
fn a_small_picture_is_cut_to_the_boxs_shape_pixel_by_pixel() {
    let noise = RgbImage::from_fn(30, 30, |x, y| Rgb([(x * 8) as u8, (y * 8) as u8, (x * y % 256) as u8]));
    let original = file(noise.clone(), ImageFormat::Png);
    let size = Size::Cover { width: 400, height: 200, gravity: Gravity::South };
    let made = seen(&one(&original, exact("r", size)));
    assert_eq!(made.dimensions(), (30, 15));
    assert!(made.enumerate_pixels().all(|(x, y, pixel)| pixel == noise.get_pixel(x, y + 15)));
}

#[test]
fn each_rendition_has_its_own_size_whatever_the_others_are() {
    let original = file(stripes(900, 400), ImageFormat::Png);
    let cover = |width, height| Size::Cover { width, height, gravity: Gravity::East };
    let sizes = [
        Size::LongerSide(90),
        cover(300, 300),
        cover(40, 390),
        Size::Contain { width: 500, height: 399 },
        Size::LongerSide(4000),
    ];
    let renditions: Vec<Rendition> = sizes.map(|size| exact("r", size)).to_vec();
    let together = developed(&original, &renditions.clone().into());
    for (rendition, made) in renditions.into_iter().zip(&together.renditions) {
        assert_eq!(Extent::new(made.width, made.height), rendition.size_of(Extent::new(900, 400)));
        let (alone, made) = (seen(&one(&original, rendition)), seen(&made.bytes));
        assert_eq!(alone.dimensions(), made.dimensions());
        let differs = |(a, b): (&Rgb<u8>, &Rgb<u8>)| !near(a, b.0, 24);
        let far = alone.pixels().zip(made.pixels()).filter(|&pair| differs(pair)).count();
        // Only where stripes meet may a detour over a larger rendition show.
        assert!(far * 50 < alone.pixels().len(), "{far} of {} pixels differ", alone.pixels().len());
    }
}

#[test]
fn same_keeps_the_originals_format_and_makes_png_of_gif() {
    let sheer = RgbaImage::from_fn(40, 20, |x, _| Rgba([10, 200, 30, if x < 20 { 0 } else { 255 }]));
    for (format, made_of, expected) in [
        (ImageFormat::Jpeg, DynamicImage::from(stripes(40, 20)), Format::Jpeg),
        (ImageFormat::Png, stripes(40, 20).into(), Format::Png),
        (ImageFormat::WebP, stripes(40, 20).into(), Format::Webp),
        (ImageFormat::Png, sheer.clone().into(), Format::Png),
        (ImageFormat::Gif, sheer.into(), Format::Png),
    ] {
        let has_alpha = made_of.color().has_alpha();
        let rendition = Rendition { format: FormatRule::Same, ..Rendition::new("r", 20, 90) };
        let developed = developed(&file(made_of, format), &vec![rendition].into());
        let made = &developed.renditions[0];
        assert_eq!(made.format, expected, "{format:?}");
        let bytes = SourceFormat::detect(&made.bytes).map(SourceFormat::as_str);
        assert_eq!(bytes, Some(expected.as_str()));
        let seen = image::load_from_memory(&made.bytes).expect("a picture");
        assert_eq!(seen.color().has_alpha(), has_alpha, "{format:?}");
    }
}

#[test]
fn a_png_is_lossless_and_a_webp_of_an_opaque_picture_has_no_alpha() {
    let noise = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x * y % 256) as u8]));
    let original = file(noise.clone(), ImageFormat::Png);
    assert_eq!(seen(&one(&original, exact("r", Size::LongerSide(64)))), noise);
    let webp = Rendition { format: FormatRule::Exactly(Format::Webp), ..Rendition::new("r", 64, 95) };
    let made = image::load_from_memory(&one(&original, webp)).expect("a picture");
    assert!(!made.color().has_alpha());
}

#[test]
fn a_lower_quality_is_a_smaller_file() {
    let noise =
        RgbImage::from_fn(200, 200, |x, y| Rgb([(x * y % 256) as u8, (x * 7 % 256) as u8, (y * 3) as u8]));
    let original = file(noise, ImageFormat::Png);
    for format in [Format::Jpeg, Format::Webp] {
        let bytes = |quality| {
            let rendition =
                Rendition { format: FormatRule::Exactly(format), ..Rendition::new("r", 200, quality) };
            one(&original, rendition).len()
        };
        assert!(bytes(30) * 4 < bytes(90) * 3, "{format:?}: {} {}", bytes(30), bytes(90));
    }
}

#[test]
fn a_jpeg_shows_the_background_where_the_original_is_sheer() {
    let sheer = RgbaImage::from_fn(64, 64, |x, _| match x {
        0..=20 => Rgba([0, 0, 0, 0]),
        21..=42 => Rgba([255, 0, 0, 128]),
        _ => Rgba([0, 0, 255, 255]),
    });
    let original = file(sheer, ImageFormat::Png);
    let jpeg = |background| Rendition {
        format: FormatRule::Exactly(Format::Jpeg),
        background,
        ..Rendition::new("r", 64, 95)
    };
    let on_white = seen(&one(&original, jpeg([255; 3])));
    assert!(near(on_white.get_pixel(8, 30), [255; 3], 4));
    assert!(near(on_white.get_pixel(32, 30), [255, 127, 127], 8), "{:?}", on_white.get_pixel(32, 30));
    let on_green = seen(&one(&original, jpeg([0, 128, 0])));
    assert!(near(on_green.get_pixel(8, 30), [0, 128, 0], 8), "{:?}", on_green.get_pixel(8, 30));
    assert!(near(on_green.get_pixel(56, 30), [0, 0, 255], 8), "{:?}", on_green.get_pixel(56, 30));
}

/// The steepest step of brightness along a row.
fn steepest(picture: &RgbImage) -> i32 {
    let luma =
        |x: u32| picture.get_pixel(x, picture.height() / 2).0.iter().map(|&c| i32::from(c)).sum::<i32>();
    (1..picture.width()).map(|x| (luma(x) - luma(x - 1)).abs()).max().unwrap_or(0)
}

#[test]
fn sharpening_steepens_an_edge_and_leaves_a_plain_alone() {
    let soft = RgbImage::from_fn(120, 60, |x, _| Rgb([(40 + (x.clamp(50, 70) - 50) * 8) as u8; 3]));
    let original = file(soft.clone(), ImageFormat::Png);
    let sharp = |amount_percent| Rendition {
        sharpen: Some(Sharpen { amount_percent, radius_px_percent: 150 }),
        ..exact("r", Size::LongerSide(60))
    };
    let plain = seen(&one(&original, exact("r", Size::LongerSide(60))));
    let (little, much) = (seen(&one(&original, sharp(50))), seen(&one(&original, sharp(200))));
    assert!(steepest(&plain) < steepest(&little) && steepest(&little) < steepest(&much));
    assert_eq!(
        (much.get_pixel(5, 15), much.get_pixel(55, 15)),
        (plain.get_pixel(5, 15), plain.get_pixel(55, 15))
    );
    let grey = file(RgbImage::from_pixel(40, 40, Rgb(RED)), ImageFormat::Png);
    assert!(seen(&one(&grey, sharp(500))).pixels().all(|pixel| pixel.0 == RED));
}

#[test]
fn one_renditions_sharpening_is_not_in_the_next() {
    let original = file(stripes(400, 200), ImageFormat::Png);
    let sharp = Rendition {
        sharpen: Some(Sharpen { amount_percent: 500, radius_px_percent: 300 }),
        ..exact("large", Size::LongerSide(300))
    };
    let small = exact("small", Size::LongerSide(100));
    let plain = vec![exact("large", Size::LongerSide(300)), small.clone()];
    let beside_sharp = developed(&original, &vec![sharp, small].into());
    assert_eq!(beside_sharp.renditions[1], developed(&original, &plain.into()).renditions[1]);
}

#[test]
fn extras_are_of_the_whole_upright_picture_and_change_no_rendition() {
    let mostly_blue = RgbImage::from_fn(300, 150, |x, _| Rgb(if x < 90 { RED } else { BLUE }));
    let original = file(mostly_blue, ImageFormat::Png);
    let cover = Size::Cover { width: 20, height: 20, gravity: Gravity::West };
    let plain: Plan = vec![exact("a", Size::LongerSide(200)), exact("b", cover)].into();
    let asked = Plan { thumbhash: true, dominant_colour: true, ..plain.clone() };
    let (without, with) = (developed(&original, &plain), developed(&original, &asked));
    assert_eq!(without.renditions, with.renditions);
    assert_eq!((without.extras.thumbhash, without.extras.dominant_colour), (None, None));
    assert_eq!(with.extras.dominant_colour, Some(BLUE));
    let hash = with.extras.thumbhash.expect("it was asked for");
    let (width, height, rgba) = thumbhash::thumb_hash_to_rgba(&hash).expect("a hash");
    assert!(width > height && rgba[0] > rgba[2], "the left edge is red: {:?}", &rgba[..4]);
    let tiny = Plan { thumbhash: true, ..vec![exact("b", Size::LongerSide(4))].into() };
    assert_eq!(developed(&original, &tiny).extras.thumbhash.map(|again| again.len()), Some(hash.len()));
}

fn made(rendition: Rendition, input: ProgramInput) -> Rendition {
    let program = Program { path: "/opt/x".into(), args: Vec::new(), input, allow: vec!["/opt/x".into()] };
    Rendition { program: Some(program), ..rendition }
}

#[test]
fn what_a_program_makes_is_never_made_by_us_instead() {
    let original = file(stripes(80, 40), ImageFormat::Png);
    let rendition = made(exact("r", Size::LongerSide(20)), ProgramInput::Original);
    let refused = render(&original, &vec![rendition].into(), &Limits::DEFAULT);
    assert!(matches!(refused, Err(RenderError::UnsupportedFormat(_))), "{refused:?}");
}

#[test]
fn a_program_is_given_the_pixels_that_our_encoder_would_be() {
    let original = file(stripes(80, 40), ImageFormat::Png);
    let ours = exact("r", Size::LongerSide(20));
    let pam = one(&original, made(ours.clone(), ProgramInput::Pixels));
    assert_eq!(pam, [pam_header(20, 10, 3), seen(&one(&original, ours)).into_raw()].concat());
    let sheer = file(RgbaImage::from_pixel(8, 4, Rgba([1, 2, 3, 0])), ImageFormat::Png);
    let of = |format| Rendition { format, background: BLUE, ..exact("r", Size::LongerSide(4)) };
    let jpeg = one(&sheer, made(of(FormatRule::Exactly(Format::Jpeg)), ProgramInput::Pixels));
    assert_eq!(jpeg, [pam_header(4, 2, 3), BLUE.repeat(8)].concat());
    let png = one(&sheer, made(of(FormatRule::Exactly(Format::Png)), ProgramInput::Pixels));
    assert!(png.starts_with(&pam_header(4, 2, 4)) && png.len() == pam_header(4, 2, 4).len() + 32);
}

#[test]
fn kept_rights_are_in_every_rendition_and_nothing_else_is() {
    let block = b"II\x2a\0\x08\0\0\0\x03\0\
        \x0f\x01\x02\0\x07\0\0\0\x32\0\0\0\
        \x3b\x01\x02\0\x04\0\0\0Ada\0\
        \x98\x82\x02\0\x0a\0\0\0\x3a\0\0\0\
        \0\0\0\0SecretC\0\xa9 2026 Co\0";
    let mut original = file(stripes(80, 40), ImageFormat::Jpeg);
    let length = u16::try_from(block.len() + 8).expect("a short block").to_be_bytes();
    original.splice(2..2, [&b"\xff\xe1"[..], &length, b"Exif\0\0", block].concat());
    let formats = [Format::Jpeg, Format::Webp, Format::Png];
    let rendition = |format| Rendition { format: FormatRule::Exactly(format), ..Rendition::new("r", 40, 80) };
    let strip: Plan = formats.map(rendition).to_vec().into();
    let keep = Plan { copyright: Copyright::Keep, ..strip.clone() };
    let holds = |bytes: &[u8], mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    for (kept, stripped) in
        developed(&original, &keep).renditions.iter().zip(&developed(&original, &strip).renditions)
    {
        for mark in [&b"Ada"[..], b"2026 Co"] {
            assert!(holds(&kept.bytes, mark), "{:?}", kept.format);
            assert!(!holds(&stripped.bytes, mark), "{:?}", kept.format);
        }
        assert!(!holds(&kept.bytes, b"Secret"));
        assert_eq!(seen(&kept.bytes), seen(&stripped.bytes), "{:?}", kept.format);
    }
    let bare = file(stripes(80, 40), ImageFormat::Jpeg);
    assert_eq!(developed(&bare, &keep).renditions, developed(&bare, &strip).renditions);
}
