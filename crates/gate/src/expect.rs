//! `Expect` (RFC 9110, 10.1.1). Owns what a request's expectation means. The 100 itself is hyper's: it goes out when a
//! handler first asks for the body, so a request that is refused by its head must not be asked for its body at all.

use http::header::EXPECT;
use http::{HeaderMap, Version};

/// What a client wants to hear before it sends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Nothing: the body comes unasked.
    None,
    /// 100, or a final status instead of it.
    Continue,
    /// Something that is not known here.
    Unknown,
}

impl Expectation {
    pub(crate) fn of(version: Version, headers: &HeaderMap) -> Expectation {
        // HTTP/1.0 knows no interim answer: an expectation in it must be ignored.
        if version < Version::HTTP_11 {
            return Expectation::None;
        }
        let values = headers.get_all(EXPECT).iter();
        let members = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
        let mut found = Expectation::None;
        for member in members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()) {
            if !member.eq_ignore_ascii_case(b"100-continue") {
                return Expectation::Unknown;
            }
            found = Expectation::Continue;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn case_repeats_and_empty_members_do_not_matter_and_anything_else_is_unknown() {
        for (values, expected) in [
            (&[][..], Expectation::None),
            (&[""], Expectation::None),
            (&["100-continue"], Expectation::Continue),
            (&["100-Continue"], Expectation::Continue),
            (&["100-continue", "100-continue"], Expectation::Continue),
            (&["100-continue,, 100-CONTINUE "], Expectation::Continue),
            (&["100-continue", "x"], Expectation::Unknown),
            (&["x", "100-continue"], Expectation::Unknown),
            (&["200-ok"], Expectation::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(EXPECT, HeaderValue::from_static(value));
            }
            assert_eq!(Expectation::of(Version::HTTP_11, &headers), expected, "{values:?}");
            assert_eq!(Expectation::of(Version::HTTP_10, &headers), Expectation::None, "{values:?}");
        }
    }
}
