//! Owns the rule that no files of a crate ask each other in a circle: then each can be read, changed and moved with what
//! it stands on alone. Reads `use` lines and paths; whoever only passes names on (`pub use`) asks for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::{Source, production_code, sources};
use crate::{assert_none, root};

type Module = Vec<String>;

/// A file as others see it.
#[derive(Default)]
struct Room {
    path: String,
    /// What it names of its own crate, made absolute.
    asks: BTreeSet<Module>,
    /// The names that it passes on, and what stands behind each.
    passes: BTreeMap<String, Module>,
}

/// A crate's files by the modules that they are.
struct House(BTreeMap<Module, Room>);

impl House {
    /// Reads the files under `src`, a path from the root of the workspace.
    fn read(src: &str, files: Vec<Source>) -> House {
        let names: BTreeSet<Module> = files.iter().map(|file| module_of(src, &file.path)).collect();
        let mut rooms = BTreeMap::new();
        for file in files {
            let here = module_of(src, &file.path);
            let mut room = Room { path: file.path, ..Room::default() };
            for Import { is_passed_on, path, name } in imports(&production_code(&file.text)) {
                let Some(path) = absolute(&here, path, &names) else { continue };
                if is_passed_on {
                    room.passes.insert(name, path);
                } else {
                    room.asks.insert(path);
                }
            }
            rooms.insert(here, room);
        }
        House(rooms)
    }

    /// The module in whose file a path ends: past everybody who only passes the name on.
    fn owner(&self, path: &[String]) -> Option<&Module> {
        let mut path = path.to_vec();
        for _ in 0..self.0.len() {
            let end = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]))?;
            let (module, room) = self.0.get_key_value(&path[..end])?;
            match path.get(end).and_then(|name| room.passes.get(name)) {
                Some(further) => path = [further, &path[end + 1..]].concat(),
                None => return Some(module),
            }
        }
        None
    }

    fn asked(&self, module: &Module) -> BTreeSet<&Module> {
        let asks = self.0[module].asks.iter().filter_map(|path| self.owner(path));
        asks.filter(|asked| *asked != module).collect()
    }

    /// Every circle, as the files along it.
    fn circles(&self) -> Vec<String> {
        let mut reached: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
        for module in self.0.keys() {
            let mut open: Vec<_> = self.asked(module).into_iter().collect();
            let all = reached.entry(module).or_default();
            while let Some(next) = open.pop() {
                if all.insert(next) {
                    open.extend(self.asked(next));
                }
            }
        }
        let on_circle =
            |one: &Module, other: &Module| reached[one].contains(other) && reached[other].contains(one);
        let mut found = BTreeSet::new();
        for module in self.0.keys().filter(|module| on_circle(module, module)) {
            let circle: Vec<_> = self.0.keys().filter(|other| on_circle(module, other)).collect();
            let arrows = circle.iter().flat_map(|from| {
                let to = self.asked(from).into_iter().filter(|to| circle.contains(to));
                to.map(|to| format!("{} asks {}", self.0[*from].path, self.0[to].path))
            });
            found.insert(arrows.collect::<Vec<_>>().join("\n  "));
        }
        found.into_iter().collect()
    }
}

/// One name that a file takes from elsewhere.
struct Import {
    is_passed_on: bool,
    path: Vec<String>,
    /// As it is called from here on.
    name: String,
}

fn module_of(src: &str, path: &str) -> Module {
    let inner = path.strip_prefix(src).expect("the file is one of the crate's").trim_start_matches('/');
    let mut parts: Module = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// What a path means from the crate's root on; none for one that leads out of the crate.
fn absolute(here: &Module, path: Vec<String>, modules: &BTreeSet<Module>) -> Option<Module> {
    let ways = path.iter().take_while(|part| ["crate", "self", "super"].contains(&part.as_str())).count();
    let ups = path[..ways].iter().filter(|part| *part == "super").count();
    let from = match path.first()?.as_str() {
        "crate" => &[],
        "self" | "super" => here.get(..here.len().checked_sub(ups)?)?,
        child if modules.contains(&[here, &[child.to_owned()][..]].concat()) => here,
        _ => return None,
    };
    Some([from, &path[ways..]].concat())
}

/// All `use` lines, and the paths that begin at `crate`, `self` or `super` anywhere else.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    let mut rest = code;
    let words = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(at) = rest.find(words) {
        let is_whole = !rest[..at].ends_with(['.', '\'']);
        rest = &rest[at..];
        let end = rest.find(|c| !words(c)).unwrap_or(rest.len());
        match &rest[..end] {
            word @ ("use" | "pub") if is_whole => {
                let (line, after) = rest.split_once(';').unwrap_or((rest, ""));
                match used(line) {
                    Some(tree) => {
                        expand(&[], tree, word == "pub", &mut found);
                        rest = after;
                    }
                    None => rest = &rest[end..],
                }
            }
            "crate" | "self" | "super" if is_whole && rest[end..].starts_with("::") => {
                let end = rest.find(|c| !words(c) && c != ':').unwrap_or(rest.len());
                let path: Vec<String> = rest[..end].split("::").map(str::to_owned).collect();
                found.push(Import { is_passed_on: false, name: String::new(), path });
                rest = &rest[end..];
            }
            _ => rest = &rest[end..],
        }
    }
    found
}

/// The tree of a `use` item, behind its visibility; none for an item of another kind.
fn used(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub").map_or(line, |line| {
        let line = line.trim_start();
        line.strip_prefix('(').and_then(|line| line.split_once(')')).map_or(line, |(_, line)| line)
    });
    line.trim_start().strip_prefix("use ").map(str::trim)
}

/// Adds the paths of a tree such as `a::{b, c::{d, e as f}}`.
fn expand(before: &[String], tree: &str, is_passed_on: bool, found: &mut Vec<Import>) {
    if let Some((head, group)) = tree.split_once('{') {
        let head = head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
        let before: Vec<String> = before.iter().cloned().chain(head).collect();
        let group = group.trim_end().strip_suffix('}').expect("braces are closed");
        split(group).into_iter().for_each(|branch| expand(&before, branch, is_passed_on, found));
        return;
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
    let parts = path.split("::").map(|part| part.trim().to_owned()).filter(|part| part != "*");
    let mut path: Vec<String> = before.iter().cloned().chain(parts).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let own = path.last().cloned().unwrap_or_default();
    let name = if name.is_empty() { own } else { name.trim().to_owned() };
    found.push(Import { is_passed_on, path, name });
}

/// The branches of a group, at the commas that are in no inner group.
fn split(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut branches) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&group[from..]);
    branches.into_iter().map(str::trim).filter(|branch| !branch.is_empty()).collect()
}

/// The folders of sources of all crates.
fn crates(root: &Path) -> Vec<String> {
    let manifests = sources(root, "", &["Cargo.toml"]);
    let folders = manifests.iter().filter_map(|manifest| manifest.path.strip_suffix("Cargo.toml"));
    folders.map(|folder| format!("{folder}src")).filter(|src| root.join(src).is_dir()).collect()
}

#[test]
fn no_files_of_a_crate_ask_each_other_in_a_circle() {
    let root = root();
    let crates = crates(&root);
    assert!(crates.len() > 10, "the crates are found: {crates:?}");
    let circles = crates.iter().flat_map(|src| House::read(src, sources(&root, src, &[".rs"])).circles());
    assert_none("files that ask each other in a circle", &circles.collect::<Vec<_>>());
}

#[test]
fn a_circle_is_seen_through_those_who_only_pass_names_on() {
    let file = |path: &str, text: &str| Source { path: format!("x/src/{path}"), text: text.to_owned() };
    let house = |texts: [&str; 4]| {
        let paths = ["lib.rs", "a/mod.rs", "a/inner.rs", "b.rs"];
        House::read("x/src", paths.iter().zip(texts).map(|(path, text)| file(path, text)).collect())
    };
    let lib = "mod a; mod b; pub use a::{Inner, other as Another};";
    let passing = "mod inner; pub(crate) use inner::{Inner, other};";
    let none = house([lib, passing, "use crate::b::B;\npub struct Inner;", "use std::fmt; pub struct B;"]);
    assert_eq!(none.circles(), [""; 0]);
    let through = house([lib, passing, "use crate::b::B;", "fn f(_: crate::Another) {}"]);
    assert_eq!(through.circles(), ["x/src/a/inner.rs asks x/src/b.rs\n  x/src/b.rs asks x/src/a/inner.rs"]);
    let parent =
        house([lib, "mod inner; struct Own; use inner::{self as other, Inner};", "use super::Own;", ""]);
    assert_eq!(parent.circles().len(), 1, "a parent is a file like others");
    let tests = house([lib, passing, "use crate::b::B;", "#[cfg(test)] mod tests { use crate::a::Inner; }"]);
    assert_eq!(tests.circles(), [""; 0]);
}
