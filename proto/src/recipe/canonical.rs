//! The canonical form of a recipe. Owns its spelling: what it says is hashed into ids that lie in keys and facts, so a
//! field that is new later is written only where it is asked for, and nothing here may ever change its form.

use super::read::{COPYRIGHTS, FORMATS, GRAVITIES, INPUTS};
use super::{CopyrightSpec, FormatSpec, GravitySpec, ProgramSpec, Recipe, RenditionSpec, SizeSpec};
use crate::{Colour, Format};

pub(super) fn text(recipe: &Recipe) -> String {
    let mut lines = Lines(String::new());
    lines.text("name", &recipe.name);
    lines.number("version", recipe.version);
    if recipe.thumbhash {
        lines.plain("thumbhash", "true");
    }
    if recipe.dominant_colour {
        lines.plain("dominant_colour", "true");
    }
    if recipe.copyright != CopyrightSpec::default() {
        lines.text("copyright", word(&COPYRIGHTS, recipe.copyright));
    }
    recipe.renditions.iter().for_each(|rendition| lines.rendition(rendition));
    lines.0
}

/// What a rule's reader would have understood as `meaning`.
fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    let found = words.iter().find(|(_, known)| *known == meaning);
    found.map(|(word, _)| *word).expect("what was read has a word")
}

struct Lines(String);

impl Lines {
    fn plain(&mut self, name: &str, value: &str) {
        self.0.push_str(&format!("{name} = {value}\n"));
    }

    fn number(&mut self, name: &str, value: u32) {
        self.plain(name, &value.to_string());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.plain(name, &quoted(value));
    }

    fn texts(&mut self, name: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.plain(name, &format!("[{}]", values.join(", ")));
    }

    fn hundredths(&mut self, name: &str, value: u16) {
        self.plain(name, &format!("{}.{:02}", value / 100, value % 100));
    }

    fn rendition(&mut self, rendition: &RenditionSpec) {
        self.0.push_str("\n[[rendition]]\n");
        self.text("name", &rendition.name);
        self.size(rendition.size);
        if rendition.format != FormatSpec::ByAlpha {
            self.text("format", word(&FORMATS, rendition.format));
        }
        if rendition.format != FormatSpec::Exactly(Format::Png) && rendition.program.is_none() {
            self.number("quality", rendition.quality.into());
        }
        if rendition.background != Colour::WHITE {
            self.text("background", &rendition.background.to_string());
        }
        if let Some(sharpen) = rendition.sharpen {
            self.0.push_str("[rendition.sharpen]\n");
            self.hundredths("amount", sharpen.amount_percent);
            self.hundredths("radius_px", sharpen.radius_px_percent);
        }
        if let Some(program) = &rendition.program {
            self.program(program);
        }
    }

    fn size(&mut self, size: SizeSpec) {
        let (width, height, gravity) = match size {
            SizeSpec::LongerSide(side) => return self.number("longer_side_px", side),
            SizeSpec::Contain { width, height } => (width, height, None),
            SizeSpec::Cover { width, height, gravity } => (width, height, Some(gravity)),
        };
        self.number("width_px", width);
        self.number("height_px", height);
        if let Some(gravity) = gravity {
            self.text("fit", "cover");
            if gravity != GravitySpec::default() {
                self.text("gravity", word(&GRAVITIES, gravity));
            }
        }
    }

    fn program(&mut self, program: &ProgramSpec) {
        self.0.push_str("[rendition.program]\n");
        self.text("path", &program.path);
        if !program.args.is_empty() {
            self.texts("args", &program.args);
        }
        self.text("input", word(&INPUTS, program.input));
        self.texts("allow", &program.allow);
    }
}

/// A basic string of TOML. Control characters are refused before they come here.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
