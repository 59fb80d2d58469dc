//! Owns paging over sorted keys: prefix, delimiter, marker, and where a page ends.
//!
//! Knows nothing about what hangs on a key; the caller's scan yields rows in key order from a start.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::EncodingType;
use s3s::{S3Result, s3_error};

const PAGE_MAX: usize = 1000;

/// What a list call asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// Only what sorts after this, a common prefix included.
    pub(super) marker: Option<String>,
    pub(super) max: usize,
}

/// Where a scan begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// At this key or the next one.
    At(String),
    /// After this key.
    After(String),
}

/// What the visitor of a scan wants next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Next,
    Jump(From),
    Stop,
}

/// A row of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<T> {
    Row(T),
    Prefix(String),
}

/// One page, in order, and whether there is more.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) entries: Vec<Entry<T>>,
    /// The key or common prefix of the last entry.
    pub(super) last: String,
    pub(super) is_truncated: bool,
}

impl Query {
    /// Reads `max-keys` and its like: 1000 at most and by default, negative is refused.
    pub(super) fn page_size(given: Option<i32>) -> S3Result<usize> {
        let Some(given) = given else {
            return Ok(PAGE_MAX);
        };
        let size = usize::try_from(given).map_err(|_| {
            s3_error!(InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647")
        })?;
        Ok(size.min(PAGE_MAX))
    }

    /// Where the first scan begins.
    pub(super) fn start(&self) -> From {
        match &self.marker {
            Some(marker) if *marker >= self.prefix => From::After(marker.clone()),
            _ => From::At(self.prefix.clone()),
        }
    }

    /// Collects a page. `scan` runs over rows from a start in key order until the visitor says otherwise.
    pub(super) fn page<T>(
        &self,
        start: From,
        mut scan: impl FnMut(&From, &mut dyn FnMut(&str, T) -> Step) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Page<T>> {
        let mut page = Page { entries: Vec::new(), last: String::new(), is_truncated: false };
        let mut next = (self.max > 0).then_some(start);
        while let Some(from) = next.take() {
            scan(&from, &mut |key, row| {
                let step = self.visit(&mut page, key, row);
                if let Step::Jump(target) = &step {
                    next = Some(target.clone());
                }
                step
            })?;
        }
        Ok(page)
    }

    fn visit<T>(&self, page: &mut Page<T>, key: &str, row: T) -> Step {
        if !key.starts_with(&self.prefix) {
            return Step::Stop;
        }
        let common = self.common_prefix(key);
        // A page never repeats the common prefix that the last one ended with.
        let is_seen =
            common.is_some_and(|common| self.marker.as_deref().is_some_and(|marker| common <= marker));
        if !is_seen {
            if page.entries.len() == self.max {
                page.is_truncated = true;
                return Step::Stop;
            }
            common.unwrap_or(key).clone_into(&mut page.last);
            page.entries.push(common.map_or(Entry::Row(row), |common| Entry::Prefix(common.to_owned())));
        }
        match common.map(successor) {
            None => Step::Next,
            Some(Some(behind)) => Step::Jump(From::At(behind)),
            Some(None) => Step::Stop,
        }
    }

    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.get(self.prefix.len()..)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }
}

/// The first string behind everything that begins with `prefix`; none if there is no such string.
fn successor(prefix: &str) -> Option<String> {
    let mut behind = prefix.to_owned();
    while let Some(last) = behind.pop() {
        // Unicode scalar values sort as their UTF-8 bytes do; the surrogates between are no characters.
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            behind.push(next);
            return Some(behind);
        }
    }
    None
}

// What S3 leaves as it is in an answer with `encoding-type=url`.
const URL_ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b'~');

/// Names in an answer: as they are, or percent-encoded where the client asked for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    Plain,
    Url,
}

impl Names {
    pub(super) fn parse(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub(super) fn write(self, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Url => utf8_percent_encode(name, URL_ENCODED).to_string(),
        }
    }

    pub(super) fn write_opt(self, name: Option<&String>) -> Option<String> {
        name.map(|name| self.write(name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(keys: &[&str], query: &Query) -> (Vec<String>, bool) {
        let page = query
            .page(query.start(), |from, visit| {
                for key in keys {
                    let is_in = match from {
                        From::At(start) => *key >= start.as_str(),
                        From::After(start) => *key > start.as_str(),
                    };
                    if is_in && visit(key, (*key).to_owned()) != Step::Next {
                        break;
                    }
                }
                Ok(())
            })
            .expect("a scan over a slice does not fail");
        let name = |entry| match entry {
            Entry::Row(key) => key,
            Entry::Prefix(prefix) => format!("{prefix}*"),
        };
        (page.entries.into_iter().map(name).collect(), page.is_truncated)
    }

    #[test]
    fn a_delimiter_rolls_keys_up_and_the_prefix_stays() {
        let keys = ["a", "b/1", "b/2", "b/c/3", "c", "é/1"];
        let query = Query { delimiter: Some("/".into()), max: 10, ..Query::default() };
        assert_eq!(list(&keys, &query), (vec!["a".into(), "b/*".into(), "c".into(), "é/*".into()], false));
        let query = Query { prefix: "b/".into(), ..query };
        assert_eq!(list(&keys, &query), (vec!["b/1".into(), "b/2".into(), "b/c/*".into()], false));
    }

    proptest! {
        #[test]
        fn pages_together_are_the_whole_list(
            keys in proptest::collection::btree_set("[a-c/é]{1,5}", 0..40),
            max in 1_usize..5,
            prefix in "[a-c/]{0,1}",
        ) {
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            let whole = Query { prefix, delimiter: Some("/".into()), marker: None, max: 1000 };
            let (expected, _) = list(&keys, &whole);
            let (mut seen, mut query) = (Vec::new(), Query { max, ..whole });
            loop {
                let (page, is_truncated) = list(&keys, &query);
                prop_assert!(page.len() <= max);
                query.marker = page.last().map(|last| last.trim_end_matches('*').to_owned());
                seen.extend(page);
                if !is_truncated { break }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
