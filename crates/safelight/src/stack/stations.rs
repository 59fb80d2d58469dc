//! The three stations in one process, behind one origin: their routers merged, their work side by side.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use chassis::{Frame, Shutdown};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::stack::servers::Servers;
use crate::stack::settings::Settings;

/// Beyond the stations' own bounded drains.
pub(super) const DRAIN_MAX: Duration = Duration::from_secs(40);
const READY_MAX: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(20);

/// Which stations run in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Station 1.
    pub ingest: bool,
    /// Station 2.
    pub processor: bool,
    /// Station 3.
    pub sink: bool,
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Selection, String> {
        let all = |on| Selection { ingest: on, processor: on, sink: on };
        match text {
            "all" => return Ok(all(true)),
            "none" => return Ok(all(false)),
            _ => {}
        }
        let mut selection = all(false);
        for name in text.split(',') {
            match name.trim() {
                "ingest" => selection.ingest = true,
                "processor" => selection.processor = true,
                "sink" => selection.sink = true,
                other => {
                    return Err(format!("`{other}` is not `all`, `none`, `ingest`, `processor` or `sink`"));
                }
            }
        }
        Ok(selection)
    }
}

/// What the stations stand on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) servers: &'a Servers,
    pub(super) settings: &'a Settings,
}

/// Running stations.
pub(crate) struct Stations {
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Stations {
    /// Starts the selected stations, parts of the whole process, and serves their routes on `http`.
    pub(crate) async fn start(
        selection: Selection,
        http: TcpListener,
        ground: Ground<'_>,
        whole: &Frame,
    ) -> anyhow::Result<Stations> {
        let Ground { servers, settings } = ground;
        let mut tasks = JoinSet::new();
        let mut router = Router::new();
        let frame = |name| Frame { health: whole.health.member(name), ..whole.clone() };
        if selection.processor {
            let mut config: processor::Config = settings.configure()?;
            config.depot.endpoint = Some(servers.s3());
            config.kafka.group_instance_id = servers.group_instance_id();
            let opened =
                processor::open(&config, &frame("processor")).await.context("start the processor")?;
            tasks.spawn(named("processor", opened.work));
        }
        if selection.ingest {
            let mut config: ingest::Config = settings.configure()?;
            config.depot.endpoint = Some(servers.s3());
            let Frame { health, shutdown, .. } = frame("ingest");
            let opened = ingest::open(&config, &health, &shutdown).await.context("start ingest")?;
            router = router.merge(opened.router);
            tasks.spawn(named("ingest", opened.work));
        }
        if selection.sink {
            let mut config: sink::Config = settings.configure()?;
            config.depot.endpoint = Some(servers.s3());
            config.table.table_endpoint = Some(servers.dynamodb());
            config.kafka.group_instance_id = servers.group_instance_id();
            let Frame { health, shutdown, .. } = frame("sink");
            let opened = sink::open(&config, &health, &shutdown).await.context("start the sink")?;
            router = router.merge(opened.router);
            tasks.spawn(named("sink", opened.work));
            tokio::spawn(sweep_at_start(opened.sweep));
        }
        if selection.ingest || selection.sink {
            let gate: ingest::Config = settings.configure()?;
            let shutdown = whole.shutdown.clone();
            let serve = async move { gate::serve(http, router, &gate.gate, shutdown).await };
            tasks.spawn(named("http", Box::pin(serve)));
        }
        Ok(Stations { tasks })
    }

    /// Waits until every station takes work; fails when one ends instead, or after a minute.
    pub(crate) async fn wait_until_ready(&self, whole: &Frame) -> anyhow::Result<()> {
        let ready = async {
            while !whole.health.is_ready() && !whole.shutdown.is_triggered() {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        let waited = tokio::time::timeout(READY_MAX, ready).await;
        waited.map_err(|_| {
            anyhow::anyhow!("the stack is not ready after a minute: {:?}", whole.health.report().components)
        })
    }

    /// Waits until the shutdown; fails when a station ends before it.
    pub(crate) async fn ended(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        tokio::select! {
            () = shutdown.triggered() => Ok(()),
            Some(ended) = self.tasks.join_next() => {
                // The word to stop and a station's end may come in either order.
                if shutdown.is_triggered() {
                    return ended?;
                }
                ended??;
                anyhow::bail!("a station ended by itself")
            }
        }
    }

    /// Waits, bounded, until every station has finished what is in hand.
    pub(crate) async fn drain(&mut self) -> anyhow::Result<()> {
        let drained = async {
            let mut outcome = Ok(());
            while let Some(ended) = self.tasks.join_next().await {
                outcome = outcome.and(ended.map_err(anyhow::Error::from).flatten());
            }
            outcome
        };
        tokio::time::timeout(DRAIN_MAX, drained).await.context("finish what is in hand")?
    }
}

/// All earlier lives of the folder have ended: what has no end now was cut off, and no grace is due.
async fn sweep_at_start(sweep: sink::Sweep) {
    match sweep.once(Duration::ZERO).await {
        Ok(swept) if swept.republished > 0 => tracing::info!(swept.republished, "took up unfinished images"),
        Ok(_) => {}
        Err(cause) => tracing::warn!("look for unfinished images: {cause:#}; the timer tries again"),
    }
}

async fn named(name: &'static str, work: BoxFuture<'static, anyhow::Result<()>>) -> anyhow::Result<()> {
    work.await.with_context(|| format!("run {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_chosen_by_name() {
        let chosen: Selection = "ingest,sink".parse().unwrap();
        assert!(chosen.ingest && chosen.sink && !chosen.processor);
        assert!("ingest,kitchen".parse::<Selection>().is_err());
    }
}
