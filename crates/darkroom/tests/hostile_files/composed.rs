//! Plans in which programs of the operator's make some of the renditions, from the original to the last file: what a program
//! makes stands in its place, what it fails at is the image's end, and the pool works on.

use std::io::Cursor;

use darkroom::worker::{Failure, Pool, PoolConfig};
use darkroom::{
    Developed, Encoded, Format, FormatRule, Limits, Plan, Program, ProgramInput, Reason, Rendition, Size,
    render,
};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use crate::Tests;
use crate::harness::{config, limits, photo, plan, pool};
use crate::programs::{libraries, myself};

pub(crate) const TESTS: Tests = &[
    (
        "composed::a_program_gets_the_pixels_that_our_encoder_gets",
        a_program_gets_the_pixels_that_our_encoder_gets,
    ),
    ("composed::a_program_gets_the_original_as_it_came", a_program_gets_the_original_as_it_came),
    ("composed::a_plan_of_programs_alone_is_developed", a_plan_of_programs_alone_is_developed),
    ("composed::what_is_no_picture_reaches_no_program", what_is_no_picture_reaches_no_program),
    ("composed::a_program_that_fails_rejects_the_image_once", a_program_that_fails_rejects_the_image_once),
    ("composed::a_program_that_hangs_is_decode_timeout", a_program_that_hangs_is_decode_timeout),
    ("composed::a_program_that_floods_is_cut_off", a_program_that_floods_is_cut_off),
    ("composed::a_program_has_no_network", a_program_has_no_network),
];

/// Half sheer, half opaque, of many colours.
fn sheer() -> Vec<u8> {
    let picture = RgbaImage::from_fn(90, 60, |x, y| {
        Rgba([(x * 2) as u8, (y * 4) as u8, (x * y % 256) as u8, if x < 45 { 100 } else { 255 }])
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("a small picture can be encoded");
    file.into_inner()
}

fn rendition(name: &str, format: Format) -> Rendition {
    let size = Size::Cover { width: 40, height: 30, gravity: darkroom::Gravity::East };
    Rendition { size, format: FormatRule::Exactly(format), ..Rendition::new(name, 0, 80) }
}

fn made(name: &str, format: Format, program: Program) -> Rendition {
    Rendition { program: Some(program), ..rendition(name, format) }
}

fn of_pixels(args: &[&str]) -> Program {
    Program { input: ProgramInput::Pixels, ..myself(args) }
}

fn cat() -> Program {
    Program { path: "/bin/cat".into(), args: vec![], input: ProgramInput::Original, allow: libraries() }
}

fn developed(original: &[u8], plan: &Plan) -> Developed {
    pool().develop("c", original, plan).expect("a good photo and good programs")
}

fn seen(made: &Encoded) -> DynamicImage {
    image::load_from_memory(&made.bytes).expect("a whole picture")
}

/// Why `program` makes no PNG.
fn rejected(pool: &Pool, program: Program) -> (Reason, String) {
    let plan = vec![Rendition::new("ours", 40, 80), made("made", Format::Png, program)].into();
    let rejection = match pool.develop("c", &photo(""), &plan) {
        Err(Failure::Rejected { reason, detail }) => (reason, detail),
        other => panic!("{other:?}"),
    };
    pool.develop("c", &photo(""), &self::plan()).expect("the next photo");
    rejection
}

fn a_program_gets_the_pixels_that_our_encoder_gets() {
    for original in [sheer(), photo("")] {
        let plan: Plan = vec![
            rendition("ours", Format::Png),
            made("made", Format::Png, of_pixels(&["encode"])),
            Rendition::new("large", 80, 80),
        ]
        .into();
        let developed = developed(&original, &plan);
        let [ours, made, large] = &developed.renditions[..] else {
            panic!("{} renditions", developed.renditions.len());
        };
        assert_eq!([&ours.name, &made.name, &large.name], ["ours", "made", "large"]);
        assert_eq!((made.format, made.width, made.height), (Format::Png, 40, 30));
        assert_eq!(seen(made), seen(ours));
        let without: Plan = vec![plan.renditions[0].clone(), plan.renditions[2].clone()].into();
        let beside = render(&original, &without, &limits()).expect("a good photo").renditions;
        assert_eq!([ours, large], [&beside[0], &beside[1]], "what is ours is as without a program");
    }
}

fn a_program_gets_the_original_as_it_came() {
    let plan = vec![
        Rendition::new("first", 40, 80),
        made("copy", Format::Jpeg, cat()),
        Rendition::new("last", 20, 80),
    ];
    let original = photo("what no decoder reads");
    let parts: Vec<&[u8]> = original.chunks(1000).collect();
    let developed =
        pool().develop_parts("c", &parts, &plan.clone().into()).expect("cat writes what it reads");
    let copy = Encoded { name: "copy".into(), format: Format::Jpeg, width: 120, height: 90, bytes: original };
    assert_eq!(developed.renditions[1], copy);
    let ours: Plan = vec![plan[0].clone(), plan[2].clone()].into();
    let beside = render(&photo(""), &ours, &limits()).expect("a good photo");
    assert_eq!(developed.renditions[0], beside.renditions[0]);
    assert_eq!(developed.renditions[2], beside.renditions[1]);
}

fn a_plan_of_programs_alone_is_developed() {
    for (original, format) in [(photo(""), Format::Jpeg), (sheer(), Format::Png)] {
        let plan = Plan { thumbhash: true, ..vec![made("copy", format, cat())].into() };
        let developed = developed(&original, &plan);
        assert_eq!(developed.renditions[0].bytes, original);
        assert!(developed.extras.thumbhash.is_some());
        let without = Plan { thumbhash: false, ..plan };
        assert_eq!(self::developed(&original, &without).renditions, developed.renditions);
    }
}

fn what_is_no_picture_reaches_no_program() {
    let whole = photo("");
    // `cat` would copy it: its header is whole.
    let plan = vec![made("copy", Format::Jpeg, cat())].into();
    let cut = pool().develop("c", &whole[..whole.len() / 2], &plan);
    assert!(matches!(cut, Err(Failure::Rejected { reason: Reason::Truncated, .. })), "{cut:?}");
}

fn a_program_that_fails_rejects_the_image_once() {
    let pool = pool();
    let no_picture = "the program wrote no JPEG, PNG or WebP";
    let missing = Program { path: "/nonexistent".into(), ..myself(&[]) };
    for (number, (program, expected)) in [
        (of_pixels(&["say", "hello"]), no_picture),
        (of_pixels(&["exit", "0"]), no_picture),
        (of_pixels(&["exit", "1"]), "the program exited with 1"),
        (myself(&["exit", "1"]), "the program exited with 1"),
        (cat(), "the program wrote a file of another format than planned: jpeg"),
        (missing, "cannot start /nonexistent: No such file or directory (os error 2)"),
    ]
    .into_iter()
    .enumerate()
    {
        let (reason, detail) = rejected(&pool, program);
        assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, expected));
        assert_eq!(pool.deaths(Reason::DecoderCrashed), number as u64 + 1, "{expected}");
    }
}

fn a_program_that_hangs_is_decode_timeout() {
    let limits = Limits { wall_secs: 2, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejected(&pool, of_pixels(&["sleep"]));
    assert_eq!((reason, detail.as_str()), (Reason::DecodeTimeout, "no picture within 2 s"));
    assert_eq!(pool.deaths(Reason::DecodeTimeout), 1);
}

fn a_program_that_floods_is_cut_off() {
    let limits = Limits { cpu_secs: 10, file_bytes_max: 1 << 20, ..limits() };
    let pool = Pool::start(PoolConfig { limits, ..config() }).expect("workers start");
    let (reason, detail) = rejected(&pool, of_pixels(&["flood"]));
    let expected = "the program wrote more than 1048576 bytes";
    assert_eq!((reason, detail.as_str()), (Reason::DecoderCrashed, expected));
}

/// By the number of the error that the kernel gave, which the program reports as a width: 38 is ENOSYS.
fn a_program_has_no_network() {
    for attempt in ["make_a_tcp_socket", "connect"] {
        let plan = vec![made("made", Format::Png, of_pixels(&["escape", attempt]))].into();
        let developed = developed(&photo(""), &plan);
        assert_eq!(developed.renditions[0].width - 1, 38, "{attempt}");
    }
}
