//! Reads Rust sources for the scanners: which files there are, and their code without comments, literals and
//! `#[cfg(test)]` items. Judges nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the workspace root with `/` between the parts, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Folders that hold what others wrote or what a build left.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git", ".cache", ".safelight", "__pycache__"];

/// Every file under `folder` whose name ends in one of `endings`.
pub(crate) fn sources(root: &Path, folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    open.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let path = path.strip_prefix(root).expect("the file stands in the workspace");
                found.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The code that production runs: comments, literals and test items are gone, lines stay where they were.
pub(crate) fn production_code(text: &str) -> String {
    without_test_items(&without_literals(text))
}

/// Blanks comments, strings and characters, and keeps every line break.
fn without_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end > at {
            code.push(' ');
            code.extend(chars[at..end].iter().filter(|c| **c == '\n'));
            at = end;
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1);
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next == Some(&'/') => position(chars, at, |rest| rest[0] == '\n'),
        '/' if next == Some(&'*') => block_comment_end(chars, at),
        'r' if !word_before && matches!(next, Some('"' | '#')) => raw_string_end(chars, at),
        '"' => string_end(chars, at),
        '\'' if next == Some(&'\\') => position(chars, at + 3, |rest| rest[0] == '\'') + 1,
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
    .min(chars.len())
}

fn position(chars: &[char], from: usize, found: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| found(&chars[*at..])).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut now = at;
    while now + 1 < chars.len() {
        match (chars[now], chars[now + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                now += 1;
                continue;
            }
        }
        now += 2;
        if depth == 0 {
            return now;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut now = at + 1;
    while now < chars.len() && chars[now] != '"' {
        now += if chars[now] == '\\' { 2 } else { 1 };
    }
    now + 1
}

fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    // `r#type` is an identifier, not a string.
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let closed =
        |rest: &[char]| rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes;
    position(chars, at + 2 + hashes, closed) + 1 + hashes
}

/// Blanks the item after each `#[cfg(test)]`, up to its closing brace or semicolon.
fn without_test_items(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut left = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        left.push_str(&rest[..start]);
        let item = &rest[start + MARK.len()..];
        let end = item_end(item);
        left.extend(item[..end].chars().filter(|c| *c == '\n'));
        rest = &item[end..];
    }
    left.push_str(rest);
    left
}

fn item_end(item: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && (c == '}' || c == ';') {
            return at + c.len_utf8();
        }
    }
    item.len()
}

#[test]
fn comments_literals_and_test_items_are_no_code() {
    let text = r##"
// rdkafka in a comment
/* rdkafka /* nested */ rdkafka */
let a = "rdkafka \" rdkafka"; let q = '"'; let b = r#"rdkafka " rdkafka"#; let l: &'static str = b;
#[cfg(test)]
mod tests { use rdkafka::X; fn f() { } }
fn kept() {}
"##;
    let code = production_code(text);
    assert!(!code.contains("rdkafka"), "{code}");
    assert!(code.contains("fn kept() {}") && code.contains("&'static str"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count(), "lines stay where they were");
}
