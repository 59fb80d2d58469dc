//! Asks how far logs go, of all places at once. A broker answers what comes over one connection in its order: each question
//! of a client that also fetches waits until its fetch is over, half a second where nothing is published. One by one, 36
//! places took a quarter of a minute.

use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;

use crate::places::{known_offset, word_list};
use crate::record::{Offsets, Place};

/// An end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The oldest offset that can still be read.
    First,
    /// The offset that the next record will have.
    Next,
}

/// Returns an end of each place's log; without the places whose broker knows none just now. Fails when a broker does not
/// answer within `timeout`.
pub(crate) fn ends<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    places: &[Place],
    end: End,
    timeout: Duration,
) -> KafkaResult<Offsets> {
    if places.is_empty() {
        return Ok(Offsets::new());
    }
    // ListOffsets has these two among its times.
    let time = match end {
        End::First => Offset::Beginning,
        End::Next => Offset::End,
    };
    let answer = consumer.offsets_for_times(word_list(places.iter().map(|place| (*place, time))), timeout)?;
    Ok(answer.elements().iter().filter_map(known_offset).collect())
}
