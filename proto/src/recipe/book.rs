//! All recipes that a station knows, and whose images get which. Owns reading a folder of them: every `.toml` file is a
//! recipe, `customers.toml` says by customer which recipe, as `name-version`, is pinned to new uploads.
//!
//! The map is a file of its own, because a recipe is an immutable version that images of the past still name, while whose
//! it is changes; and in one map no customer can have two.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use super::{Recipe, RecipeId};
use crate::CustomerId;

const CUSTOMERS: &str = "customers.toml";
const RECIPES_MAX: usize = 1_000;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The recipes by id, and the customers who have one of their own.
#[derive(Clone, Debug)]
pub struct RecipeBook {
    default: RecipeId,
    recipes: BTreeMap<RecipeId, Recipe>,
    customers: HashMap<CustomerId, RecipeId>,
}

/// Says everything that is wrong with a folder of recipes, one complaint a line, each beginning with its file.
#[derive(Debug, thiserror::Error)]
#[error("refuse the recipes of `{}`:\n{}", dir.display(), complaints.join("\n"))]
pub struct InvalidRecipes {
    dir: PathBuf,
    complaints: Vec<String>,
}

impl RecipeBook {
    /// Returns the built-in recipe and those of the folder `dir`.
    pub fn load(dir: Option<&Path>) -> Result<RecipeBook, InvalidRecipes> {
        let mut reading = Reading::default();
        let built_in = Recipe::default_recipe();
        let default = built_in.id();
        reading.add("the built-in recipe", built_in);
        let mut customers = HashMap::new();
        if let Some(dir) = dir {
            for path in reading.files(dir) {
                reading.recipe(&path);
            }
            customers = reading.customers(&dir.join(CUSTOMERS));
            if !reading.complaints.is_empty() {
                return Err(InvalidRecipes { dir: dir.to_owned(), complaints: reading.complaints });
            }
        }
        Ok(RecipeBook { default, recipes: reading.recipes, customers })
    }

    /// Returns the id of the recipe that a customer's new images get.
    pub fn of(&self, customer: &CustomerId) -> &RecipeId {
        self.customers.get(customer).unwrap_or(&self.default)
    }

    /// Returns every recipe by its id.
    pub fn recipes(&self) -> &BTreeMap<RecipeId, Recipe> {
        &self.recipes
    }
}

/// A folder half read.
#[derive(Default)]
struct Reading {
    recipes: BTreeMap<RecipeId, Recipe>,
    /// Id and file by `name-version`.
    versions: BTreeMap<String, (RecipeId, String)>,
    complaints: Vec<String>,
}

impl Reading {
    /// Returns the recipes' files by name; what else lies in the folder is nobody's business.
    fn files(&mut self, dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = match entries {
            Ok(entries) => entries,
            Err(cause) => {
                self.complaints.push(format!("read the folder: {cause}"));
                return Vec::new();
            }
        };
        let is_recipe = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "toml")
                && path.file_name().is_some_and(|name| name != CUSTOMERS)
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(is_recipe).collect();
        if paths.len() > RECIPES_MAX {
            self.complaints.push(format!("more than {RECIPES_MAX} recipes"));
            paths.truncate(RECIPES_MAX);
        }
        paths.sort();
        paths
    }

    fn recipe(&mut self, path: &Path) {
        let file = name_of(path);
        match self.text(path).map(|text| Recipe::parse(&text)) {
            Some(Ok(recipe)) => self.add(&file, recipe),
            Some(Err(invalid)) => {
                let complaints = invalid.complaints().iter().map(|complaint| format!("{file}: {complaint}"));
                self.complaints.extend(complaints);
            }
            None => {}
        }
    }

    /// Adds a recipe. Two of one name and version would be told apart by nobody who reads a list.
    fn add(&mut self, file: &str, recipe: Recipe) {
        let (id, version) = (recipe.id(), format!("{}-{}", recipe.name, recipe.version));
        if let Some((_, other)) = self.versions.get(&version) {
            self.complaints.push(format!("{file}: `{version}` is in {other} already: raise `version`"));
        }
        self.versions.insert(version, (id.clone(), file.to_owned()));
        self.recipes.insert(id, recipe);
    }

    fn customers(&mut self, path: &Path) -> HashMap<CustomerId, RecipeId> {
        if !path.exists() {
            return HashMap::new();
        }
        let table = match self.text(path).map(|text| text.parse::<Table>()) {
            Some(Ok(table)) => table,
            Some(Err(cause)) => {
                self.complaints.push(format!("{CUSTOMERS}: {cause}"));
                return HashMap::new();
            }
            None => return HashMap::new(),
        };
        let mut customers = HashMap::new();
        for (name, value) in table {
            let version = value.as_str().and_then(|version| self.versions.get(version));
            match (CustomerId::parse(&name), version) {
                (Ok(customer), Some((id, _))) => drop(customers.insert(customer, id.clone())),
                (Err(cause), _) => self.complaints.push(format!("{CUSTOMERS}: `{name}`: {cause}")),
                (_, None) => {
                    let what = "is the `name-version` of a recipe, in quotes; there is none of this one";
                    self.complaints.push(format!("{CUSTOMERS}: `{name}`: {what}"));
                }
            }
        }
        customers
    }

    fn text(&mut self, path: &Path) -> Option<String> {
        let is_long = fs::metadata(path).is_ok_and(|metadata| metadata.len() > FILE_BYTES_MAX);
        let text = match is_long {
            true => Err(format!("is longer than {FILE_BYTES_MAX} bytes")),
            false => fs::read_to_string(path).map_err(|cause| cause.to_string()),
        };
        text.map_err(|why| self.complaints.push(format!("{}: {why}", name_of(path)))).ok()
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: &str = "name = \"wall\"\nversion = 2\n[[rendition]]\nname = \"big\"\nlonger_side_px = 4000\n";

    fn load(files: &[(&str, &str)]) -> Result<RecipeBook, InvalidRecipes> {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        RecipeBook::load(Some(dir.path()))
    }

    #[test]
    fn a_customer_of_the_map_gets_their_recipe_and_others_the_built_in_one() {
        let book = load(&[
            ("wall.toml", WALL),
            ("customers.toml", "acme = \"wall-2\"\n\"b@c.example\" = \"default-1\"\n"),
            ("notes.txt", "not a recipe"),
        ]);
        let book = book.unwrap();
        let of = |customer| book.of(&CustomerId::parse(customer).unwrap());
        assert_eq!(of("acme"), &Recipe::parse(WALL).unwrap().id());
        assert_eq!(of("b@c.example"), &Recipe::default_recipe().id());
        assert_eq!(of("nobody"), &Recipe::default_recipe().id());
        assert_eq!(book.recipes().len(), 2);
        assert_eq!(book.recipes()[of("acme")].version, 2);
    }

    #[test]
    fn without_a_folder_everybody_has_the_built_in_recipe() {
        let book = RecipeBook::load(None).unwrap();
        assert_eq!(book.of(&CustomerId::parse("acme").unwrap()), &Recipe::default_recipe().id());
    }

    #[test]
    fn everything_that_is_wrong_in_a_folder_is_said_at_once() {
        let refused = load(&[
            ("a.toml", "name = 3"),
            ("b.toml", WALL),
            ("c.toml", &WALL.replace("4000", "3000")),
            ("customers.toml", "acme = \"wall-3\"\nbee = 7\n\"\" = \"wall-2\"\n"),
        ]);
        let said = refused.unwrap_err().to_string();
        let expected = [
            "a.toml: `name`: is 1 to 40",
            "a.toml: `version`: is missing",
            "a.toml: `rendition`: is missing",
            "c.toml: `wall-2` is in b.toml already",
            "customers.toml: `acme`:",
            "customers.toml: `bee`:",
            "customers.toml: ``: a customer id",
        ];
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(said.lines().count(), 1 + expected.len(), "{said}");
    }

    #[test]
    fn a_customer_named_twice_is_refused() {
        let refused = load(&[("wall.toml", WALL), ("customers.toml", "a = \"wall-2\"\na = \"default-1\"\n")]);
        assert!(refused.unwrap_err().to_string().contains("customers.toml"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_refused_by_name() {
        let refused = RecipeBook::load(Some(Path::new("/no/such/folder"))).unwrap_err().to_string();
        assert!(refused.contains("/no/such/folder"), "{refused}");
    }
}
