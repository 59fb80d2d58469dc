//! The tail's thread: hands over what the client delivers, in order, and says how far it has come.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::error::TailError;
use crate::client::Ear;
use crate::epoch::Epochs;
use crate::message::record_of;
use crate::places::offset_list;
use crate::{Offsets, Record};

const POLL: Duration = Duration::from_millis(100);

/// How far a tail has come, for whoever watches it.
pub(super) struct Progress {
    pub(super) consumer: BaseConsumer<Ear>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// The next offset to be handed over of each place.
    pub(super) next: Offsets,
    /// Whoever takes the records is slow, and nothing can be handed over.
    pub(super) is_held: bool,
}

impl Progress {
    pub(super) fn new(consumer: BaseConsumer<Ear>, next: Offsets) -> Progress {
        Progress { consumer, state: Mutex::new(State { next, is_held: false }) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

/// What the thread works with.
pub(super) struct Reader {
    progress: Arc<Progress>,
    epochs: Epochs,
    sender: mpsc::Sender<Result<Record, TailError>>,
    /// What is still to be read of a range: the first offset of each place that no longer belongs to it.
    end: Option<Offsets>,
    /// Dropped with the reader: who watches it hears that the reading is over.
    _over: Option<Sender<()>>,
}

impl Reader {
    pub(super) fn new(
        progress: Arc<Progress>,
        epochs: Epochs,
        sender: mpsc::Sender<Result<Record, TailError>>,
    ) -> Reader {
        Reader { progress, epochs, sender, end: None, _over: None }
    }

    /// Reads a bounded range instead of without end.
    pub(super) fn until(self, end: Offsets) -> Reader {
        Reader { end: Some(end), ..self }
    }

    /// Tells whoever holds the other end when the reading is over.
    pub(super) fn tells(self, over: Sender<()>) -> Reader {
        Reader { _over: Some(over), ..self }
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub(super) fn sender(&self) -> mpsc::Sender<Result<Record, TailError>> {
        self.sender.clone()
    }

    /// Starts the thread. It ends when the receiver of the records is dropped.
    pub(super) fn start(self) -> Result<(), TailError> {
        let thread = std::thread::Builder::new().name("conveyor-tail".into());
        thread.spawn(move || self.run()).map(drop).map_err(TailError::NoThread)
    }

    fn run(mut self) {
        if let Err(error) = self.read() {
            let _ = self.sender.blocking_send(Err(error));
        }
    }

    fn read(&mut self) -> Result<(), TailError> {
        let start = self.progress.state().next.clone();
        self.progress.consumer.assign(&offset_list(start)).map_err(TailError::Broken)?;
        while !self.sender.is_closed() && !self.end.as_ref().is_some_and(BTreeMap::is_empty) {
            let record = match self.progress.consumer.poll(POLL) {
                None => continue,
                Some(Ok(message)) => record_of(&message, &self.epochs),
                Some(Err(error)) => {
                    judge(error)?;
                    continue;
                }
            };
            let Some(record) = record.filter(|record| self.belongs(record)) else { continue };
            if !self.hand_over(record) {
                break;
            }
        }
        Ok(())
    }

    /// Says whether the record belongs to the range, and strikes its place when it is the last one that does.
    fn belongs(&mut self, record: &Record) -> bool {
        let Some(open) = &mut self.end else { return true };
        let Some(end) = open.get(&record.place()).copied() else { return false };
        if record.offset + 1 >= end {
            open.remove(&record.place());
        }
        record.offset < end
    }

    /// Waits while whoever takes the records is slow. Says whether anybody still takes them.
    fn hand_over(&self, record: Record) -> bool {
        let (place, next) = (record.place(), record.offset + 1);
        let is_taken = match self.sender.try_send(Ok(record)) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(record)) => {
                self.progress.state().is_held = true;
                self.sender.blocking_send(record).is_ok()
            }
        };
        let mut state = self.progress.state();
        state.is_held = false;
        state.next.insert(place, next);
        is_taken
    }
}

/// Says what an error of the client means to a tail.
fn judge(error: KafkaError) -> Result<(), TailError> {
    match (&error, error.rdkafka_error_code()) {
        (KafkaError::MessageConsumptionFatal(_), _) => Err(TailError::Broken(error)),
        (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => {
            Err(TailError::OutOfRange)
        }
        // The client reconnects by itself.
        _ => {
            tracing::debug!("tail Kafka: {error}");
            Ok(())
        }
    }
}
