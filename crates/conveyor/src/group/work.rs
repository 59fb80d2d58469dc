//! Owns one record from its admission to its end: tries, back-off, rejection, panics. Other records go on meanwhile: what
//! fails again and again is set aside, and tried again until the world is right.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use futures::FutureExt;
use proto::Reason;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::aside::{Aside, Ticket};
use super::assignment::Assignment;
use super::hand::{Hand, Load};
use super::queue::{Job, Queue};
use crate::backoff::Backoff;
use crate::config::BeltArgs;
use crate::handler::{Fault, Handler};
use crate::metrics::{self, Outcome};
use crate::publish::{self, Publisher};
use crate::record::{Record, trace_id};

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);
/// Many may be set aside: each asks more seldom.
const RETRY_ASIDE_MAX: Duration = Duration::from_secs(30);
/// After so many tries in a row, some seconds, a record gives up its place in hand.
const TRIES_IN_HAND_MAX: u32 = 5;

/// What every record's work needs.
pub(crate) struct Workshop<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) publisher: Publisher,
    pub(crate) limits: BeltArgs,
    pub(crate) assignment: Assignment,
    pub(crate) hand: Arc<Hand>,
    pub(crate) queue: Mutex<Queue>,
    pub(crate) aside: Arc<Aside>,
    pub(crate) runtime: Handle,
    /// Set at shutdown: what fails now is left for the next member.
    pub(crate) draining: CancellationToken,
}

impl<H: Handler> Workshop<H> {
    /// Takes the record in hand, now or when there is room.
    pub(crate) fn take(self: &Arc<Self>, job: Job) {
        self.queue().push(job);
        self.begin_what_fits();
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder panics")
    }

    /// Takes waiting records in hand as long as there is room. Only here does what is in hand grow, and under the lock.
    fn begin_what_fits(self: &Arc<Self>) {
        let mut queue = self.queue();
        while let Some(job) = queue.pop(|kind| self.hand.has_room(kind)) {
            self.runtime.spawn(self.begin(job));
        }
    }

    /// Counts the record as in hand from now on; the future brings it to its end, or sets it aside.
    fn begin(self: &Arc<Self>, job: Job) -> impl Future<Output = ()> + Send + use<H> {
        let this = Arc::clone(self);
        let load = Load::new(&self.hand, job.kind(), self.bytes_of(&job.record));
        let span = span_of(&job.record);
        let cancel = job.cancel.clone();
        async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                () = this.bring_to_its_end(job, load) => {}
            }
            this.begin_what_fits();
        }
        .instrument(span)
    }

    fn bytes_of(&self, record: &Record) -> u64 {
        let counted = std::panic::catch_unwind(AssertUnwindSafe(|| self.handler.bytes_of(record)));
        counted.unwrap_or(record.value.len() as u64)
    }

    /// Returns when the record has ended, waits in the queue again, or is left for the next member.
    async fn bring_to_its_end(self: &Arc<Self>, mut job: Job, mut load: Load) {
        loop {
            let cause = match self.try_once(&mut job).await {
                Ok(outcome) => return self.settle(&job, outcome),
                Err(cause) => cause,
            };
            job.failures += 1;
            self.tell_of_a_failure(&job, &cause);
            load.put_down();
            if self.set_aside(&mut job, &cause) {
                drop(load);
                self.begin_what_fits();
                if self.wait_for_next_try(&job).await {
                    self.queue().push(job);
                }
                return;
            }
            self.begin_what_fits();
            if !self.wait_for_next_try(&job).await {
                return;
            }
            load.take_up();
        }
    }

    /// Comes before the load is given back: nothing in hand means that everything may be committed.
    fn settle(&self, job: &Job, outcome: Outcome) {
        if self.assignment.settle(job.record.place(), job.generation, job.record.offset) {
            metrics::record_ended(job.topic(), outcome);
        }
    }

    /// Handles the record and, where it can never be handled, posts its dead letter: it has not ended before that is safe.
    async fn try_once(&self, job: &mut Job) -> anyhow::Result<Outcome> {
        if job.rejection.is_none() {
            job.record.attempts += 1;
            match self.handle(job).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(Fault::Retry(cause)) => return Err(cause),
                Err(Fault::Reject(rejection)) => job.rejection = Some(rejection),
            }
            job.failures = 0;
        }
        let rejection = job.rejection.as_ref().expect("what is not handled is rejected");
        publish::post(&self.publisher, &job.record, rejection).await?;
        tracing::warn!(reason = rejection.reason.name(), "rejected: {}", rejection.detail);
        Ok(Outcome::Rejected)
    }

    async fn handle(&self, job: &mut Job) -> Result<(), Fault> {
        let started = Instant::now();
        let time_max = Duration::from_secs(self.limits.handle_secs_max.max(1));
        let guarded = AssertUnwindSafe(self.handler.handle(&job.record)).catch_unwind();
        let answer = tokio::time::timeout(time_max, guarded).await;
        metrics::handled_in(job.topic(), started.elapsed());
        match answer {
            Ok(Ok(answer)) => answer,
            Err(_) => Err(Fault::Retry(anyhow!("handle the record within {} s", time_max.as_secs()))),
            Ok(Err(_panic)) => Err(self.panicked(job)),
        }
    }

    /// A panic is a bug of ours, and must not stop everybody else's images: after a few tries the record is rejected.
    fn panicked(&self, job: &mut Job) -> Fault {
        job.panics += 1;
        metrics::handler_panicked(job.topic());
        let panics = job.panics;
        if panics < self.limits.panics_max {
            return Fault::Retry(anyhow!("the handler panicked"));
        }
        tracing::error!("the handler panicked {panics} times on this record; it is rejected");
        Fault::reject(Reason::MessageMalformed, format!("the handler panicked {panics} times on this record"))
    }

    fn tell_of_a_failure(&self, job: &Job, cause: &anyhow::Error) {
        metrics::record_retried(job.topic());
        // The first, and then ever more seldom: a world that is away for an hour is one story.
        if job.failures.is_power_of_two() {
            tracing::warn!(attempt = job.failures, "try again: {cause:#}");
        }
    }

    /// Sets aside what has failed too often to keep its place in hand, and says whether it is aside now. Where there is no
    /// room it keeps its place, and in the end nothing more is read: what waits is bounded.
    fn set_aside(&self, job: &mut Job, cause: &anyhow::Error) -> bool {
        if job.ticket.is_some() || job.failures < TRIES_IN_HAND_MAX {
            return job.ticket.is_some();
        }
        job.ticket = self.aside.take(job.record.value.len());
        if job.ticket.as_ref().is_some_and(Ticket::is_first) {
            // Later ones are the same story; the metric says how many.
            tracing::error!("set a record aside after {} tries: {cause:#}", job.failures);
        }
        job.ticket.is_some()
    }

    /// Waits before the next try. Returns false when there is to be none.
    async fn wait_for_next_try(&self, job: &Job) -> bool {
        let max = if job.ticket.is_some() { RETRY_ASIDE_MAX } else { RETRY_MAX };
        tokio::select! {
            biased;
            () = self.draining.cancelled() => false,
            () = tokio::time::sleep(Backoff::new(RETRY_MIN, max).wait(job.failures)) => true,
        }
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
