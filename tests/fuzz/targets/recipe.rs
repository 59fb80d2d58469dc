//! Any text as a recipe: refused with a reason, or a recipe that its canonical form says again, under the same id.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules are those of the whole crate")]

#[path = "../../../proto/src/colour.rs"]
mod colour;
#[path = "../../../proto/src/format.rs"]
mod format;
#[path = "../src/hash.rs"]
mod hash;
#[path = "../../../proto/src/ids.rs"]
mod ids;
#[path = "../../../proto/src/moment.rs"]
mod moment;
#[path = "../../../proto/src/recipe/mod.rs"]
mod recipe;

use colour::Colour;
use format::Format;
use hash::Sha256;
use ids::CustomerId;
use moment::UnixMillis;
use recipe::{Recipe, RecipeId};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Recipe::parse(text) {
        Err(invalid) => {
            assert!(!invalid.complaints().is_empty());
            invalid.complaints().iter().for_each(|complaint| fuzz::note(fuzz::words(complaint)));
        }
        Ok(recipe) => {
            let again = Recipe::parse(&recipe.to_toml()).expect("the canonical form is a recipe");
            assert_eq!(again, recipe);
            assert_eq!(recipe.id().as_str().parse::<RecipeId>().expect("an id is one"), again.id());
        }
    }
});
