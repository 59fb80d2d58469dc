//! The recipes this processor knows, as plans. Owns nothing but the way from an id to what is made.

use std::collections::HashMap;

use darkroom::Plan;
use proto::{RecipeBook, RecipeId};

use crate::plan::plan;

/// What to make of an image, by the recipe that was pinned when it was uploaded.
#[derive(Clone, Debug)]
pub struct Recipes {
    plans: HashMap<RecipeId, Plan>,
    /// The id of each recipe by its name and version: what an id says whose hash is an older build's.
    ids: HashMap<String, RecipeId>,
}

impl Recipes {
    /// Returns the plans of every recipe of a book.
    pub fn of(book: &RecipeBook) -> Recipes {
        let recipes = || book.recipes().iter();
        Recipes {
            plans: recipes().map(|(id, recipe)| (id.clone(), plan(recipe))).collect(),
            ids: recipes().map(|(id, _)| (id.name_and_version().to_owned(), id.clone())).collect(),
        }
    }

    /// Returns what to make by the recipe of this id. Older builds hashed more than the recipe: their ids are understood
    /// by name and version, which the folder has once each.
    pub(crate) fn plan(&self, id: &RecipeId) -> Option<&Plan> {
        self.plans.get(id).or_else(|| self.plans.get(self.ids.get(id.name_and_version())?))
    }
}

#[cfg(test)]
mod tests {
    use darkroom::Extent;
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
        let big = &plan(&Recipe::parse(text).unwrap()).renditions[0];
        assert_eq!(big.size_of(Extent::new(8000, 80)), Extent::new(4000, 40));
        assert!(recipes.plan(&"wall-1-00000000".parse().unwrap()).is_none());
    }

    /// As builds pinned them that hashed the engine's version too.
    #[test]
    fn an_id_of_an_older_build_is_understood_by_name_and_version() {
        let recipes = Recipes::of(&RecipeBook::load(None).unwrap());
        let today = recipes.plan(&Recipe::default_recipe().id()).unwrap();
        for older in ["default-1-4957a54f", "default-1-fade6683"] {
            assert_eq!(recipes.plan(&older.parse().unwrap()), Some(today));
        }
        for unknown in ["default-2-fade6683", "other-1-fade6683"] {
            assert!(recipes.plan(&unknown.parse().unwrap()).is_none(), "{unknown}");
        }
    }
}
