//! Owns librdkafka's in-memory broker: a real listener, a partial Kafka, forgotten at exit. It keeps 5 MiB a partition
//! and drops the oldest silently; the sweep heals what that loses.

use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use anyhow::Context;
use proto::{PARTITIONS_LOCAL, Topic};
use rdkafka::mocking::MockCluster;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A running in-memory broker. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Embedded {
    bootstrap: String,
    epoch: String,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts one with every topic of the house.
    pub(super) async fn start() -> anyhow::Result<Embedded> {
        let (end, ended) = mpsc::channel::<()>();
        let (tell, started) = oneshot::channel();
        // The cluster is bound to the thread that made it.
        let thread = std::thread::Builder::new().name("embedded-kafka".into()).spawn(move || {
            let cluster = match cluster() {
                Ok(cluster) => cluster,
                Err(error) => return drop(tell.send(Err(error))),
            };
            if tell.send(Ok(cluster.bootstrap_servers())).is_ok() {
                let _ = ended.recv();
            }
        })?;
        let bootstrap = started.await.context("start the embedded broker")??;
        // Its offsets begin at 0 with every start: this name tells one life of it from the next.
        let epoch = Uuid::now_v7().to_string();
        Ok(Embedded { bootstrap, epoch, end: Some(end), thread: Some(thread) })
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn cluster() -> anyhow::Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>> {
    let cluster = MockCluster::new(1).context("start the embedded broker")?;
    for topic in Topic::ALL {
        cluster.create_topic(topic.name(), PARTITIONS_LOCAL, 1).context("create topics")?;
    }
    Ok(cluster)
}
