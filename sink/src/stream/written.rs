//! How far the group that writes rows has come. Owns when to ask: only once a record has waited for its row longer than
//! rows take. A record that the group has passed, and that a row read after learning so still does not name, never gets
//! one; any other may, however long it takes.

use std::time::{Duration, Instant};

use conveyor::{KafkaArgs, Offsets, Place, tail};
use proto::Coordinates;

use crate::apply::GROUP;

/// How long a record waits before the group is asked about: rows are written in much less.
const WAIT_MAX: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What is known of the group's way; of one life of the log.
#[derive(Debug)]
pub(crate) struct Written {
    kafka: KafkaArgs,
    offsets: Offsets,
    asked_at: Option<Instant>,
}

impl Written {
    /// Begins with nothing known.
    pub(crate) fn new(kafka: KafkaArgs) -> Written {
        Written { kafka, offsets: Offsets::new(), asked_at: None }
    }

    /// Asks the group about `places` if something has waited there since `waiting_since` too long. What it answers counts
    /// for rows that are read afterwards.
    pub(crate) async fn ask(&mut self, places: &[Place], waiting_since: Option<Instant>) {
        let is_late = waiting_since.is_some_and(|since| since.elapsed() > WAIT_MAX);
        if !is_late || self.asked_at.is_some_and(|at| at.elapsed() < ASK_EVERY) {
            return;
        }
        match tail::committed(&self.kafka, GROUP, places, ANSWER_MAX).await {
            Ok(offsets) => self.offsets.extend(offsets),
            Err(error) => tracing::debug!("ask how far rows are written: {:#}", anyhow::Error::new(error)),
        }
        self.asked_at = Some(Instant::now());
    }

    /// Says whether the group had finished with the record when it was asked.
    pub(crate) fn has_passed(&self, record: &Coordinates) -> bool {
        let next = self.offsets.get(&(record.topic, record.partition));
        next.is_some_and(|next| record.offset < *next)
    }

    /// Takes what the group is supposed to have said.
    #[cfg(test)]
    pub(super) fn said(offsets: Offsets) -> Written {
        Written { kafka: KafkaArgs::plaintext("127.0.0.1:1"), offsets, asked_at: None }
    }
}
