//! `kind; name=value; name="value"`, as `Content-Type` and `Content-Disposition` say it. Owns the leniency towards what is
//! really sent: a name is no reason to lose an image.

/// A header's value, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Params<'a> {
    /// What stands before the first semicolon.
    pub(super) kind: &'a [u8],
    /// Names in lower case.
    given: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Params<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Params<'a> {
        let (kind, mut rest) = split_at(text, b';');
        let mut given = Vec::new();
        while !rest.is_empty() {
            let name_end = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(name_end);
            let Some(behind) = behind.strip_prefix(b"=") else {
                rest = behind.get(1..).unwrap_or_default();
                continue;
            };
            let (value, behind) = value(behind.trim_ascii_start());
            given.push((name.trim_ascii().to_ascii_lowercase(), value));
            rest = behind;
        }
        Params { kind: kind.trim_ascii(), given }
    }

    /// Returns the first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.given.iter().find(|(given, _)| given == name.as_bytes());
        found.map(|(_, value)| value.as_slice())
    }
}

/// Splits at the first `byte`, which is dropped.
fn split_at(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|&found| found == byte) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[]),
    }
}

/// Reads a value and returns what follows behind its semicolon.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (token, rest) = split_at(text, b';');
        return (token.trim_ascii().to_vec(), rest);
    };
    let mut value = Vec::with_capacity(quoted.len());
    let mut at = 0;
    while let Some(&byte) = quoted.get(at) {
        match (byte, quoted.get(at + 1)) {
            (b'"', _) => return (value, split_at(&quoted[at..], b';').1),
            // Browsers send a backslash as it is, libraries escape it: only what must be escaped counts as escaped.
            (b'\\', Some(&escaped @ (b'"' | b'\\'))) => {
                value.push(escaped);
                at += 1;
            }
            _ => value.push(byte),
        }
        at += 1;
    }
    // A browser's name may end in a backslash, which then seems to escape the closing quote.
    if value.ends_with(b"\"") {
        value.pop();
    }
    (value, &[])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read_as_they_are_really_sent() {
        for (text, name, value) in [
            ("form-data; name=\"file\"; filename=\"a b;c=d.png\"", "filename", Some("a b;c=d.png")),
            ("form-data; name=file; filename=a.png; filename*=utf-8''b.png", "filename", Some("a.png")),
            (
                "form-data; name=file; filename=a.png; filename*=utf-8''b.png",
                "filename*",
                Some("utf-8''b.png"),
            ),
            ("form-data;NAME = \"file\" ;FileName= a.png ", "filename", Some("a.png")),
            ("form-data; filename=\"a\\\"b\\\\c\\d.png\"; name=\"file\"", "filename", Some("a\"b\\c\\d.png")),
            ("form-data; filename=\"a\\\"b\\\\c\\d.png\"; name=\"file\"", "name", Some("file")),
            ("form-data; filename=\"a\\\"", "filename", Some("a")),
            ("form-data; filename=\"a", "filename", Some("a")),
            ("form-data; filename=\"\"", "filename", Some("")),
            ("form-data; filename=a; filename=b", "filename", Some("a")),
            ("form-data; flag; name=x", "name", Some("x")),
            ("form-data", "name", None),
            ("", "name", None),
        ] {
            let params = Params::parse(text.as_bytes());
            assert_eq!(params.get(name), value.map(str::as_bytes), "{text}");
        }
        assert_eq!(Params::parse(b" Form-Data ; a=b").kind, b"Form-Data");
    }

    proptest! {
        #[test]
        fn any_quoted_value_comes_back(value in "[^\\\\\"]{0,40}") {
            let text = format!("form-data; name=\"file\"; filename=\"{value}\"; last=1");
            let params = Params::parse(text.as_bytes());
            prop_assert_eq!(params.get("filename"), Some(value.as_bytes()));
            prop_assert_eq!(params.get("last"), Some(b"1".as_slice()));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Params::parse(&bytes);
        }
    }
}
