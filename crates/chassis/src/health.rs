//! Readiness: the process is ready when each of its components is and nobody has asked it to stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;

/// What the process knows of its own readiness. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    draining: bool,
    // None: up. Some: why it is not.
    components: BTreeMap<&'static str, Option<String>>,
    members: Vec<(&'static str, Health)>,
}

/// One thing that the process needs: Kafka, S3, the table.
#[derive(Clone, Debug)]
pub struct Component {
    health: Health,
    name: &'static str,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the process takes work.
    pub ready: bool,
    /// Whether it is on its way out.
    pub draining: bool,
    /// Each component: `up`, or why it is not.
    pub components: BTreeMap<String, String>,
}

impl Health {
    /// Makes a health without components, which is ready.
    pub fn new() -> Health {
        Health::default()
    }

    /// Adds a component, which is not up yet.
    pub fn component(&self, name: &'static str) -> Component {
        self.set(name, Some("starting".to_owned()));
        Component { health: self.clone(), name }
    }

    /// Adds the health of a part that has components of its own, for several stations in one process.
    pub fn member(&self, name: &'static str) -> Health {
        let member = Health::new();
        self.lock().members.push((name, member.clone()));
        member
    }

    /// Takes the process out of service for good.
    pub fn drain(&self) {
        self.lock().draining = true;
    }

    /// Says whether the process takes work.
    pub fn is_ready(&self) -> bool {
        self.lock().is_ready()
    }

    /// Returns what `/readyz` answers.
    pub fn report(&self) -> Report {
        let inner = self.lock();
        let word = |state: &Option<String>| state.clone().unwrap_or_else(|| "up".to_owned());
        let own = inner.components.iter().map(|(name, state)| ((*name).to_owned(), word(state)));
        let mut components: BTreeMap<String, String> = own.collect();
        for (member, health) in &inner.members {
            let theirs = health.report().components.into_iter();
            components.extend(theirs.map(|(name, word)| (format!("{member}.{name}"), word)));
        }
        Report { ready: inner.is_ready(), draining: inner.draining, components }
    }

    fn set(&self, name: &'static str, state: Option<String>) -> Option<Option<String>> {
        self.lock().components.insert(name, state)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn is_ready(&self) -> bool {
        let own = !self.draining && self.components.values().all(Option::is_none);
        own && self.members.iter().all(|(_, member)| member.is_ready())
    }
}

impl Component {
    /// Says that the component works.
    pub fn up(&self) {
        if self.health.set(self.name, None).flatten().is_some() {
            tracing::info!(component = self.name, "up");
        }
    }

    /// Says that the component does not work, and why. Logged when it was up before.
    pub fn down(&self, why: &str) {
        if self.health.set(self.name, Some(why.to_owned())) == Some(None) {
            tracing::warn!(component = self.name, why, "down");
        }
    }

    /// Returns the component's name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_every_component_up_and_no_drain() {
        let health = Health::new();
        let (kafka, s3) = (health.component("kafka"), health.component("s3"));
        kafka.up();
        assert!(!health.is_ready());
        s3.up();
        assert!(health.is_ready());
        kafka.down("connection refused");
        assert_eq!(health.report().components["kafka"], "connection refused");
        assert!(!health.is_ready());
        kafka.up();
        let member = health.member("sink").component("table");
        assert!(!health.is_ready());
        member.up();
        assert_eq!(health.report().components["sink.table"], "up");
        assert!(health.is_ready());
        health.drain();
        assert!(!health.is_ready());
    }
}
