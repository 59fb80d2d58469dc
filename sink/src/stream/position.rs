//! A position in Kafka over all partitions: the next offset of each, and the epoch they belong to. Owns its bytes in an
//! event's id, and what "seen already" means.

use std::collections::BTreeMap;

use conveyor::{Offsets, Place};
use proto::Topic;

/// The form of the bytes; another one is not read.
const FORM: u8 = 1;
const PARTITIONS_MAX: u64 = 10_000;

/// The next offset of each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position(Offsets);

impl From<Offsets> for Position {
    fn from(offsets: Offsets) -> Position {
        Position(offsets)
    }
}

impl Position {
    /// Returns the offsets.
    pub(crate) fn offsets(&self) -> &Offsets {
        &self.0
    }

    /// Says whether the record at `offset` lies ahead.
    pub(crate) fn is_ahead(&self, place: Place, offset: i64) -> bool {
        self.0.get(&place).is_none_or(|next| offset >= *next)
    }

    /// Moves past the record at `offset`; never back.
    pub(crate) fn pass(&mut self, place: Place, offset: i64) {
        let next = self.0.entry(place).or_insert(0);
        *next = (*next).max(offset + 1);
    }

    /// Moves to wherever `other` is further on.
    pub(crate) fn merge(&mut self, other: &Position) {
        for (place, next) in &other.0 {
            let mine = self.0.entry(*place).or_insert(*next);
            *mine = (*mine).max(*next);
        }
    }

    /// Says whether it is nowhere behind `other`.
    pub(crate) fn covers(&self, other: &Position) -> bool {
        other.0.iter().all(|(place, next)| self.0.get(place).copied().unwrap_or(0) >= *next)
    }

    /// Returns how many offsets lie between it and `until`.
    pub(crate) fn missing(&self, until: &Position) -> u64 {
        let between = |(place, end): (&Place, &i64)| {
            let next = self.0.get(place).copied().unwrap_or(0);
            u64::try_from(end.saturating_sub(next)).unwrap_or(0)
        };
        until.0.iter().map(between).sum()
    }

    /// Returns it with every place of `all`, from the beginning where it names none.
    pub(crate) fn widened(&self, all: &Position) -> Position {
        let next = |place: &Place| self.0.get(place).copied().unwrap_or(0);
        Position(all.0.keys().map(|place| (*place, next(place))).collect())
    }

    /// Returns the bytes that an event's id seals.
    pub(crate) fn to_bytes(&self, epoch: &str) -> Vec<u8> {
        let mut bytes = vec![FORM];
        put_number(&mut bytes, epoch.len() as u64);
        bytes.extend_from_slice(epoch.as_bytes());
        for topic in Topic::ALL {
            let partitions = self.partitions(topic);
            put_number(&mut bytes, partitions.len() as u64);
            for next in partitions {
                put_number(&mut bytes, u64::try_from(next).unwrap_or(0));
            }
        }
        bytes
    }

    /// Reads the bytes again; none for anything else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<(String, Position)> {
        let mut bytes = bytes.strip_prefix(&[FORM])?;
        let length = usize::try_from(take_number(&mut bytes)?).ok()?;
        let (epoch, mut bytes) = bytes.split_at_checked(length)?;
        let mut offsets = BTreeMap::new();
        for topic in Topic::ALL {
            let partitions = take_number(&mut bytes).filter(|count| *count <= PARTITIONS_MAX)?;
            for partition in 0..i32::try_from(partitions).ok()? {
                offsets.insert((topic, partition), i64::try_from(take_number(&mut bytes)?).ok()?);
            }
        }
        let epoch = std::str::from_utf8(epoch).ok()?.to_owned();
        bytes.is_empty().then_some((epoch, Position(offsets)))
    }

    /// The partitions of a topic are numbered without gaps.
    fn partitions(&self, topic: Topic) -> Vec<i64> {
        let of_topic = self.0.range((topic, 0)..=(topic, i32::MAX));
        of_topic.map(|(_, next)| *next).collect()
    }
}

/// LEB128: seven bits a byte, lowest first.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("below 0x80"));
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position() -> impl Strategy<Value = Position> {
        prop::collection::vec(prop::collection::vec(0..i64::MAX, 0..15), 3).prop_map(|topics| {
            let mut offsets = BTreeMap::new();
            for (topic, partitions) in Topic::ALL.into_iter().zip(topics) {
                for (partition, next) in (0..).zip(partitions) {
                    offsets.insert((topic, partition), next);
                }
            }
            Position(offsets)
        })
    }

    proptest! {
        #[test]
        fn positions_round_trip(position in position(), epoch in "[a-z0-9]{0,16}") {
            let bytes = position.to_bytes(&epoch);
            prop_assert_eq!(Position::from_bytes(&bytes), Some((epoch, position)));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(Position::from_bytes(&bytes));
        }

        #[test]
        fn a_merged_position_covers_both_and_misses_nothing(a in position(), b in position()) {
            let mut merged = a.clone();
            merged.merge(&b);
            prop_assert!(merged.covers(&a) && merged.covers(&b));
            prop_assert_eq!(merged.missing(&a) + merged.missing(&b), 0);
        }
    }

    #[test]
    fn what_was_passed_is_no_longer_ahead() {
        let mut position = Position::default();
        let place = (Topic::Processed, 2);
        assert!(position.is_ahead(place, 0));
        position.pass(place, 4);
        position.pass(place, 1);
        assert!(!position.is_ahead(place, 4));
        assert!(position.is_ahead(place, 5));
    }
}
