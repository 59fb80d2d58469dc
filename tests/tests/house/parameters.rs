//! Owns the rule that parameters have names: a tuple in a signature is a struct that nobody has named, and the usual way
//! around the bound of four. Reads signatures in the text; pairs in lists are data and pass.

use crate::source::{Source, production_code, sources};
use crate::{assert_none, root};

const MEMBERS: &[&str] = &["proto", "ingest", "processor", "sink", "crates"];

/// Where the bracket that opens at the beginning of `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands between the commas that are in no bracket.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_i32);
    let arrows = text.replace("->", "  ");
    for (at, c) in arrows.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The parameters of every function, each with its function's name and line.
fn parameters(code: &str) -> Vec<(String, usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let is_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let generics = &code[at + 3 + name.len()..];
        let Some(open) = generics.find('(').filter(|_| is_word && !name.is_empty()) else { continue };
        // Bounds such as `F: Fn(u8)` have brackets of their own.
        let open =
            generics.find(">(").map_or(open, |end| if generics.starts_with('<') { end + 1 } else { open });
        let Some(end) = closing(&generics[open..]) else { continue };
        let line = code[..at].lines().count().max(1);
        for part in parts(&generics[open + 1..open + end]) {
            found.push((name.clone(), line, part.to_owned()));
        }
    }
    found
}

/// Whether a parameter's type is a tuple of more than nothing, or a reference to one.
fn is_unnamed(parameter: &str) -> bool {
    let pattern = if parameter.starts_with('(') { closing(parameter).unwrap_or(0) } else { 0 };
    let Some(colon) = parameter[pattern..].find(':') else { return false };
    let kind = parameter[pattern + colon + 1..].trim_start();
    let kind = kind.trim_start_matches('&').trim_start();
    let kind = kind.strip_prefix("mut ").unwrap_or(kind);
    // A trait with bounds is written in brackets too, and has no comma.
    kind.starts_with('(') && closing(kind).is_some_and(|end| parts(&kind[1..end]).len() > 1)
}

fn tuple_faults(source: &Source) -> Vec<String> {
    let unnamed = parameters(&production_code(&source.text));
    let unnamed = unnamed.into_iter().filter(|(_, _, parameter)| is_unnamed(parameter));
    unnamed.map(|(name, line, what)| format!("{}:{line}: `{name}` takes `{what}`", source.path)).collect()
}

/// One header as it is everywhere: a name and bytes.
const ALLOWED: &str = "proto/src/wire/failed.rs";

#[test]
fn no_function_takes_an_unnamed_tuple() {
    let all = MEMBERS.iter().flat_map(|member| sources(&root(), member, &[".rs"]));
    let in_production: Vec<Source> = all
        .filter(|source| source.path.contains("/src/") && !source.path.contains("/tests"))
        .filter(|source| source.path != ALLOWED)
        .collect();
    assert!(in_production.len() >= 100, "only {} sources were found", in_production.len());
    assert_none("parameters", &in_production.iter().flat_map(tuple_faults).collect::<Vec<_>>());
}

#[test]
fn a_tuple_is_found_however_it_is_written_and_what_is_none_is_not() {
    let faults =
        |text: &str| tuple_faults(&Source { path: "x/src/y.rs".to_owned(), text: text.to_owned() }).len();
    for bad in [
        "fn size((width, height): (u32, u32)) {}",
        "fn at(&self, place: (u32, u32), scale: f64) -> u32 { 0 }",
        "fn each<F: Fn(u8) -> u8>(f: F, (a, b): (&str, i64)) {}",
        "fn last<const N: usize>(row: &[u8; N], name: &mut (u8, u8)) {}",
    ] {
        assert_eq!(faults(bad), 1, "{bad}");
    }
    for good in [
        "fn none(_: ()) {}",
        "fn listed(pairs: &[(String, u32)]) -> (u8, u8) { (0, 0) }",
        "fn called(with: impl Fn(u8, u8) -> (u8, u8), also: &(dyn Fn(u8, u8) + Send)) {}",
        "#[cfg(test)]\nmod tests { fn size((width, height): (u32, u32)) {} }",
    ] {
        assert_eq!(faults(good), 0, "{good}");
    }
}
