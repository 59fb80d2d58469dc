//! What a part of a form is, by its head: the file, or a field beside it. Owns the file's name as clients write it: plain
//! with the browsers' escapes, or extended (RFC 8187), which counts more.

use percent_encoding::percent_decode;

use super::params::Params;

const DISPOSITION: &[u8] = b"content-disposition";
/// A part of this name is the image even without a file name.
const FIELD: &[u8] = b"file";
/// What browsers escape in a name, and nothing else (HTML, 4.10.21.8).
const ESCAPES: [(&str, &str); 3] = [("%22", "\""), ("%0D", "\r"), ("%0A", "\n")];

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The name as it was given; none where there is none, or none that can be read.
    File(Option<String>),
    /// A text field, a file input in which nothing was chosen, or whatever else is no file.
    Field,
}

impl Part {
    pub(super) fn of(head: &[u8]) -> Part {
        let Some(disposition) = disposition(head) else { return Part::Field };
        let params = Params::parse(&disposition);
        let (plain, extended) = (params.get("filename"), params.get("filename*"));
        let has_name = extended.is_some() || plain.is_some_and(|name| !name.is_empty());
        if !has_name && params.get("name") != Some(FIELD) {
            return Part::Field;
        }
        Part::File(extended.and_then(decode_extended).or_else(|| plain.map(decode_plain)))
    }
}

/// Returns the value of the part's first `Content-Disposition`, its folded lines joined.
fn disposition(head: &[u8]) -> Option<Vec<u8>> {
    let mut lines =
        head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(DISPOSITION) {
            continue;
        }
        let mut value = line[colon + 1..].to_vec();
        while let Some(folded) = lines.next_if(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
            value.extend_from_slice(folded);
        }
        return Some(value);
    }
    None
}

fn decode_plain(value: &[u8]) -> String {
    let text = std::str::from_utf8(value).map_or_else(|_| latin_1(value), str::to_owned);
    ESCAPES.iter().fold(text, |text, (escaped, plain)| text.replace(escaped, plain))
}

/// Decodes `charset'language'percent-encoded`. None where that cannot be: the plain name counts then.
fn decode_extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |&byte| byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode(encoded).collect();
    match charset.to_ascii_lowercase().as_slice() {
        b"utf-8" | b"us-ascii" => String::from_utf8(bytes).ok(),
        // RFC 5987 asked for it.
        b"iso-8859-1" => Some(latin_1(&bytes)),
        _ => None,
    }
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str) -> Part {
        Part::File(Some(name.to_owned()))
    }

    fn of(disposition: &str) -> Part {
        Part::of(
            format!("\r\nContent-Disposition: {disposition}\r\nContent-Type: image/png\r\n\r\n").as_bytes(),
        )
    }

    #[test]
    fn names_are_read_as_clients_write_them() {
        for (client, disposition, name) in [
            ("browsers", "form-data; name=\"file\"; filename=\"Grüße %22a%22.png\"", "Grüße \"a\".png"),
            ("browsers", "form-data; name=\"file\"; filename=\"100%25 %41.png\"", "100%25 %41.png"),
            ("curl --form-escape", "form-data; name=\"file\"; filename=\"a\\\"b\\\\c.png\"", "a\"b\\c.png"),
            ("urllib3 1", "form-data; name=\"file\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.png", "Grüße.png"),
            (
                ".NET",
                "form-data; name=file; filename=\"=?utf-8?B?R3LDvMOfZS5wbmc=?=\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.png",
                "Grüße.png",
            ),
            (
                "RFC 8187",
                "form-data; name=file; filename=\"EURO.png\"; filename*=UTF-8'en'%e2%82%ac%20rates.png",
                "€ rates.png",
            ),
            (
                "RFC 8187, turned round",
                "form-data; name=file; filename*=UTF-8''%e2%82%ac.png; filename=\"EURO.png\"",
                "€.png",
            ),
            ("RFC 5987", "form-data; name=file; filename*=iso-8859-1'en'%A3%20rates.png", "£ rates.png"),
            (
                "another charset",
                "form-data; name=file; filename=\"a.png\"; filename*=shift_jis''%83.png",
                "a.png",
            ),
            ("no UTF-8", "form-data; name=file; filename=\"a.png\"; filename*=utf-8''%ff.png", "a.png"),
            ("no charset", "form-data; name=file; filename=\"a.png\"; filename*=b.png", "a.png"),
            ("a fold", "form-data; name=\"file\";\r\n\tfilename=\"a.png\"", "a.png"),
            ("another field", "form-data; name=\"files[]\"; filename=\"a.png\"", "a.png"),
        ] {
            assert_eq!(of(disposition), file(name), "{client}");
        }
        let latin =
            [b"\r\ncontent-disposition:form-data;name=file;filename=\"Gr\xfc\xdfe.png\"\r\n\r\n".as_slice()]
                .concat();
        assert_eq!(Part::of(&latin), file("Grüße.png"));
    }

    #[test]
    fn a_part_is_a_file_by_its_file_name_or_by_the_fields_name() {
        assert_eq!(of("form-data; name=\"file\""), Part::File(None));
        assert_eq!(of("form-data; name=\"file\"; filename*=nonsense"), Part::File(None));
        assert_eq!(of("form-data; name=\"caption\""), Part::Field);
        assert_eq!(of("form-data; name=\"second\"; filename=\"\""), Part::Field, "nothing was chosen");
        assert_eq!(Part::of(b"\r\n\r\n"), Part::Field);
        assert_eq!(Part::of(b"\r\nContent-Type: text/plain\r\nno colon\r\n\r\n"), Part::Field);
    }

    #[test]
    fn any_number_of_headers_may_stand_beside_the_one_that_counts() {
        let more: String = (0..500).map(|number| format!("X-Header-{number}: {number}\r\n")).collect();
        let head =
            format!("\r\n{more}Content-Disposition: form-data; name=file; filename=a.png\r\n{more}\r\n");
        assert_eq!(Part::of(head.as_bytes()), file("a.png"));
    }

    proptest! {
        #[test]
        fn any_name_comes_back_from_its_extended_form(name in "\\PC{1,60}") {
            let encoded = utf8_percent_encode(&name, NON_ALPHANUMERIC);
            prop_assert_eq!(of(&format!("form-data; name=file; filename*=UTF-8''{encoded}")), file(&name));
        }
    }
}
