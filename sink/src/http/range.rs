//! Conditions and ranges of a request for bytes (RFC 9110, 13 and 14). Pure. One range at most: a request for several
//! gets the whole, so that nobody makes us send a thousand overlapping pieces.

use depot::ByteRange;

/// What part of the bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Range(ByteRange),
    /// 416: the range begins after the end.
    Unsatisfiable,
}

/// Says whether an `If-None-Match` header names `etag`; compares weakly, as the header wants it.
pub(super) fn none_match_names(header: &str, etag: &str) -> bool {
    let names = |one: &str| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    };
    header.split(',').any(names)
}

/// Reads a `Range` header over `bytes` bytes. What is not exactly one byte range is as good as none.
pub(super) fn part_of(header: &str, bytes: u64) -> Part {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let (first, last) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.min(bytes.saturating_sub(1))),
        (Some(first), None) if last.is_empty() => (first, bytes.saturating_sub(1)),
        (None, Some(0)) if first.is_empty() => return Part::Unsatisfiable,
        (None, Some(length)) if first.is_empty() => (bytes.saturating_sub(length), bytes.saturating_sub(1)),
        _ => return Part::Whole,
    };
    match first < bytes {
        true => Part::Range(ByteRange { first, last }),
        false => Part::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, last: u64) -> Part {
        Part::Range(ByteRange { first, last })
    }

    #[test]
    fn one_range_is_read_and_anything_else_gets_the_whole() {
        for (header, part) in [
            ("bytes=0-0", range(0, 0)),
            ("bytes=2-5", range(2, 5)),
            ("bytes=2-", range(2, 9)),
            ("bytes=2-99", range(2, 9)),
            ("bytes=-3", range(7, 9)),
            ("bytes=-99", range(0, 9)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
        ] {
            assert_eq!(part_of(header, 10), part, "{header}");
        }
        assert_eq!(part_of("bytes=0-0", 0), Part::Unsatisfiable);
    }

    #[test]
    fn an_etag_is_found_in_a_list_strong_or_weak() {
        for (header, is_named) in
            [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("", false)]
        {
            assert_eq!(none_match_names(header, "\"a\""), is_named, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_range_never_leaves_the_bytes(header in "bytes=[0-9]{0,3}-[0-9]{0,3}", bytes in 0_u64..500) {
            if let Part::Range(ByteRange { first, last }) = part_of(&header, bytes) {
                prop_assert!(first <= last && last < bytes);
            }
        }
    }
}
