//! The name a file had at home. Owns what of it is kept: the last part of a path, without control characters, of bounded
//! length. Never refuses: a name is no reason to lose an image.

const BYTES_MAX: usize = 255;

/// Returns the name as it is kept; none if nothing of it is left.
pub(crate) fn tidy(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or(given);
    let mut kept: String = last.chars().filter(|char| !char.is_control()).collect();
    let end = (0..=BYTES_MAX.min(kept.len())).rev().find(|&end| kept.is_char_boundary(end)).unwrap_or(0);
    kept.truncate(end);
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_controls_and_blanks_go() {
        for (given, kept) in [
            ("holiday.jpg", Some("holiday.jpg")),
            ("C:\\Users\\me\\a b.jpg", Some("a b.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("a\r\nSet-Cookie: x\u{1b}[31m", Some("aSet-Cookie: x[31m")),
            ("  ", None),
            ("", None),
            ("dir/", None),
        ] {
            assert_eq!(tidy(given).as_deref(), kept, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_bounded_and_tidy_twice_is_once(given in "\\PC{0,400}") {
            let kept = tidy(&given);
            prop_assert!(kept.as_ref().is_none_or(|kept| kept.len() <= BYTES_MAX));
            prop_assert_eq!(kept.as_deref().and_then(tidy), kept);
        }
    }
}
