//! The recipes this processor knows, as plans. Owns nothing but the way from an id to what is made.

use std::collections::HashMap;

use darkroom::Plan;
use proto::{RecipeBook, RecipeId};

use crate::plan::plan;

/// What to make of an image, by the id of the recipe that was pinned when it was uploaded.
#[derive(Clone, Debug)]
pub struct Recipes(HashMap<RecipeId, Plan>);

impl Recipes {
    /// Returns the plans of every recipe of a book.
    pub fn of(book: &RecipeBook) -> Recipes {
        Recipes(book.recipes().iter().map(|(id, recipe)| (id.clone(), plan(recipe))).collect())
    }

    /// Returns what to make by the recipe of this id.
    pub(crate) fn plan(&self, id: &RecipeId) -> Option<&Plan> {
        self.0.get(id)
    }
}

#[cfg(test)]
mod tests {
    use proto::Recipe;

    use super::*;

    #[test]
    fn a_recipe_of_the_folder_stands_beside_the_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = "name = \"wall\"\nversion = 2\n[[rendition]]\nname = \"big\"\nlonger_side_px = 4000\n";
        std::fs::write(dir.path().join("wall.toml"), text).unwrap();
        let recipes = Recipes::of(&RecipeBook::load(Some(dir.path())).unwrap());
        let plan = |recipe: &Recipe| recipes.plan(&recipe.id()).unwrap();
        assert_eq!(plan(&Recipe::default_recipe()).renditions.len(), 3);
        assert_eq!(plan(&Recipe::parse(text).unwrap()).renditions[0].size_of(8000, 80), (4000, 40));
        assert!(recipes.plan(&"wall-1-00000000".parse().unwrap()).is_none());
    }
}
