//! The sink's life: build, check, announce, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Component, Frame, Health, Misconfigured, Probe, Shutdown, wait_until_reachable};
use conveyor::{Belt, Publisher};
use depot::Depot;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use gate::{Seal, Verifier};
use proto::{Codec, EncodeError, Topic};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::apply::{Apply, GROUP};
use crate::beside;
use crate::config::Config;
use crate::facts::{Closing, Facts, FactsReader};
use crate::http::{self, Router, Views, ViewsParts};
use crate::metrics;
use crate::retention::{Sweep, SweepParts};
use crate::stream::{Archive, Hub, Live, LiveParts, Recent, Seats, Watch, catch_up_permits};
use crate::table::{self, Table};

const REGISTRY_TIME_MAX: Duration = Duration::from_secs(5);

/// A station ready to serve.
pub struct Opened {
    /// Its routes, to be served by [`gate::serve`], alone or merged with another station's.
    pub router: Router,
    /// What runs beside them; ends after the shutdown has drained.
    pub work: BoxFuture<'static, anyhow::Result<()>>,
    /// Whom it believes; its keys are fetched at the first token unless checked before.
    pub verifier: Verifier,
    /// The sweep, for a pass out of turn; `work` runs it on its timer.
    pub sweep: Sweep,
}

/// Runs the sink as a process of its own until it is told to stop.
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
    tracing::info!(http.addr = %listener.local_addr()?, "show images");
    let serving = gate::serve(listener, opened.router, &config.gate, shutdown.clone());
    let working = async {
        let worked = opened.work.await;
        // Without its group the views stand still: end, and be started again.
        shutdown.trigger();
        worked
    };
    let (served, worked) = tokio::join!(serving, working);
    served.and(worked)
}

/// Builds the station and waits until what it needs is there.
pub async fn open(config: &Config, health: &Health, shutdown: &Shutdown) -> anyhow::Result<Opened> {
    metrics::describe();
    let clients = Clients::build(config).await?;
    clients.reach(health, shutdown).await?;
    let (hub, applied) = (Arc::new(Hub::default()), Arc::new(Notify::new()));
    let archive = Archive {
        kafka: config.kafka.clone(),
        codec: Arc::clone(&clients.codec),
        table: clients.table.clone(),
    };
    let live = Live::from(LiveParts {
        hub: Arc::clone(&hub),
        archive: archive.clone(),
        seal: clients.seal.clone(),
        seats: Arc::new(Seats::default()),
        args: config.sink.clone(),
        catch_ups: catch_up_permits(),
        stop: shutdown.token(),
    });
    let recent = Arc::new(Recent::default());
    let watch = Watch {
        archive,
        hub,
        recent: Arc::clone(&recent),
        applied: Arc::clone(&applied),
        component: health.component("live-stream"),
        stall_max: config.belt.stall_max(),
    };
    let (sweep, reader) = (clients.sweep(config), clients.reader(config));
    let stop = shutdown.token().child_token();
    let belt = belt(config, &clients, applied);
    let applying = applying(belt, health.component("kafka"), stop.clone());
    let (sweeping, shutdown) = (sweep.clone(), shutdown.clone());
    let verifier = clients.verifier.clone();
    let router = http::router(Views::from(clients.views(live, recent, config)));
    let work = async move {
        let mut parts = beside::Parts::new();
        parts.spawn(named("the live stream's reader", watch.run(shutdown.clone())));
        parts.spawn(named("the statistics", reader.run(shutdown.clone())));
        parts.spawn(named("the sweep", sweeping.run(shutdown.clone())));
        beside::run(applying, parts, stop, shutdown).await
    };
    Ok(Opened { router, work: work.boxed(), verifier, sweep })
}

async fn named(name: &'static str, part: impl Future<Output = ()>) -> &'static str {
    part.await;
    name
}

/// Returns the group that writes rows.
fn belt(config: &Config, clients: &Clients, applied: Arc<Notify>) -> Belt<Apply> {
    let apply = Apply { codec: Arc::clone(&clients.codec), table: clients.table.clone(), applied };
    Belt {
        group: GROUP.to_owned(),
        topics: Topic::ALL.to_vec(),
        kafka: config.kafka.clone(),
        limits: config.belt.clone(),
        publisher: clients.publisher.clone(),
        handler: Arc::new(apply),
    }
}

/// Starts the group.
fn applying(
    belt: Belt<Apply>,
    component: Component,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + Send {
    let ready = move |is_ready: bool, why: &str| if is_ready { component.up() } else { component.down(why) };
    let carrying = conveyor::run(belt, ready, stop);
    async move {
        carrying.await.map_err(|error| {
            if conveyor::CheckError::is_refusal(&error) {
                Misconfigured(format!("{error:#}")).into()
            } else {
                error
            }
        })
    }
}

/// The clients of everything outside.
struct Clients {
    codec: Arc<Codec>,
    depot: Depot,
    table: Table,
    publisher: Publisher,
    facts: Facts,
    seal: Seal,
    verifier: Verifier,
}

impl Clients {
    async fn build(config: &Config) -> anyhow::Result<Clients> {
        let codec = Codec::new(&config.sink.schema_registry_url, REGISTRY_TIME_MAX).map_err(misconfigured)?;
        let codec = Arc::new(codec);
        let folder = &config.sink.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("make the data folder `{}`", folder.display()))?;
        Ok(Clients {
            depot: Depot::open(&config.depot).await,
            table: Table::open(&config.table).await,
            publisher: Publisher::open(&config.kafka, Arc::clone(&codec)).map_err(misconfigured)?,
            facts: Facts::open(folder)
                .with_context(|| format!("open statistics in `{}`", folder.display()))?,
            seal: Seal::new(&config.seal.cursor_key).map_err(misconfigured)?,
            verifier: Verifier::new(&config.gate).context("build the verifier of tokens")?,
            codec,
        })
    }

    /// Waits until S3, the table and the schema registry answer. Kafka is waited for by whoever reads it.
    async fn reach(&self, health: &Health, shutdown: &Shutdown) -> Result<(), Misconfigured> {
        let s3 = async || {
            self.depot.check().await.map_err(|error| match error {
                depot::CheckError::Refused { .. } => Probe::Refused(error.into()),
                depot::CheckError::Unavailable(_) => Probe::Unreachable(error.into()),
            })
        };
        let rows = async || {
            self.table.check().await.map_err(|error| match error {
                table::CheckError::Refused { .. } => Probe::Refused(error.into()),
                table::CheckError::Unavailable(_) => Probe::Unreachable(error.into()),
            })
        };
        let schemas = async || {
            self.codec.check().await.map_err(|error| match error {
                EncodeError::Refused { .. } => Probe::Refused(error.into()),
                EncodeError::Unavailable { .. } => Probe::Unreachable(error.into()),
            })
        };
        wait_until_reachable(&health.component("s3"), shutdown, s3).await?;
        wait_until_reachable(&health.component("dynamodb"), shutdown, rows).await?;
        wait_until_reachable(&health.component("schema-registry"), shutdown, schemas).await?;
        Ok(())
    }

    fn sweep(&self, config: &Config) -> Sweep {
        Sweep::from(SweepParts {
            depot: self.depot.clone(),
            table: self.table.clone(),
            publisher: self.publisher.clone(),
            kafka: config.kafka.clone(),
            args: config.sink.clone(),
        })
    }

    fn reader(&self, config: &Config) -> FactsReader {
        let (facts, table) = (self.facts.clone(), self.table.clone());
        FactsReader {
            kafka: config.kafka.clone(),
            codec: Arc::clone(&self.codec),
            closing: Closing { facts, table, kept: config.sink.counts_kept },
            close_every: config.sink.counts_close(),
            stall_max: config.belt.stall_max(),
        }
    }

    fn views(self, live: Live, recent: Arc<Recent>, config: &Config) -> ViewsParts {
        let Clients { depot, table, facts, seal, verifier, .. } = self;
        ViewsParts { verifier, seal, table, depot, facts, live, recent, args: config.sink.clone() }
    }
}

fn misconfigured(error: impl std::error::Error + Send + Sync + 'static) -> Misconfigured {
    Misconfigured(format!("{:#}", anyhow::Error::new(error)))
}
