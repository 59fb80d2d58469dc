//! The recipes this processor knows. Owns reading them; a recipe that is wrong is refused at start, by name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use darkroom::Rendition;
use proto::{InvalidRecipe, Recipe, RecipeId};

/// What to make of an image, by the id of the recipe that was pinned when it was uploaded.
#[derive(Clone, Debug)]
pub struct Recipes(HashMap<RecipeId, Vec<Rendition>>);

/// Says which recipe could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRecipes {
    /// The folder or file could not be read.
    #[error("read recipes from `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is no recipe.
    #[error("understand `{path}`")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Every complaint.
        #[source]
        cause: InvalidRecipe,
    },
}

impl Recipes {
    /// Returns the built-in recipe and those of every `.toml` file in `dir`.
    pub fn load(dir: Option<&Path>) -> Result<Recipes, UnreadableRecipes> {
        let mut plans = HashMap::new();
        let mut add = |recipe: Recipe| plans.insert(recipe.id(), plan(&recipe));
        add(Recipe::default_recipe());
        for path in dir.map(files).transpose()?.unwrap_or_default() {
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| UnreadableRecipes::Read { path: path.clone(), cause })?;
            add(Recipe::parse(&text).map_err(|cause| UnreadableRecipes::Invalid { path, cause })?);
        }
        Ok(Recipes(plans))
    }

    /// Returns what to make by the recipe of this id.
    pub(crate) fn plan(&self, id: &RecipeId) -> Option<&[Rendition]> {
        self.0.get(id).map(Vec::as_slice)
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, UnreadableRecipes> {
    let unreadable = |cause| UnreadableRecipes::Read { path: dir.to_owned(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn plan(recipe: &Recipe) -> Vec<Rendition> {
    let rendition = |spec: &proto::RenditionSpec| Rendition {
        name: spec.name.clone(),
        longer_side_px: spec.longer_side_px,
        quality: spec.quality,
    };
    recipe.renditions.iter().map(rendition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_of_the_folder_stands_beside_the_built_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let text = "name = \"wall\"\nversion = 2\n[[rendition]]\nname = \"big\"\nlonger_side_px = 4000\nquality = 90\n";
        std::fs::write(dir.path().join("wall.toml"), text).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "not a recipe").unwrap();
        let recipes = Recipes::load(Some(dir.path())).unwrap();
        assert_eq!(recipes.plan(&Recipe::default_recipe().id()).unwrap().len(), 3);
        assert_eq!(recipes.plan(&Recipe::parse(text).unwrap().id()).unwrap()[0].longer_side_px, 4000);
    }

    #[test]
    fn a_wrong_recipe_is_refused_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.toml"), "name = 3").unwrap();
        let refused = Recipes::load(Some(dir.path())).unwrap_err();
        assert!(refused.to_string().contains("bad.toml"));
    }
}
