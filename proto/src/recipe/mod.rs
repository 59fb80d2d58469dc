//! The recipe: which renditions are made of an image. Owns its TOML form, its rules and its id; knows nothing about
//! pixels.

mod book;
mod canonical;
mod fields;
mod id;
mod read;
#[cfg(test)]
mod tests;

pub use book::{InvalidRecipes, RecipeBook};
pub use id::RecipeId;

use crate::{Colour, Format, Sha256};
use fields::Fields;

const DEFAULT: &str = include_str!("../../recipes/default.toml");
/// The encoder's quality where a recipe names none.
const QUALITY: u8 = 80;
/// Bytes of a recipe's file; what it says must fit a worker's question.
const FILE_BYTES_MAX: usize = 16 << 10;

/// A named, versioned list of renditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Lower-case letters, digits and underscores.
    pub name: String,
    /// Raised with every change.
    pub version: u32,
    /// What to make, in this order.
    pub renditions: Vec<RenditionSpec>,
    /// Whether the image's fact carries a ThumbHash.
    pub thumbhash: bool,
    /// Whether the image's fact carries its dominant colour.
    pub dominant_colour: bool,
    /// What becomes of the original's words about its rights.
    pub copyright: CopyrightSpec,
}

/// One rendition of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenditionSpec {
    /// Lower-case letters, digits and underscores; part of the object's key and of the API's path.
    pub name: String,
    /// How large it is; an image is never enlarged.
    pub size: SizeSpec,
    /// Which format it has.
    pub format: FormatSpec,
    /// The encoder's quality, 1 to 100. Says nothing of a PNG.
    pub quality: u8,
    /// What is behind an image that is not opaque, where the format knows no alpha.
    pub background: Colour,
    /// Whether and how it is sharpened.
    pub sharpen: Option<SharpenSpec>,
    /// The operator's program that makes the file.
    pub program: Option<ProgramSpec>,
}

/// How large a rendition is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeSpec {
    /// The whole image by its longer side.
    LongerSide(u32),
    /// The whole image within a box.
    Contain {
        /// Of the box.
        width: u32,
        /// Of the box.
        height: u32,
    },
    /// A box filled; the rest is cut off. Of an image that does not fill the box, the largest part of its shape.
    Cover {
        /// Of the box.
        width: u32,
        /// Of the box.
        height: u32,
        /// Which part stays.
        gravity: GravitySpec,
    },
}

/// Which side or corner stays where not all of an image fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GravitySpec {
    /// The middle.
    #[default]
    Centre,
    /// The upper edge.
    North,
    /// The upper right corner.
    NorthEast,
    /// The right edge.
    East,
    /// The lower right corner.
    SouthEast,
    /// The lower edge.
    South,
    /// The lower left corner.
    SouthWest,
    /// The left edge.
    West,
    /// The upper left corner.
    NorthWest,
}

/// Which format a rendition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatSpec {
    /// JPEG, or WebP where the original has a pixel that is not opaque.
    ByAlpha,
    /// The original's; of a GIF the first frame as PNG.
    Same,
    /// This one: JPEG, WebP or PNG.
    Exactly(Format),
}

/// An unsharp mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharpenSpec {
    /// Hundredths of `amount`.
    pub amount_percent: u16,
    /// Hundredths of `radius_px`.
    pub radius_px_percent: u16,
}

/// What becomes of the original's words about its rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyrightSpec {
    /// They are dropped.
    #[default]
    Strip,
    /// EXIF's Artist and Copyright are written again.
    Keep,
}

/// A program that makes a rendition's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSpec {
    /// What is executed: an absolute path, under one of `allow`.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it reads.
    pub input: ProgramInputSpec,
    /// Absolute paths that it may read and execute, and nothing else.
    pub allow: Vec<String>,
}

/// What a program reads on its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramInputSpec {
    /// The rendition's pixels.
    Pixels,
    /// The original's bytes.
    Original,
}

/// Says everything that is wrong with a recipe, one complaint a line, each beginning with the field's path.
#[derive(Debug, thiserror::Error)]
#[error("refuse recipe: {}", .0.join("\n"))]
pub struct InvalidRecipe(Vec<String>);

impl InvalidRecipe {
    /// Returns the complaints.
    pub fn complaints(&self) -> &[String] {
        &self.0
    }
}

impl Recipe {
    /// Returns the recipe that every image gets unless told otherwise.
    pub fn default_recipe() -> Recipe {
        Recipe::parse(DEFAULT).expect("the built-in recipe is valid: a test says so")
    }

    /// Parses a recipe from TOML and checks every rule; all complaints are reported together.
    pub fn parse(text: &str) -> Result<Recipe, InvalidRecipe> {
        if text.len() > FILE_BYTES_MAX {
            return Err(too_long());
        }
        let table = text.parse().map_err(|error: toml::de::Error| InvalidRecipe(vec![error.to_string()]))?;
        let mut fields = Fields::root(table);
        let recipe = read::recipe(&mut fields);
        let complaints = fields.end();
        match recipe {
            // Quoting may make the canonical form longer than the file was.
            Some(recipe) if complaints.is_empty() && recipe.to_toml().len() > FILE_BYTES_MAX => {
                Err(too_long())
            }
            Some(recipe) if complaints.is_empty() => Ok(recipe),
            _ => Err(InvalidRecipe(complaints)),
        }
    }

    /// Returns the canonical form: TOML that parses to this recipe and has one spelling for each recipe. Spacing, comments
    /// and order of fields in a file do not reach it, the order of renditions does; what is not asked for is not in it.
    pub fn to_toml(&self) -> String {
        canonical::text(self)
    }

    /// Returns `name-version-hash`: the hash covers the canonical form and nothing else, so that every build gives a recipe
    /// the same id.
    pub fn id(&self) -> RecipeId {
        RecipeId::of(&self.name, self.version, Sha256::of(self.to_toml().as_bytes()))
    }
}

fn too_long() -> InvalidRecipe {
    InvalidRecipe(vec![format!("is longer than {FILE_BYTES_MAX} bytes")])
}
