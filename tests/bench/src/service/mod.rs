//! Owns the service part: our whole path, its engine alone, ipx and thumbor take turns on all cores, each saturated for
//! a window a round; ratios are taken within a round.

mod child;
mod clients;
mod ours;
mod peers;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::engine::{Engine, KINDS, Places};
use crate::figures::{median, rounded};
use crate::report::progress;
use crate::samples::Task;
use clients::{Counted, Window, saturate};
use ours::{Ours, Spent};
use peers::Peer;

/// Distinct photos on the peers' disk.
const PHOTOS: u32 = 16;
/// Clients for each core: enough that none ever waits for work.
const CLIENTS_PER_CORE: usize = 4;
const WARM: Duration = Duration::from_secs(3);

/// What the service part needs to know.
pub(crate) struct Question<'a> {
    /// The job that everybody does, `jpeg3`.
    pub task: &'a Task,
    /// Where peers are.
    pub places: &'a Places,
    /// The cache, with Apache Kafka in it.
    pub cache: &'a Path,
    /// The `safelight` program, if it is not beside this one.
    pub safelight: Option<&'a PathBuf>,
    /// How often everybody has a turn.
    pub rounds: u32,
    /// How long a turn is counted.
    pub window_secs: u64,
}

/// What one round gave: images a second, and the CPU time of our stack.
#[derive(Debug, Default)]
struct Round {
    engine: f64,
    ours: f64,
    ipx: Option<f64>,
    thumbor: Option<f64>,
    cost: Cost,
}

/// What our stack costs a window.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Cost {
    /// What is not the workers' as a part of what is.
    overhead: f64,
    /// The same with the broker.
    overhead_with_broker: f64,
    /// CPU milliseconds of an image in the workers, and beside them.
    workers_ms: f64,
    rest_ms: f64,
    broker_ms: f64,
    /// CPU milliseconds a second of everything but the broker while nobody asks for anything.
    idle_ms_per_sec: f64,
}

/// Everybody who has a turn.
struct Street {
    engines: Vec<Mutex<Engine>>,
    ours: Ours,
    ipx: Option<Peer>,
    thumbor: Option<Peer>,
}

/// Measures the service, or says why not: then the figures are `null`.
pub(crate) fn measure(question: &Question<'_>) -> Result<Map<String, Value>> {
    let Some(safelight) = ours::program(question.safelight) else {
        progress(
            "no `safelight` beside this program (make build, or SAFELIGHT_BIN): the service is left out",
        );
        return Ok(figures(&[]));
    };
    let cores = crate::machine::online();
    let folder = tempfile::tempdir().context("make a folder")?;
    let street = start(question, &safelight, cores, folder.path())?;
    let window = Window {
        clients: cores * CLIENTS_PER_CORE,
        warm: WARM,
        count: Duration::from_secs(question.window_secs),
    };
    let mut rounds = Vec::new();
    for round in 0..question.rounds {
        rounds.push(turn(&street, question.task, window)?);
        progress(&format!(
            "service, round {} of {}: {:?}",
            round + 1,
            question.rounds,
            rounds[rounds.len() - 1]
        ));
    }
    let mut figures = figures(&rounds);
    figures.insert("service_broker".to_owned(), json!(ours::broker(question.cache)));
    figures.insert("service_clients".to_owned(), json!(window.clients));
    Ok(figures)
}

fn start(question: &Question<'_>, safelight: &Path, cores: usize, folder: &Path) -> Result<Street> {
    let photo = std::fs::read(&question.task.input).context("read the photo")?;
    let mut photos = Vec::new();
    for number in 0..PHOTOS {
        let name = format!("photo-{number}.jpg");
        std::fs::write(folder.join(&name), ours::distinct(&photo, number))?;
        photos.push(name);
    }
    let places = question.places;
    let has = |part: &str| places.peers.join(part).exists();
    let own = *KINDS.first().context("the first engine is ours")?;
    let engines =
        (0..cores).map(|_| Engine::start(own, places).map(Mutex::new)).collect::<Result<Vec<_>>>()?;
    let ipx = has("node/node_modules/ipx").then(|| Peer::ipx(places, cores, folder, &photos)).transpose()?;
    let thumbor = has("thumbor/bin").then(|| Peer::thumbor(places, cores, folder, &photos)).transpose()?;
    Ok(Street { engines, ours: Ours::start(safelight, question.cache, &photo)?, ipx, thumbor })
}

fn turn(street: &Street, task: &Task, window: Window) -> Result<Round> {
    let job = task.job(crate::samples::QUALITY);
    let one_each = Window { clients: street.engines.len(), ..window };
    let alone = |client: usize| {
        let mut engine = street.engines[client].lock().expect("nobody panics with the lock");
        engine.ask(&job)?.context("our engine can do its own task").map(drop)
    };
    let (engine, idle_before, idle_after) =
        saturate(one_each, alone, || street.ours.spent()).context("the engine alone")?;
    let (ours, before, after) =
        saturate(window, |_| street.ours.image(), || street.ours.spent()).context("our service")?;
    let of = |peer: &Option<Peer>| -> Result<Option<f64>> {
        let Some(peer) = peer else { return Ok(None) };
        let (counted, ..): (Counted, (), ()) = saturate(window, |client| peer.image(client), || ())?;
        Ok(Some(counted.rate()))
    };
    let idle_ms = (idle_after.rest - idle_before.rest) * 1e3;
    Ok(Round {
        engine: engine.rate(),
        ours: ours.rate(),
        ipx: of(&street.ipx).context("ipx")?,
        thumbor: of(&street.thumbor).context("thumbor")?,
        cost: Cost { idle_ms_per_sec: idle_ms / engine.secs, ..cost(before, after, ours.images) },
    })
}

fn cost(before: Spent, after: Spent, images: u64) -> Cost {
    let workers = after.workers - before.workers;
    let rest = after.rest - before.rest;
    let broker = after.broker - before.broker;
    let each = |secs: f64| secs * 1e3 / images as f64;
    Cost {
        overhead: rest / workers,
        overhead_with_broker: (rest + broker) / workers,
        workers_ms: each(workers),
        rest_ms: each(rest),
        broker_ms: each(broker),
        idle_ms_per_sec: 0.0,
    }
}

fn figures(rounds: &[Round]) -> Map<String, Value> {
    let mut figures = Map::new();
    let mut insert = |key: &str, of: &dyn Fn(&Round) -> Option<f64>| {
        let values: Option<Vec<f64>> = rounds.iter().map(of).collect();
        figures.insert(key.to_owned(), rounded(values.and_then(median)));
    };
    insert("pipeline_overhead", &|round| Some(round.cost.overhead));
    insert("pipeline_overhead_with_broker", &|round| Some(round.cost.overhead_with_broker));
    insert("service_workers_cpu_ms", &|round| Some(round.cost.workers_ms));
    insert("service_rest_cpu_ms", &|round| Some(round.cost.rest_ms));
    insert("service_broker_cpu_ms", &|round| Some(round.cost.broker_ms));
    insert("service_idle_cpu_ms_per_sec", &|round| Some(round.cost.idle_ms_per_sec));
    insert("saturation_vs_engine", &|round| Some(round.ours / round.engine));
    insert("service_vs_ipx", &|round| Some(round.ours / round.ipx?));
    insert("service_vs_thumbor", &|round| Some(round.ours / round.thumbor?));
    insert("engine_images_per_sec", &|round| Some(round.engine));
    insert("service_images_per_sec", &|round| Some(round.ours));
    insert("ipx_images_per_sec", &|round| round.ipx);
    insert("thumbor_images_per_sec", &|round| round.thumbor);
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_pixels_is_set_against_what_is() {
        let before = Spent { workers: 10.0, broker: 5.0, rest: 1.0 };
        let after = Spent { workers: 20.0, broker: 6.0, rest: 1.5 };
        let cost = cost(before, after, 100);
        assert_eq!((cost.overhead, cost.overhead_with_broker), (0.05, 0.15));
        assert_eq!((cost.workers_ms, cost.rest_ms, cost.broker_ms), (100.0, 5.0, 10.0));
    }

    #[test]
    fn a_peer_that_was_not_there_has_no_figure() {
        let round = Round { engine: 20.0, ours: 18.0, ipx: Some(9.0), ..Round::default() };
        let figures = figures(&[round]);
        assert_eq!(figures["service_vs_ipx"], 2.0);
        assert_eq!(figures["saturation_vs_engine"], 0.9);
        assert_eq!(figures["service_vs_thumbor"], Value::Null);
    }
}
