//! The recipe's id. Owns its text form; what it hashes is the canonical form's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::InvalidRecipe;
use super::read::is_name;
use crate::Sha256;

const HASH_DIGITS: usize = 8;

/// The id of a recipe, `name-version-hash`, pinned at upload and carried in facts and keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipeId(String);

impl RecipeId {
    /// Makes the id of a recipe whose canonical form has this digest.
    pub(super) fn of(name: &str, version: u32, digest: Sha256) -> RecipeId {
        RecipeId(format!("{name}-{version}-{}", &digest.to_hex()[..HASH_DIGITS]))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the recipe's name and version, `name-version`. They say which recipe it is where the hash is an older
    /// build's, which covered more than the recipe.
    pub fn name_and_version(&self) -> &str {
        self.0.rsplit_once('-').expect("an id ends with its hash").0
    }
}

impl FromStr for RecipeId {
    type Err = InvalidRecipe;

    fn from_str(text: &str) -> Result<RecipeId, InvalidRecipe> {
        let invalid = || InvalidRecipe(vec!["a recipe id has the form `name-version-hash`".to_owned()]);
        let [name, version, hash] = text.split('-').collect::<Vec<_>>()[..] else {
            return Err(invalid());
        };
        let is_hash =
            hash.len() == HASH_DIGITS && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
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
