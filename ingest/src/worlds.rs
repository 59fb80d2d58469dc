//! Whether Kafka and S3 are there right now. Owns the probe in the background and the word that readiness and admission go
//! by. Trouble with one upload makes the probe look at once; trouble with two, and none served between them, closes the door
//! before it has looked. Only the probe opens it again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Component, Health, Misconfigured, Probe, Shutdown, wait_until_reachable};
use conveyor::Publisher;
use depot::Depot;
use proto::EncodeError;
use tokio::sync::Notify;

const KAFKA_PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// What an upload needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    Kafka,
    S3,
}

/// The state of both, shared by all uploads.
#[derive(Clone)]
pub(crate) struct Worlds(Arc<Inner>);

struct Inner {
    depot: Depot,
    publisher: Publisher,
    kafka: State,
    s3: State,
    doubt: Notify,
}

struct State {
    component: Component,
    is_up: AtomicBool,
    /// The upload that failed on it since it last served one: what only ever happens to this one is no outage.
    doubter: Mutex<Option<String>>,
}

impl State {
    fn new(component: Component) -> State {
        State { component, is_up: AtomicBool::new(true), doubter: Mutex::default() }
    }

    fn set_doubter(&self, doubter: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.doubter.lock().unwrap_or_else(PoisonError::into_inner), doubter)
    }

    fn doubt(&self, upload: &str) {
        let before = self.set_doubter(Some(upload.to_owned()));
        if before.is_some_and(|before| before != upload) {
            self.set(Err("uploads failed on it".to_owned()));
        }
    }

    fn set(&self, result: Result<(), String>) {
        self.set_doubter(None);
        self.is_up.store(result.is_ok(), Ordering::Release);
        match result {
            Ok(()) => self.component.up(),
            Err(why) => self.component.down(&why),
        }
    }
}

impl Worlds {
    pub(crate) fn new(depot: Depot, publisher: Publisher, health: &Health) -> Worlds {
        let (kafka, s3) = (State::new(health.component("kafka")), State::new(health.component("s3")));
        Worlds(Arc::new(Inner { depot, publisher, kafka, s3, doubt: Notify::new() }))
    }

    /// Waits until S3, Kafka and the schema registry are there; fails if one of them refuses us.
    pub(crate) async fn reach(&self, registry: &Component, shutdown: &Shutdown) -> Result<(), Misconfigured> {
        let Inner { depot, publisher, kafka, s3, .. } = &*self.0;
        wait_until_reachable(&s3.component, shutdown, async || {
            depot.check().await.map_err(|error| match error {
                depot::CheckError::Refused { .. } => Probe::Refused(error.into()),
                depot::CheckError::Unavailable(_) => Probe::Unreachable(error.into()),
            })
        })
        .await?;
        wait_until_reachable(&kafka.component, shutdown, async || {
            publisher.check(KAFKA_PROBE_TIME_MAX).await.map_err(|error| match error {
                conveyor::CheckError::Refused(_) => Probe::Refused(error.into()),
                conveyor::CheckError::Unavailable { .. } => Probe::Unreachable(error.into()),
            })
        })
        .await?;
        wait_until_reachable(registry, shutdown, async || {
            publisher.codec().check().await.map_err(|error| match error {
                EncodeError::Refused { .. } => Probe::Refused(error.into()),
                EncodeError::Unavailable { .. } => Probe::Unreachable(error.into()),
            })
        })
        .await?;
        Ok(())
    }

    /// Returns the clients of both.
    pub(crate) fn clients(&self) -> (Depot, Publisher) {
        (self.0.depot.clone(), self.0.publisher.clone())
    }

    /// Says whether both are there, as far as is known.
    pub(crate) fn are_up(&self) -> bool {
        [World::Kafka, World::S3].iter().all(|&world| self.state(world).is_up.load(Ordering::Acquire))
    }

    /// Tells that `upload`, whose retries go by the same name, found one of them away. The probe looks at once; where another
    /// upload did before, the door closes until it has.
    pub(crate) fn doubt(&self, world: World, upload: &str) {
        self.state(world).doubt(upload);
        self.0.doubt.notify_one();
    }

    /// Tells that one of them served an upload.
    pub(crate) fn trust(&self, world: World) {
        self.state(world).set_doubter(None);
    }

    /// Looks at both every `interval`, and whenever one is in doubt, until `shutdown`.
    pub(crate) async fn probe(&self, interval: Duration, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.triggered() => return,
                () = self.0.doubt.notified() => {}
                () = tokio::time::sleep(interval) => {}
            }
            let (kafka, s3) =
                tokio::join!(self.0.publisher.check(KAFKA_PROBE_TIME_MAX), self.0.depot.check());
            self.0.kafka.set(kafka.map_err(|error| format!("{:#}", anyhow::Error::new(error))));
            self.0.s3.set(s3.map_err(|error| format!("{:#}", anyhow::Error::new(error))));
        }
    }

    fn state(&self, world: World) -> &State {
        match world {
            World::Kafka => &self.0.kafka,
            World::S3 => &self.0.s3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uploads_trouble_is_no_outage_however_often_it_comes_and_twos_is() {
        let state = State::new(Health::new().component("s3"));
        let is_up = || state.is_up.load(Ordering::Acquire);
        for _ in 0..10 {
            state.doubt("a");
        }
        assert!(is_up());
        state.doubt("b");
        assert!(!is_up());
        state.set(Ok(()));
        state.doubt("b");
        assert!(is_up(), "what was before the probe does not count");
        state.set_doubter(None);
        state.doubt("a");
        assert!(is_up(), "an upload was served between the two");
    }
}
