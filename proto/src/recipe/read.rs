//! From TOML to a recipe. Owns every rule a recipe obeys, and what the fields are called.

use toml::Value;

use super::fields::Fields;
use super::{
    CopyrightSpec, FormatSpec, GravitySpec, ProgramInputSpec, ProgramSpec, QUALITY, Recipe, RenditionSpec,
    SharpenSpec, SizeSpec,
};
use crate::{Colour, Format};

const NAME_BYTES_MAX: usize = 40;
const RENDITIONS_MAX: usize = 16;
const SIDE_PX_MAX: u32 = 16_384;
const AMOUNT_PERCENT_MAX: u16 = 500;
const RADIUS_PX_PERCENT_MAX: u16 = 500;
const PATH_BYTES_MAX: usize = 255;
const ALLOWED_MAX: usize = 16;
const ARGS_MAX: usize = 32;
const ARG_BYTES_MAX: usize = 256;

const NAME_RULE: &str = "is 1 to 40 lower-case letters, digits and underscores";
const PATH_RULE: &str = "is an absolute path of at most 255 bytes without `.` and `..`, not `/` itself";

pub(super) const FITS: [(&str, FitWord); 2] = [("contain", FitWord::Contain), ("cover", FitWord::Cover)];
pub(super) const GRAVITIES: [(&str, GravitySpec); 9] = [
    ("centre", GravitySpec::Centre),
    ("north", GravitySpec::North),
    ("north-east", GravitySpec::NorthEast),
    ("east", GravitySpec::East),
    ("south-east", GravitySpec::SouthEast),
    ("south", GravitySpec::South),
    ("south-west", GravitySpec::SouthWest),
    ("west", GravitySpec::West),
    ("north-west", GravitySpec::NorthWest),
];
pub(super) const FORMATS: [(&str, FormatSpec); 4] = [
    ("jpeg", FormatSpec::Exactly(Format::Jpeg)),
    ("webp", FormatSpec::Exactly(Format::Webp)),
    ("png", FormatSpec::Exactly(Format::Png)),
    ("same", FormatSpec::Same),
];
pub(super) const COPYRIGHTS: [(&str, CopyrightSpec); 2] =
    [("keep", CopyrightSpec::Keep), ("strip", CopyrightSpec::Strip)];
pub(super) const INPUTS: [(&str, ProgramInputSpec); 2] =
    [("pixels", ProgramInputSpec::Pixels), ("original", ProgramInputSpec::Original)];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FitWord {
    Contain,
    Cover,
}

/// Says whether a text may name a recipe or a rendition.
pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Reads a recipe; none unless `fields` has no complaint.
pub(super) fn recipe(fields: &mut Fields) -> Option<Recipe> {
    let name = name(fields);
    fields.require("version");
    let version = fields.number("version", 0..=u32::MAX);
    let (thumbhash, dominant_colour) = (fields.flag("thumbhash"), fields.flag("dominant_colour"));
    let copyright = fields.choice("copyright", &COPYRIGHTS).unwrap_or_default();
    let renditions = renditions(fields);
    Some(Recipe { name: name?, version: version?, renditions, thumbhash, dominant_colour, copyright })
}

fn renditions(fields: &mut Fields) -> Vec<RenditionSpec> {
    fields.require("rendition");
    let mut renditions: Vec<RenditionSpec> = Vec::new();
    let Some(tables) = fields.tables("rendition") else { return renditions };
    if !(1..=RENDITIONS_MAX).contains(&tables.len()) {
        fields.complain("rendition", "are 1 to 16");
    }
    for mut within in tables {
        let read = rendition(&mut within);
        let known = |name: &str| renditions.iter().any(|other| other.name == name);
        if let Some(twin) = read.as_ref().filter(|one| known(&one.name)) {
            within.complain("name", &format!("`{}` is named twice", twin.name));
        }
        renditions.extend(read);
        fields.absorb(within);
    }
    renditions
}

fn name(fields: &mut Fields) -> Option<String> {
    fields.require("name");
    fields.take("name", NAME_RULE, |value| Some(value.as_str().filter(|text| is_name(text))?.to_owned()))
}

fn rendition(fields: &mut Fields) -> Option<RenditionSpec> {
    let name = name(fields);
    let size = size(fields);
    let format = match fields.has("format") {
        true => fields.choice("format", &FORMATS),
        false => Some(FormatSpec::ByAlpha),
    };
    let program = program(fields, format);
    if format == Some(FormatSpec::Exactly(Format::Png)) && program.is_none() {
        fields.forbid("quality", "says nothing where the format is \"png\"");
    }
    let quality = fields.number("quality", 1..=100).and_then(|number| u8::try_from(number).ok());
    if format.is_some_and(|format| format != FormatSpec::Exactly(Format::Jpeg)) {
        fields.forbid("background", "is seen only where the format is \"jpeg\"");
    }
    let background = fields.take("background", "is a colour such as \"#ffffff\"", |value| {
        value.as_str()?.parse::<Colour>().ok()
    });
    let sharpen = sharpen(fields);
    Some(RenditionSpec {
        name: name?,
        size: size?,
        format: format?,
        quality: quality.unwrap_or(QUALITY),
        background: background.unwrap_or(Colour::WHITE),
        sharpen,
        program,
    })
}

fn size(fields: &mut Fields) -> Option<SizeSpec> {
    if !fields.has("width_px") && !fields.has("height_px") {
        fields.forbid("fit", "needs a box of `width_px` and `height_px`");
        fields.forbid("gravity", "needs a box of `width_px` and `height_px`");
        if !fields.has("longer_side_px") {
            fields.complain("longer_side_px", "is missing; or give a box of `width_px` and `height_px`");
        }
        return Some(SizeSpec::LongerSide(fields.number("longer_side_px", 1..=SIDE_PX_MAX)?));
    }
    fields.forbid("longer_side_px", "cannot be beside a box of `width_px` and `height_px`");
    fields.require("width_px");
    fields.require("height_px");
    let (width, height) =
        (fields.number("width_px", 1..=SIDE_PX_MAX), fields.number("height_px", 1..=SIDE_PX_MAX));
    let fit = fields.choice("fit", &FITS).unwrap_or(FitWord::Contain);
    if fit == FitWord::Contain {
        fields.forbid("gravity", "needs `fit = \"cover\"`: only then something is cut off");
        return Some(SizeSpec::Contain { width: width?, height: height? });
    }
    let gravity = fields.choice("gravity", &GRAVITIES).unwrap_or_default();
    Some(SizeSpec::Cover { width: width?, height: height?, gravity })
}

fn sharpen(fields: &mut Fields) -> Option<SharpenSpec> {
    let mut within = fields.table("sharpen")?;
    within.require("amount");
    within.require("radius_px");
    let amount = hundredths(&mut within, "amount", 1..=AMOUNT_PERCENT_MAX);
    let radius = hundredths(&mut within, "radius_px", 10..=RADIUS_PX_PERCENT_MAX);
    fields.absorb(within);
    Some(SharpenSpec { amount_percent: amount?, radius_px_percent: radius? })
}

/// Takes a number of at most two decimals, as hundredths: a fraction of two would not be the same number everywhere.
fn hundredths(fields: &mut Fields, name: &str, range: std::ops::RangeInclusive<u16>) -> Option<u16> {
    let bound = |hundredths: &u16| f64::from(*hundredths) / 100.0;
    let what = format!(
        "is a number from {} to {} of at most two decimals",
        bound(range.start()),
        bound(range.end())
    );
    fields.take(name, &what, |value| {
        let number = value.as_float().or_else(|| Some(value.as_integer()? as f64))?;
        range.clone().find(|hundredths| (bound(hundredths) - number).abs() < 1e-9)
    })
}

fn program(fields: &mut Fields, format: Option<FormatSpec>) -> Option<ProgramSpec> {
    let mut within = fields.table("program")?;
    ["path", "input", "allow"].iter().for_each(|name| within.require(name));
    let path = within.take("path", PATH_RULE, path_of);
    let args = within.take(
        "args",
        "are at most 32 texts of at most 256 bytes without control characters",
        |value| {
            texts(value, ARGS_MAX, |one| {
                let text = one.as_str().filter(|text| text.len() <= ARG_BYTES_MAX)?;
                (!text.chars().any(char::is_control)).then(|| text.to_owned())
            })
        },
    );
    let input = within.choice("input", &INPUTS);
    let allow = within.take("allow", "are 1 to 16 absolute paths, none of them `/`", |value| {
        texts(value, ALLOWED_MAX, path_of).filter(|allow| !allow.is_empty())
    });
    if let (Some(path), Some(allow)) = (&path, &allow)
        && !allow.iter().any(|allowed| std::path::Path::new(path).starts_with(allowed))
    {
        within.complain("allow", "does not hold the program's own path");
    }
    fields.absorb(within);
    if matches!(format, Some(FormatSpec::ByAlpha | FormatSpec::Same)) {
        fields.complain("format", "is \"jpeg\", \"webp\" or \"png\" where a program makes the file");
    }
    fields.forbid("quality", "says nothing where a program makes the file");
    if input == Some(ProgramInputSpec::Original) {
        fields.forbid("background", "says nothing where a program reads the original");
        fields.forbid("sharpen", "says nothing where a program reads the original");
    }
    Some(ProgramSpec { path: path?, args: args.unwrap_or_default(), input: input?, allow: allow? })
}

fn texts<T>(value: &Value, max: usize, one: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array().filter(|list| list.len() <= max)?.iter().map(one).collect()
}

fn path_of(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let mut parts = text.strip_prefix('/')?.split('/');
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control);
    (text.len() <= PATH_BYTES_MAX && parts.all(is_plain)).then(|| text.to_owned())
}
