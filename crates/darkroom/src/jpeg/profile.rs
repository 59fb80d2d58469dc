//! Owns an ICC profile on its way through a JPEG: up to 255 numbered parts. One that is told twice is taken once; one that
//! is not all there is none, as in browsers.

use crate::Limits;

const MARK: &[u8] = b"ICC_PROFILE\0";

/// The parts of a profile.
#[derive(Debug, Default)]
pub(super) struct Profile<'a> {
    /// The first part of each number.
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    number: u8,
    /// How many there are.
    count: u8,
    bytes: &'a [u8],
}

impl<'a> Profile<'a> {
    /// Takes the payload of an APP2 segment.
    pub(super) fn note(&mut self, payload: &'a [u8]) {
        if let Some([number, count, bytes @ ..]) = payload.strip_prefix(MARK) {
            self.add(Part { number: *number, count: *count, bytes });
        }
    }

    fn add(&mut self, part: Part<'a>) {
        if self.parts.iter().all(|known| known.number != part.number) {
            self.parts.push(part);
        }
    }

    /// The profile, put together; `None` if a part is missing, or the whole is empty or larger than the limit.
    pub(super) fn whole(&self, limits: &Limits) -> Option<Vec<u8>> {
        let mut parts = self.parts.clone();
        parts.sort_by_key(|part| part.number);
        let count = parts.len();
        let is_next = |(part, number): (&Part<'_>, usize)| {
            usize::from(part.number) == number && usize::from(part.count) == count
        };
        let bytes: usize = parts.iter().map(|part| part.bytes.len()).sum();
        let fits = bytes > 0 && bytes as u64 <= limits.icc_bytes_max;
        (fits && parts.iter().zip(1..).all(is_next))
            .then(|| parts.iter().flat_map(|part| part.bytes).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(parts: impl IntoIterator<Item = (u8, u8)>) -> Option<Vec<u8>> {
        let mut profile = Profile::default();
        parts.into_iter().for_each(|(number, count)| profile.add(Part { number, count, bytes: b"icc" }));
        profile.whole(&Limits::DEFAULT)
    }

    /// A byte counts the parts: counting one further than the last of 255 is one too many for a byte.
    #[test]
    fn a_profile_comes_in_up_to_255_parts_in_any_order() {
        assert_eq!(profile((1..=255).rev().map(|number| (number, 255))).unwrap().len(), 3 * 255);
        assert_eq!(profile([(1, 3), (3, 3)]), None);
        assert_eq!(profile([(0, 1)]), None);
        assert_eq!(profile([]), None);
    }

    #[test]
    fn a_profile_that_is_told_twice_is_taken_once() {
        assert_eq!(profile([(1, 1), (1, 1)]).unwrap(), b"icc");
        assert_eq!(profile([(1, 2), (2, 2), (1, 2), (2, 2)]).unwrap(), b"iccicc");
        assert_eq!(profile([(1, 2), (1, 2)]), None);
    }

    #[test]
    fn a_profile_of_nothing_is_none() {
        let mut profile = Profile::default();
        profile.note(b"ICC_PROFILE\0\x01\x01");
        assert_eq!(profile.whole(&Limits::DEFAULT), None);
    }
}
