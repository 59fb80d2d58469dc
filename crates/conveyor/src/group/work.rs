//! Owns one record from its admission to its end: tries, back-off, rejection, panics. Other records go on meanwhile.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use futures::FutureExt;
use proto::Reason;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::assignment::Assignment;
use super::ledger::Generation;
use crate::backoff::Backoff;
use crate::config::BeltArgs;
use crate::handler::{Fault, Handler, Rejection};
use crate::metrics::{self, Outcome};
use crate::publish::{self, Publisher};
use crate::record::{Record, trace_id};

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);
const HELD_RECORDS_MAX: usize = 256;
const HELD_BYTES_MAX: usize = 16 << 20;

/// What every record's work needs.
pub(crate) struct Workshop<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) publisher: Publisher,
    pub(crate) limits: BeltArgs,
    pub(crate) assignment: Assignment,
    pub(crate) in_flight: InFlight,
    pub(crate) held: Mutex<Held>,
    pub(crate) runtime: Handle,
    /// Set at shutdown: what fails now is left for the next member.
    pub(crate) draining: CancellationToken,
}

/// How much is in hand.
#[derive(Default)]
pub(crate) struct InFlight {
    records: AtomicUsize,
    bytes: AtomicU64,
}

impl InFlight {
    pub(crate) fn records(&self) -> usize {
        self.records.load(Ordering::Acquire)
    }

    /// Returns the bytes being handled; what waits for its next try costs none.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }
}

/// Delivered records that wait for a place in hand. They make a pause rare: it takes long to come back from, because it
/// throws away what was fetched ahead.
#[derive(Default)]
pub(crate) struct Held {
    jobs: VecDeque<Job>,
    bytes: usize,
}

impl Held {
    /// Returns how full it is: 1 and more asks for a pause.
    #[expect(clippy::cast_precision_loss, reason = "a share for a threshold")]
    pub(crate) fn load(&self) -> f32 {
        let records = self.jobs.len() as f32 / HELD_RECORDS_MAX as f32;
        records.max(self.bytes as f32 / HELD_BYTES_MAX as f32)
    }

    fn push(&mut self, job: Job) {
        self.bytes += job.record.value.len();
        self.jobs.push_back(job);
    }

    /// Takes the next one whose partition is still ours.
    fn pop(&mut self) -> Option<Job> {
        loop {
            let job = self.jobs.pop_front()?;
            self.bytes -= job.record.value.len();
            if !job.cancel.is_cancelled() {
                return Some(job);
            }
        }
    }

    /// Leaves them all for the next member.
    pub(crate) fn clear(&mut self) {
        *self = Held::default();
    }
}

/// One admitted record.
pub(crate) struct Job {
    pub(crate) record: Record,
    pub(crate) generation: Generation,
    /// Stops the work when the partition is revoked.
    pub(crate) cancel: CancellationToken,
}

impl<H: Handler> Workshop<H> {
    /// Takes the record in hand, now or when there is room.
    pub(crate) fn take(self: &Arc<Self>, job: Job) {
        self.held().push(job);
        self.begin_what_fits();
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no holder panics")
    }

    /// Takes held records in hand as long as there is room. Only here does what is in hand grow, and under the lock.
    fn begin_what_fits(self: &Arc<Self>) {
        let mut held = self.held();
        while self.has_room()
            && let Some(job) = held.pop()
        {
            self.runtime.spawn(self.begin(job));
        }
    }

    fn has_room(&self) -> bool {
        let in_flight = &self.in_flight;
        in_flight.records() < self.limits.in_flight_records_max.max(1)
            && in_flight.bytes() < self.limits.in_flight_bytes_max.max(1)
    }

    /// Counts the record as in hand from now on; the future brings it to its end.
    fn begin(self: &Arc<Self>, job: Job) -> impl Future<Output = ()> + Send + use<H> {
        let this = Arc::clone(self);
        let mut load = Load::new(Arc::clone(self), self.bytes_of(&job.record));
        let span = span_of(&job.record);
        async move {
            let Job { mut record, generation, cancel } = job;
            let ended = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                ended = this.bring_to_its_end(&mut record, &mut load) => ended,
            };
            if let Some(outcome) = ended
                && this.assignment.settle(record.place(), generation, record.offset)
            {
                metrics::record_ended(record.topic, outcome);
            }
            // Not before it is settled: nothing in hand means that everything may be committed.
            drop(load);
            this.begin_what_fits();
        }
        .instrument(span)
    }

    fn bytes_of(&self, record: &Record) -> u64 {
        let counted = std::panic::catch_unwind(AssertUnwindSafe(|| self.handler.bytes_of(record)));
        counted.unwrap_or(record.value.len() as u64)
    }

    /// Returns how the record ended; none when it is left for the next member.
    async fn bring_to_its_end(self: &Arc<Self>, record: &mut Record, load: &mut Load<H>) -> Option<Outcome> {
        let mut panics = 0;
        loop {
            record.attempts += 1;
            let cause = match self.try_once(record, &mut panics).await {
                Ok(()) => return Some(Outcome::Done),
                Err(Fault::Reject(rejection)) => return self.reject(record, &rejection).await,
                Err(Fault::Retry(cause)) => cause,
            };
            load.put_down();
            self.begin_what_fits();
            if !self.wait_for_next_try(record, record.attempts, &cause).await {
                return None;
            }
            load.take_up();
        }
    }

    async fn try_once(&self, record: &Record, panics: &mut u32) -> Result<(), Fault> {
        let started = Instant::now();
        let time_max = Duration::from_secs(self.limits.handle_secs_max.max(1));
        let guarded = AssertUnwindSafe(self.handler.handle(record)).catch_unwind();
        let answer = tokio::time::timeout(time_max, guarded).await;
        metrics::handled_in(record.topic, started.elapsed());
        match answer {
            Ok(Ok(answer)) => answer,
            Err(_) => Err(Fault::Retry(anyhow!("handle the record within {} s", time_max.as_secs()))),
            Ok(Err(_panic)) => Err(self.panicked(record, panics)),
        }
    }

    /// A panic is a bug of ours, and must not stop everybody else's images: after a few tries the record is rejected.
    fn panicked(&self, record: &Record, panics: &mut u32) -> Fault {
        *panics += 1;
        metrics::handler_panicked(record.topic);
        if *panics < self.limits.panics_max {
            return Fault::Retry(anyhow!("the handler panicked"));
        }
        tracing::error!("the handler panicked {panics} times on this record; it is rejected");
        Fault::reject(Reason::MessageMalformed, format!("the handler panicked {panics} times on this record"))
    }

    /// Posts the dead letter; the record has not ended before the letter is safe.
    async fn reject(&self, record: &Record, rejection: &Rejection) -> Option<Outcome> {
        for attempt in 1.. {
            match publish::post(&self.publisher, record, rejection).await {
                Ok(()) => break,
                Err(error) => {
                    if !self.wait_for_next_try(record, attempt, &error.into()).await {
                        return None;
                    }
                }
            }
        }
        tracing::warn!(reason = rejection.reason.name(), "rejected: {}", rejection.detail);
        Some(Outcome::Rejected)
    }

    /// Waits before the next try. Returns false when there is to be none.
    async fn wait_for_next_try(&self, record: &Record, attempt: u32, cause: &anyhow::Error) -> bool {
        metrics::record_retried(record.topic);
        // The first, and then ever more seldom: a world that is away for an hour is one story.
        if attempt.is_power_of_two() {
            tracing::warn!(attempt, "try again: {cause:#}");
        }
        tokio::select! {
            biased;
            () = self.draining.cancelled() => false,
            () = tokio::time::sleep(Backoff::new(RETRY_MIN, RETRY_MAX).wait(attempt)) => true,
        }
    }
}

/// One record's share of what is in hand. Given back when dropped.
struct Load<H> {
    workshop: Arc<Workshop<H>>,
    bytes: u64,
    carried: bool,
}

impl<H> Load<H> {
    fn new(workshop: Arc<Workshop<H>>, bytes: u64) -> Load<H> {
        workshop.in_flight.records.fetch_add(1, Ordering::AcqRel);
        let mut load = Load { workshop, bytes, carried: false };
        load.take_up();
        load
    }

    fn take_up(&mut self) {
        if !std::mem::replace(&mut self.carried, true) {
            self.workshop.in_flight.bytes.fetch_add(self.bytes, Ordering::AcqRel);
        }
    }

    fn put_down(&mut self) {
        if std::mem::take(&mut self.carried) {
            self.workshop.in_flight.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        }
    }
}

impl<H> Drop for Load<H> {
    fn drop(&mut self) {
        self.put_down();
        self.workshop.in_flight.records.fetch_sub(1, Ordering::AcqRel);
    }
}

fn span_of(record: &Record) -> tracing::Span {
    let span = tracing::info_span!(
        "record",
        kafka.topic = record.topic.name(),
        kafka.partition = record.partition,
        kafka.offset = record.offset,
        image.id = tracing::field::Empty,
        trace.id = tracing::field::Empty,
    );
    if let Some(id) = record.image_id() {
        span.record("image.id", tracing::field::display(id));
    }
    if let Some(trace) = record.traceparent().and_then(trace_id) {
        span.record("trace.id", trace);
    }
    span
}
