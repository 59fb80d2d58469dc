//! Which record set a state: the coordinates that rows keep and the live stream compares.

use std::fmt;
use std::str::FromStr;

use crate::Topic;

/// The place of one record. Offsets compare only within one epoch, topic and partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinates {
    /// Which life of the log: cluster and topic ids, or a UUID for a broker that keeps nothing.
    pub epoch: String,
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// Says that a text has not the form `{epoch}/{topic}/{partition}/{offset}`.
#[derive(Debug, thiserror::Error)]
#[error("coordinates have the form `epoch/topic/partition/offset`")]
pub struct InvalidCoordinates;

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.epoch, self.topic, self.partition, self.offset)
    }
}

impl FromStr for Coordinates {
    type Err = InvalidCoordinates;

    fn from_str(text: &str) -> Result<Coordinates, InvalidCoordinates> {
        let mut parts = text.rsplitn(4, '/');
        let mut next = || parts.next().ok_or(InvalidCoordinates);
        let offset = next()?.parse().map_err(|_| InvalidCoordinates)?;
        let partition = next()?.parse().map_err(|_| InvalidCoordinates)?;
        let topic = Topic::parse(next()?).ok_or(InvalidCoordinates)?;
        Ok(Coordinates { epoch: next()?.to_owned(), topic, partition, offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coordinates_round_trip(epoch in "[a-zA-Z0-9_./-]{0,30}", topic in 0_usize..3, partition in 0..i32::MAX, offset in 0..i64::MAX) {
            let coordinates = Coordinates { epoch, topic: Topic::ALL[topic], partition, offset };
            prop_assert_eq!(coordinates.to_string().parse::<Coordinates>().unwrap(), coordinates);
        }
    }
}
