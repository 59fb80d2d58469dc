//! Ingest's life: build, check, announce, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use chassis::{Frame, Health, Misconfigured, Probe, Shutdown, wait_until_reachable};
use conveyor::Publisher;
use depot::Depot;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use gate::Verifier;
use proto::{Codec, RecipeBook};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::config::Config;
use crate::http::{self, Desk, Router};
use crate::intake::Intake;
use crate::metrics;
use crate::strays;
use crate::worlds::Worlds;

const REGISTRY_TIME_MAX: Duration = Duration::from_secs(5);

/// A station ready to serve.
pub struct Opened {
    /// Its routes, to be served by [`gate::serve`], alone or merged with another station's.
    pub router: Router,
    /// What runs beside them; ends after the shutdown has drained.
    pub work: BoxFuture<'static, anyhow::Result<()>>,
    /// Whom it believes; its keys are fetched at the first token unless checked before.
    pub verifier: Verifier,
}

/// Runs ingest as a process of its own until it is told to stop.
pub async fn run(config: Config, frame: Frame) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.gate.http_addr).await.map_err(|cause| {
        Misconfigured(format!("bind SAFELIGHT_HTTP_ADDR {}: {cause}", config.gate.http_addr))
    })?;
    let Frame { health, shutdown, .. } = frame;
    let opened = open(&config, &health, &shutdown).await?;
    let issuer = health.component("issuer");
    let keys = async || opened.verifier.check().await.map_err(|error| Probe::Unreachable(error.into()));
    if !wait_until_reachable(&issuer, &shutdown, keys).await? {
        return Ok(());
    }
    tracing::info!(http.addr = %listener.local_addr()?, "take uploads");
    let serving = gate::serve(listener, opened.router, &config.gate, shutdown);
    let (served, worked) = tokio::join!(serving, opened.work);
    served.and(worked)
}

/// Builds the station and waits until what it needs is there.
pub async fn open(config: &Config, health: &Health, shutdown: &Shutdown) -> anyhow::Result<Opened> {
    config.check()?;
    metrics::describe();
    let recipes = RecipeBook::load(config.ingest.recipes_dir.as_deref())
        .map_err(|error| Misconfigured(error.to_string()))?;
    let depot = Depot::open(&config.depot).await;
    let codec = Codec::new(&config.ingest.schema_registry_url, REGISTRY_TIME_MAX)
        .map_err(|error| Misconfigured(format!("{:#}", anyhow::Error::new(error))))?;
    let codec = Arc::new(codec);
    let publisher = Publisher::open(&config.kafka, Arc::clone(&codec))
        .map_err(|error| Misconfigured(format!("{:#}", anyhow::Error::new(error))))?;
    let verifier = Verifier::new(&config.gate).context("build the verifier of tokens")?;
    let worlds = Worlds::new(depot, publisher.clone(), health);
    worlds.reach(&health.component("schema-registry"), shutdown).await?;

    let intake = Intake::new(&config.ingest, recipes, worlds.clone());
    let uploads = TaskTracker::new();
    let desk = Desk {
        verifier: verifier.clone(),
        admission: Arc::new(Admission::new(&config.ingest, publisher.clone(), worlds.clone())),
        intake: Arc::new(intake),
        uploads: uploads.clone(),
        body: config.gate.body_limits(),
        file_bytes_max: config.ingest.file_bytes_max,
    };
    let drain = Drain { shutdown: shutdown.clone(), uploads, publisher, time_max: config.chassis.drain() };
    let (interval, told) = (config.ingest.probe_interval(), shutdown.clone());
    let strays = strays::clear(worlds.clients().0, config.ingest.upload_time_max(), shutdown.clone());
    let work = async move {
        tokio::join!(worlds.probe(interval, told), strays, drain.run());
        Ok(())
    };
    Ok(Opened { router: http::router(desk), work: work.boxed(), verifier })
}

/// The end: uploads in hand are finished and what is in the producer's queue is sent.
struct Drain {
    shutdown: Shutdown,
    uploads: TaskTracker,
    publisher: Publisher,
    time_max: Duration,
}

impl Drain {
    async fn run(self) {
        self.shutdown.triggered().await;
        self.uploads.close();
        if tokio::time::timeout(self.time_max, self.uploads.wait()).await.is_err() {
            tracing::warn!(uploads = self.uploads.len(), "give up the uploads that outlast the drain");
        }
        self.publisher.flush(self.time_max).await;
    }
}
