//! The recipe: which renditions are made of an image. Owns its TOML form, its rules and its id; knows nothing about
//! pixels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Sha256;

/// Counts changes of the engine that change the bytes it makes. Part of every recipe's id, so that new bytes get new keys.
const ENGINE_VERSION: u32 = 2;
const DEFAULT: &str = include_str!("../recipes/default.toml");
const NAME_BYTES_MAX: usize = 40;
const RENDITIONS_MAX: usize = 16;
const SIDE_PX_MAX: u32 = 16_384;

/// A named, versioned list of renditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Lower-case letters, digits and underscores.
    pub name: String,
    /// Raised with every change.
    pub version: u32,
    /// What to make, in this order.
    #[serde(rename = "rendition")]
    pub renditions: Vec<RenditionSpec>,
}

/// One rendition of a recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenditionSpec {
    /// Lower-case letters, digits and underscores; part of the object's key and of the API's path.
    pub name: String,
    /// The longer side in pixels; an image is never enlarged.
    pub longer_side_px: u32,
    /// The encoder's quality, 1 to 100.
    pub quality: u8,
}

/// Says everything that is wrong with a recipe, one complaint a line.
#[derive(Debug, thiserror::Error)]
#[error("refuse recipe: {0}")]
pub struct InvalidRecipe(String);

impl Recipe {
    /// Returns the recipe that every image gets unless told otherwise.
    pub fn default_recipe() -> Recipe {
        Recipe::parse(DEFAULT).expect("the built-in recipe is valid: a test says so")
    }

    /// Parses a recipe from TOML and checks every rule; all complaints are reported together.
    pub fn parse(text: &str) -> Result<Recipe, InvalidRecipe> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| InvalidRecipe(error.to_string()))?;
        let complaints = recipe.complaints();
        if complaints.is_empty() { Ok(recipe) } else { Err(InvalidRecipe(complaints.join("\n"))) }
    }

    /// Returns `name-version-hash`: the hash covers the canonical recipe and the engine's version.
    pub fn id(&self) -> RecipeId {
        let canonical = canonical_text(self);
        let hash = Sha256::of(canonical.as_bytes()).to_hex();
        RecipeId(format!("{}-{}-{}", self.name, self.version, &hash[..8]))
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !is_name(&self.name) {
            complaints.push(format!("`name`: {NAME_RULE}"));
        }
        if self.renditions.is_empty() || self.renditions.len() > RENDITIONS_MAX {
            complaints.push(format!("`rendition`: 1 to {RENDITIONS_MAX} of them"));
        }
        for (index, rendition) in self.renditions.iter().enumerate() {
            complaints.extend(rendition.complaints());
            if self.renditions[..index].iter().any(|earlier| earlier.name == rendition.name) {
                complaints.push(format!("`{}`: named twice", rendition.name));
            }
        }
        complaints
    }
}

const NAME_RULE: &str = "1 to 40 lower-case letters, digits and underscores";

impl RenditionSpec {
    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !is_name(&self.name) {
            complaints.push(format!("rendition `{}`: {NAME_RULE}", self.name));
        }
        if !(1..=SIDE_PX_MAX).contains(&self.longer_side_px) {
            complaints.push(format!("`{}`: `longer_side_px` is 1 to {SIDE_PX_MAX}", self.name));
        }
        if !(1..=100).contains(&self.quality) {
            complaints.push(format!("`{}`: `quality` is 1 to 100", self.name));
        }
        complaints
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

// The canonical form: spacing, comments and order of fields in the file do not count, the order of renditions does.
fn canonical_text(recipe: &Recipe) -> String {
    let mut text = format!("engine={ENGINE_VERSION};name={};version={}", recipe.name, recipe.version);
    for rendition in &recipe.renditions {
        let RenditionSpec { name, longer_side_px, quality } = rendition;
        text.push_str(&format!(";rendition={name},{longer_side_px},{quality}"));
    }
    text
}

/// The id of a recipe, `name-version-hash`, pinned at upload and carried in facts and keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipeId(String);

impl RecipeId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecipeId {
    type Err = InvalidRecipe;

    fn from_str(text: &str) -> Result<RecipeId, InvalidRecipe> {
        let invalid = || InvalidRecipe("a recipe id has the form `name-version-hash`".to_owned());
        let [name, version, hash] = text.split('-').collect::<Vec<_>>()[..] else {
            return Err(invalid());
        };
        let is_hash = hash.len() == 8 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_version = version.parse::<u32>().is_ok_and(|number| number.to_string() == version);
        if is_name(name) && is_version && is_hash { Ok(RecipeId(text.to_owned())) } else { Err(invalid()) }
    }
}

impl fmt::Display for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RecipeId {
    type Error = InvalidRecipe;

    fn try_from(text: String) -> Result<RecipeId, InvalidRecipe> {
        text.parse()
    }
}

impl From<RecipeId> for String {
    fn from(id: RecipeId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_recipe_is_valid_and_its_id_round_trips() {
        let id = Recipe::default_recipe().id();
        assert_eq!(id.as_str().parse::<RecipeId>().unwrap(), id);
        assert!(id.as_str().starts_with("default-1-"));
    }

    #[test]
    fn a_change_of_one_number_is_another_recipe() {
        let recipe = Recipe::default_recipe();
        let mut changed = recipe.clone();
        changed.renditions[0].quality = 81;
        assert_ne!(recipe.id(), changed.id());
    }

    #[test]
    fn every_complaint_is_reported_at_once() {
        let text =
            "name = \"A\"\nversion = 1\n[[rendition]]\nname = \"x/y\"\nlonger_side_px = 0\nquality = 0";
        let complaints = Recipe::parse(text).unwrap_err().to_string();
        assert_eq!(complaints.lines().count(), 4, "{complaints}");
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(Recipe::parse("name = \"a\"\nversion = 1\nsize = 3\nrendition = []").is_err());
    }
}
