//! From a recipe's words to the darkroom's plan. Owns the translation, field by field, and decides nothing.

use std::path::PathBuf;

use darkroom::{Copyright, FormatRule, Gravity, Plan, Program, ProgramInput, Rendition, Sharpen, Size};
use proto::{
    CopyrightSpec, Format, FormatSpec, GravitySpec, ProgramInputSpec, ProgramSpec, Recipe, RenditionSpec,
    SizeSpec,
};

/// Returns what a recipe asks the darkroom for.
pub fn plan(recipe: &Recipe) -> Plan {
    Plan {
        renditions: recipe.renditions.iter().map(rendition).collect(),
        thumbhash: recipe.thumbhash,
        dominant_colour: recipe.dominant_colour,
        copyright: match recipe.copyright {
            CopyrightSpec::Strip => Copyright::Strip,
            CopyrightSpec::Keep => Copyright::Keep,
        },
    }
}

fn rendition(spec: &RenditionSpec) -> Rendition {
    Rendition {
        name: spec.name.clone(),
        size: size(spec.size),
        format: format(spec.format),
        quality: spec.quality,
        background: spec.background.0,
        sharpen: spec.sharpen.map(|sharpen| Sharpen {
            amount_percent: sharpen.amount_percent,
            radius_px_percent: sharpen.radius_px_percent,
        }),
        program: spec.program.as_ref().map(program),
    }
}

fn size(spec: SizeSpec) -> Size {
    match spec {
        SizeSpec::LongerSide(side) => Size::LongerSide(side),
        SizeSpec::Contain { width, height } => Size::Contain { width, height },
        SizeSpec::Cover { width, height, gravity } => {
            Size::Cover { width, height, gravity: gravity_of(gravity) }
        }
    }
}

fn gravity_of(spec: GravitySpec) -> Gravity {
    match spec {
        GravitySpec::Centre => Gravity::Centre,
        GravitySpec::North => Gravity::North,
        GravitySpec::NorthEast => Gravity::NorthEast,
        GravitySpec::East => Gravity::East,
        GravitySpec::SouthEast => Gravity::SouthEast,
        GravitySpec::South => Gravity::South,
        GravitySpec::SouthWest => Gravity::SouthWest,
        GravitySpec::West => Gravity::West,
        GravitySpec::NorthWest => Gravity::NorthWest,
    }
}

fn format(spec: FormatSpec) -> FormatRule {
    match spec {
        FormatSpec::ByAlpha => FormatRule::ByAlpha,
        FormatSpec::Same => FormatRule::Same,
        FormatSpec::Exactly(Format::Jpeg) => FormatRule::Exactly(darkroom::Format::Jpeg),
        FormatSpec::Exactly(Format::Webp) => FormatRule::Exactly(darkroom::Format::Webp),
        // A recipe cannot name GIF; its nearest is PNG, which loses nothing.
        FormatSpec::Exactly(Format::Png | Format::Gif) => FormatRule::Exactly(darkroom::Format::Png),
    }
}

fn program(spec: &ProgramSpec) -> Program {
    Program {
        path: PathBuf::from(&spec.path),
        args: spec.args.clone(),
        input: match spec.input {
            ProgramInputSpec::Pixels => ProgramInput::Pixels,
            ProgramInputSpec::Original => ProgramInput::Original,
        },
        allow: spec.allow.iter().map(PathBuf::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_recipe_reaches_the_plan() {
        let text = r##"
            name = "shop"
            version = 1
            thumbhash = true
            copyright = "keep"
            [[rendition]]
            name = "tile"
            width_px = 40
            height_px = 30
            fit = "cover"
            gravity = "south-west"
            format = "jpeg"
            quality = 70
            background = "#010203"
            sharpen = { amount = 0.5, radius_px = 1.2 }
            [[rendition]]
            name = "made"
            longer_side_px = 50
            format = "png"
            program = { path = "/opt/x", args = ["a"], input = "original", allow = ["/opt/x"] }
        "##;
        let tile = Rendition {
            size: Size::Cover { width: 40, height: 30, gravity: Gravity::SouthWest },
            format: FormatRule::Exactly(darkroom::Format::Jpeg),
            background: [1, 2, 3],
            sharpen: Some(Sharpen { amount_percent: 50, radius_px_percent: 120 }),
            ..Rendition::new("tile", 0, 70)
        };
        let program = Program {
            path: "/opt/x".into(),
            args: vec!["a".to_owned()],
            input: ProgramInput::Original,
            allow: vec!["/opt/x".into()],
        };
        let made = Rendition {
            format: FormatRule::Exactly(darkroom::Format::Png),
            program: Some(program),
            ..Rendition::new("made", 50, 80)
        };
        let expected = Plan {
            renditions: vec![tile, made],
            thumbhash: true,
            dominant_colour: false,
            copyright: Copyright::Keep,
        };
        assert_eq!(plan(&Recipe::parse(text).unwrap()), expected);
    }

    #[test]
    fn the_built_in_recipe_asks_for_what_it_always_did() {
        let expected = [("large", 2048), ("medium", 1024), ("thumb", 320)];
        let expected = expected.map(|(name, side)| Rendition::new(name, side, 80)).to_vec();
        assert_eq!(plan(&Recipe::default_recipe()), Plan::from(expected));
    }
}
