//! Rules, complaints and the canonical form.

use proptest::prelude::*;

use super::*;

const RICH: &str = r##"
# Everything a recipe can say.
version = 3
name = "shop"
thumbhash = true
dominant_colour = true
copyright = "keep"

[[rendition]]
name = "tile"
width_px = 400
height_px = 300
fit = "cover"
gravity = "north-east"
format = "webp"
quality = 75
sharpen = { amount = 0.6, radius_px = 1 }

[[rendition]]
name = "print"
width_px = 3000
height_px = 2000
format = "jpeg"
background = "#102030"

[[rendition]]
name = "exact"
longer_side_px = 1000
format = "png"

[[rendition]]
name = "marked"
longer_side_px = 1000
format = "jpeg"
[rendition.program]
path = "/opt/marker/bin/mark"
args = ["--text", "say \"hi\" \\ é"]
input = "original"
allow = ["/opt/marker", "/lib"]
"##;

#[test]
fn the_built_in_recipe_is_valid_and_its_id_round_trips() {
    let recipe = Recipe::default_recipe();
    let id = recipe.id();
    assert_eq!(id.as_str().parse::<RecipeId>().unwrap(), id);
    assert!(id.as_str().starts_with("default-1-"));
    assert!(recipe.renditions.iter().all(|one| one.format == FormatSpec::ByAlpha && one.quality == 80));
}

/// The hash is that of the canonical form alone: whichever build pins or reads it, a recipe has one id.
#[test]
fn an_id_is_of_the_recipe_alone_and_never_changes() {
    assert_eq!(Recipe::default_recipe().id().as_str(), "default-1-23429052");
    let recipe = Recipe::parse(RICH).unwrap();
    let hash = &Sha256::of(recipe.to_toml().as_bytes()).to_hex()[..8];
    assert_eq!(recipe.id().as_str(), format!("shop-3-{hash}"));
    assert_eq!(recipe.id().name_and_version(), "shop-3");
}

/// The canonical form lies hashed in keys and facts: a change here orphans what is stored.
#[test]
fn the_canonical_form_never_changes() {
    let default = "name = \"default\"\nversion = 1\n\
        \n[[rendition]]\nname = \"large\"\nlonger_side_px = 2048\nquality = 80\n\
        \n[[rendition]]\nname = \"medium\"\nlonger_side_px = 1024\nquality = 80\n\
        \n[[rendition]]\nname = \"thumb\"\nlonger_side_px = 320\nquality = 80\n";
    assert_eq!(Recipe::default_recipe().to_toml(), default);
    let rich = Recipe::parse(RICH).unwrap().to_toml();
    assert_eq!(rich, include_str!("golden.toml"));
}

#[test]
fn every_field_reaches_the_recipe_and_its_canonical_form() {
    let recipe = Recipe::parse(RICH).unwrap();
    assert_eq!(Recipe::parse(&recipe.to_toml()).unwrap(), recipe);
    assert!(recipe.thumbhash && recipe.dominant_colour && recipe.copyright == CopyrightSpec::Keep);
    let [tile, print, exact, marked] = &recipe.renditions[..] else { panic!("four renditions") };
    assert_eq!(tile.size, SizeSpec::Cover { width: 400, height: 300, gravity: GravitySpec::NorthEast });
    assert_eq!(tile.sharpen, Some(SharpenSpec { amount_percent: 60, radius_px_percent: 100 }));
    assert_eq!((tile.format, tile.quality), (FormatSpec::Exactly(Format::Webp), 75));
    assert_eq!(print.size, SizeSpec::Contain { width: 3000, height: 2000 });
    assert_eq!(print.background, Colour([16, 32, 48]));
    assert_eq!(exact.format, FormatSpec::Exactly(Format::Png));
    let program = marked.program.as_ref().unwrap();
    assert_eq!((program.args.len(), program.input), (2, ProgramInputSpec::Original));
}

#[test]
fn each_line_of_a_recipe_counts_and_none_of_its_spacing() {
    let recipe = Recipe::parse(RICH).unwrap();
    let spaced = RICH.replace(" = ", "  =  ").replace("radius_px  =  1 ", "radius_px = 1.0 ");
    assert_eq!(Recipe::parse(&spaced).unwrap().id(), recipe.id());
    for (from, to) in [
        ("thumbhash = true", "thumbhash = false"),
        ("dominant_colour = true", ""),
        ("copyright = \"keep\"", "copyright = \"strip\""),
        ("width_px = 400", "width_px = 401"),
        ("height_px = 300", "height_px = 301"),
        ("north-east", "north"),
        ("format = \"webp\"", "format = \"same\""),
        ("quality = 75", ""),
        ("amount = 0.6", "amount = 0.61"),
        ("radius_px = 1", "radius_px = 1.5"),
        ("#102030", "#102031"),
        ("input = \"original\"", "input = \"pixels\""),
        ("\"--text\", ", ""),
        (", \"/lib\"", ""),
    ] {
        let changed = Recipe::parse(&RICH.replacen(from, to, 1)).unwrap();
        assert_ne!(changed.id(), recipe.id(), "{from} -> {to}");
    }
}

/// What is wrong with a recipe of one rendition that has these lines.
fn complaints(lines: &str) -> Vec<String> {
    let text = format!("name = \"a\"\nversion = 1\n[[rendition]]\nname = \"r\"\n{lines}\n");
    Recipe::parse(&text).map_or_else(|invalid| invalid.complaints().to_vec(), |_| Vec::new())
}

#[test]
fn every_complaint_is_reported_at_once_with_its_path() {
    let text = "name = \"A\"\nversion = -1\nsize = 3\n[[rendition]]\nname = \"x/y\"\nlonger_side_px = 0\n\
        quality = \"good\"\n[[rendition]]\nname = \"b\"\nwidth_px = 3\nfit = \"cover\"\nsharpen = { amount = 0 }\n";
    let invalid = Recipe::parse(text).unwrap_err();
    let expected = [
        "`name`: ",
        "`version`: ",
        "`rendition[0].name`: ",
        "`rendition[0].longer_side_px`: ",
        "`rendition[0].quality`: ",
        "`rendition[1].height_px`: ",
        "`rendition[1].sharpen.radius_px`: ",
        "`rendition[1].sharpen.amount`: ",
        "`size`: ",
    ];
    assert_eq!(invalid.complaints().len(), expected.len(), "{invalid}");
    for (complaint, path) in invalid.complaints().iter().zip(expected) {
        assert!(complaint.starts_with(path), "{complaint} is not about {path}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    const BOX: &str = "width_px = 4\nheight_px = 4\n";
    const PROGRAM: &str = "longer_side_px = 4\nformat = \"png\"\n[rendition.program]\n";
    const GOOD: &str = "path = \"/opt/x\"\ninput = \"pixels\"\nallow = [\"/opt/x\"]";
    for (lines, path) in [
        (String::new(), "longer_side_px"),
        ("longer_side_px = 16385".into(), "longer_side_px"),
        ("longer_side_px = 4\nfit = \"cover\"".into(), "fit"),
        ("longer_side_px = 4\ngravity = \"north\"".into(), "gravity"),
        (format!("{BOX}longer_side_px = 4"), "longer_side_px"),
        (format!("{BOX}gravity = \"north\""), "gravity"),
        (format!("{BOX}fit = \"contain\"\ngravity = \"north\""), "gravity"),
        (format!("{BOX}fit = \"stretch\""), "fit"),
        (format!("{BOX}fit = \"cover\"\ngravity = \"up\""), "gravity"),
        (format!("{BOX}format = \"gif\""), "format"),
        (format!("{BOX}format = \"png\"\nquality = 80"), "quality"),
        (format!("{BOX}format = \"webp\"\nbackground = \"#ffffff\""), "background"),
        (format!("{BOX}background = \"#ffffff\""), "background"),
        (format!("{BOX}format = \"jpeg\"\nbackground = \"white\""), "background"),
        (format!("{BOX}sharpen = {{ amount = 0.123, radius_px = 1 }}"), "sharpen.amount"),
        (format!("{BOX}sharpen = {{ amount = 1, radius_px = nan }}"), "sharpen.radius_px"),
        (format!("{BOX}sharpen = {{ amount = 1, radius_px = 1, more = 1 }}"), "sharpen.more"),
        (format!("{PROGRAM}{}", GOOD.replace("/opt/x\"\ni", "opt/x\"\ni")), "program.path"),
        (format!("{PROGRAM}{}", GOOD.replace("[\"/opt/x\"]", "[]")), "program.allow"),
        (format!("{PROGRAM}{}", GOOD.replace("[\"/opt/x\"]", "[\"/\"]")), "program.allow"),
        (format!("{PROGRAM}{}", GOOD.replace("[\"/opt/x\"]", "[\"/opt/../etc\"]")), "program.allow"),
        (format!("{PROGRAM}{}", GOOD.replace("[\"/opt/x\"]", "[\"/op\"]")), "program.allow"),
        (format!("{PROGRAM}{GOOD}\nargs = [\"a\\u0000b\"]"), "program.args"),
        (format!("quality = 3\n{PROGRAM}{GOOD}"), "quality"),
        (format!("{PROGRAM}{GOOD}").replace("format = \"png\"", "format = \"same\""), "format"),
        (
            format!(
                "sharpen = {{ amount = 1, radius_px = 1 }}\n{PROGRAM}{}",
                GOOD.replace("pixels", "original")
            ),
            "sharpen",
        ),
    ] {
        let said = complaints(&lines);
        assert_eq!(said.len(), 1, "{lines}: {said:?}");
        assert!(said[0].starts_with(&format!("`rendition[0].{path}`: ")), "{lines}: {said:?}");
    }
    assert_eq!(complaints(&format!("{PROGRAM}{GOOD}")), Vec::<String>::new());
}

#[test]
fn the_number_of_renditions_and_their_names_are_checked() {
    let one = |name: usize| format!("[[rendition]]\nname = \"r{name}\"\nlonger_side_px = 4\n");
    let recipe = |renditions: String| Recipe::parse(&format!("name = \"a\"\nversion = 1\n{renditions}"));
    assert!(recipe((0..16).map(one).collect()).is_ok());
    assert!(recipe((0..17).map(one).collect()).is_err());
    assert!(recipe(String::new()).is_err());
    assert!(recipe("rendition = []".to_owned()).is_err());
    let twice = recipe([one(1), one(1)].concat()).unwrap_err().to_string();
    assert!(twice.contains("`rendition[1].name`: `r1` is named twice"), "{twice}");
}

fn any_size() -> impl Strategy<Value = SizeSpec> {
    let gravity = proptest::sample::select(read::GRAVITIES.map(|(_, gravity)| gravity).to_vec());
    let side = || 1u32..=16_384;
    prop_oneof![
        side().prop_map(SizeSpec::LongerSide),
        (side(), side()).prop_map(|(width, height)| SizeSpec::Contain { width, height }),
        (side(), side(), gravity).prop_map(|(width, height, gravity)| SizeSpec::Cover {
            width,
            height,
            gravity
        }),
    ]
}

fn any_program() -> impl Strategy<Value = ProgramSpec> {
    let inputs = proptest::sample::select(vec![ProgramInputSpec::Pixels, ProgramInputSpec::Original]);
    (proptest::collection::vec("\\PC{0,20}", 0..4), inputs, "/[^\\pC/]{3,9}").prop_map(
        |(args, input, root)| ProgramSpec { path: format!("{root}/run"), args, input, allow: vec![root] },
    )
}

fn any_rendition() -> impl Strategy<Value = RenditionSpec> {
    let formats: Vec<_> = read::FORMATS.into_iter().map(|(_, format)| format).collect();
    let format = proptest::sample::select([formats, vec![FormatSpec::ByAlpha]].concat());
    let sharpen = (1u16..=500, 10u16..=500)
        .prop_map(|(amount_percent, radius_px_percent)| SharpenSpec { amount_percent, radius_px_percent });
    let parts = (
        any_size(),
        format,
        1u8..=100,
        any::<[u8; 3]>(),
        proptest::option::of(sharpen),
        proptest::option::of(any_program()),
    );
    parts.prop_map(|(size, format, quality, background, sharpen, program)| {
        let program = program.filter(|_| matches!(format, FormatSpec::Exactly(_)));
        let original = program.as_ref().is_some_and(|program| program.input == ProgramInputSpec::Original);
        let jpeg = format == FormatSpec::Exactly(Format::Jpeg);
        let encoded = program.is_none() && format != FormatSpec::Exactly(Format::Png);
        RenditionSpec {
            name: "replaced".to_owned(),
            size,
            format,
            quality: if encoded { quality } else { QUALITY },
            background: if jpeg && !original { Colour(background) } else { Colour::WHITE },
            sharpen: sharpen.filter(|_| !original),
            program,
        }
    })
}

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let renditions = proptest::collection::vec(any_rendition(), 1..=16);
    let copyright = prop_oneof![Just(CopyrightSpec::Keep), Just(CopyrightSpec::Strip)];
    let parts = ("[a-z0-9_]{1,40}", any::<u32>(), renditions, any::<[bool; 2]>(), copyright);
    parts.prop_map(|(name, version, mut renditions, [thumbhash, dominant_colour], copyright)| {
        for (index, rendition) in renditions.iter_mut().enumerate() {
            rendition.name = format!("r_{index}");
        }
        Recipe { name, version, renditions, thumbhash, dominant_colour, copyright }
    })
}

proptest! {
    #[test]
    fn a_recipe_round_trips_through_its_canonical_form(recipe in any_recipe()) {
        let text = recipe.to_toml();
        let read = Recipe::parse(&text).map_err(|invalid| TestCaseError::fail(format!("{invalid}\n{text}")))?;
        prop_assert_eq!(read.id(), recipe.id());
        prop_assert_eq!(read, recipe);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,300}") {
        drop(Recipe::parse(&text));
    }

    #[test]
    fn no_recipe_with_a_hole_or_a_wrong_word_panics(recipe in any_recipe(), at in any::<proptest::sample::Index>(), word in "\\PC{0,6}") {
        let mut text = recipe.to_toml();
        let at = at.index(text.len());
        let from = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let to = (at + 1..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
        text.replace_range(from..to, &word);
        if let Ok(read) = Recipe::parse(&text) {
            prop_assert_eq!(Recipe::parse(&read.to_toml()).unwrap(), read);
        }
    }
}
