//! A table of TOML, taken apart field by field. Owns the complaints: each says where, and all are reported, not only the
//! first. What nobody took is unknown. Knows nothing about recipes.

use std::ops::RangeInclusive;

use toml::{Table, Value};

/// One table, the fields that are still in it, and what was wrong with those that were taken.
pub(super) struct Fields {
    path: String,
    table: Table,
    complaints: Vec<String>,
}

impl Fields {
    /// Takes the table of a whole file.
    pub(super) fn root(table: Table) -> Fields {
        Fields { path: String::new(), table, complaints: Vec::new() }
    }

    /// Says whether a field is there and not yet taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Complains about a field.
    pub(super) fn complain(&mut self, name: &str, what: &str) {
        self.complaints.push(format!("`{}{name}`: {what}", self.path));
    }

    /// Complains when a field is not there.
    pub(super) fn require(&mut self, name: &str) {
        if !self.has(name) {
            self.complain(name, "is missing");
        }
    }

    /// Takes a field that must not be there.
    pub(super) fn forbid(&mut self, name: &str, why: &str) {
        if self.table.remove(name).is_some() {
            self.complain(name, why);
        }
    }

    /// Takes a field that `parse` understands, or complains that it is not `what`.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        what: &str,
        parse: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.table.remove(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.complain(name, what);
        }
        parsed
    }

    /// Takes a whole number.
    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let what = format!("is a whole number from {} to {}", range.start(), range.end());
        let within = |value: &Value| u32::try_from(value.as_integer()?).ok().filter(|n| range.contains(n));
        self.take(name, &what, within)
    }

    /// Takes a yes or no; absent is no.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.take(name, "is `true` or `false`", Value::as_bool).unwrap_or(false)
    }

    /// Takes one of a few words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let what = format!("is one of {}", known.join(", "));
        self.take(name, &what, |value| {
            let text = value.as_str()?;
            words.iter().find(|(word, _)| *word == text).map(|&(_, meaning)| meaning)
        })
    }

    /// Takes a table; its complaints come back by `absorb`.
    pub(super) fn table(&mut self, name: &str) -> Option<Fields> {
        let table = self.take(name, "is a table", |value| value.as_table().cloned())?;
        Some(Fields { path: format!("{}{name}.", self.path), table, complaints: Vec::new() })
    }

    /// Takes a list of tables; their complaints come back by `absorb`.
    pub(super) fn tables(&mut self, name: &str) -> Option<Vec<Fields>> {
        let tables = self.take(name, "is a list of tables", |value| {
            value.as_array()?.iter().map(|one| one.as_table().cloned()).collect::<Option<Vec<Table>>>()
        });
        let nested = |(index, table)| Fields {
            path: format!("{}{name}[{index}].", self.path),
            table,
            complaints: Vec::new(),
        };
        Some(tables?.into_iter().enumerate().map(nested).collect())
    }

    /// Takes over the complaints of a table within.
    pub(super) fn absorb(&mut self, within: Fields) {
        self.complaints.extend(within.end());
    }

    /// Returns every complaint; what nobody took is one.
    pub(super) fn end(mut self) -> Vec<String> {
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        unknown.iter().for_each(|name| self.complain(name, "is not known here"));
        self.complaints
    }
}
