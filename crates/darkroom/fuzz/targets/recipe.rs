//! Any text as a recipe: a complaint, or a recipe whose id can be read back.
#![no_main]

use proto::{Recipe, RecipeId};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Recipe::parse(text) {
        Ok(recipe) => {
            let id = recipe.id();
            assert_eq!(id.as_str().parse::<RecipeId>().ok(), Some(id));
        }
        Err(complaints) => assert!(!complaints.to_string().is_empty()),
    }
});
