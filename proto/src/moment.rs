//! A moment in UTC, in milliseconds: the only form of time in facts, rows and keys.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Returns the present moment by the machine's clock.
    pub fn now() -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Returns the moment `duration` later; saturates.
    pub fn plus(self, duration: Duration) -> UnixMillis {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        UnixMillis(self.0.saturating_add(millis))
    }

    /// Returns how long ago `earlier` was, or zero when it lies ahead.
    pub fn since(self, earlier: UnixMillis) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the whole seconds since the Unix epoch, as DynamoDB's TTL takes them.
    pub fn unix_s(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the UTC date.
    pub fn date(self) -> Date {
        self.offset_date_time().date()
    }

    /// Returns RFC 3339 text in UTC, such as `2026-11-21T10:00:00.123Z`.
    pub fn rfc3339(self) -> String {
        self.offset_date_time().format(&Rfc3339).expect("years 0 to 9999 have an RFC 3339 form")
    }

    fn offset_date_time(self) -> OffsetDateTime {
        // Beyond the years that RFC 3339 can write, the nearest year it can.
        const YEAR_9999_END: i64 = 253_402_300_799_999;
        let clamped = self.0.clamp(0, YEAR_9999_END);
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(clamped) * 1_000_000)
            .expect("clamped to representable years")
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl From<UnixMillis> for OffsetDateTime {
    fn from(moment: UnixMillis) -> OffsetDateTime {
        moment.offset_date_time()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rfc_3339_in_utc_with_milliseconds() {
        assert_eq!(UnixMillis(1_795_255_200_123).rfc3339(), "2026-11-21T10:00:00.123Z");
    }

    #[test]
    fn no_number_panics() {
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            assert!(!UnixMillis(millis).rfc3339().is_empty());
        }
    }
}
