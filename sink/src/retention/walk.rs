//! The sweep's way through the originals: day by day, the oldest first, each day's prefixes in order. Owns where a pass goes
//! on that did not come to the end. Pure.

use proto::UnixMillis;
use time::{Date, Duration};

pub(super) const SHARDS: &[u8] = b"0123456789abcdef";

/// A prefix of originals, and the key behind which it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) day: Date,
    /// Which of [`SHARDS`].
    at: usize,
    pub(super) after: Option<String>,
}

impl Spot {
    /// Returns where a round begins: at the first day that can hold an image that is alive.
    pub(super) fn first(now: UnixMillis, days_back: u16) -> Spot {
        Spot { day: now.date() - Duration::days(i64::from(days_back)), at: 0, after: None }
    }

    pub(super) fn shard(&self) -> char {
        char::from(SHARDS[self.at])
    }

    /// Returns the place behind a key of the same prefix.
    pub(super) fn behind(&self, key: String) -> Spot {
        Spot { after: Some(key), ..self.clone() }
    }

    /// Returns the next prefix; none at the end of the round. It ends with tomorrow: ids are minted by other machines, some
    /// may be a moment ahead of midnight here.
    pub(super) fn next(&self, now: UnixMillis) -> Option<Spot> {
        if self.at + 1 < SHARDS.len() {
            return Some(Spot { day: self.day, at: self.at + 1, after: None });
        }
        let day = self.day.next_day()?;
        (day <= now.date().next_day()?).then_some(Spot { day, at: 0, after: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_visits_every_prefix_of_every_day_once_the_oldest_first() {
        let now = UnixMillis(1_795_000_000_000);
        let round: Vec<Spot> =
            std::iter::successors(Some(Spot::first(now, 7)), |spot| spot.next(now)).collect();
        assert_eq!(round.len(), 9 * SHARDS.len());
        assert!(round.windows(2).all(|pair| (pair[0].day, pair[0].at) < (pair[1].day, pair[1].at)));
        let last = round.last().map(|spot| (spot.day, spot.shard()));
        assert_eq!(last, now.date().next_day().map(|day| (day, 'f')));
        let within = round[3].behind("original/3/x".to_owned());
        assert_eq!(within.next(now), Some(round[4].clone()));
    }
}
