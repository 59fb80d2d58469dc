//! Stations stop and die under load: nothing that was acknowledged is lost, nothing is shown twice.

use std::collections::HashMap;
use std::time::Duration;

use street::api::Api;
use street::load::Load;
use street::stack::Stack;
use street::stations::{Station, Stations};
use street::stream::Ear;
use street::tools::photo;
use street::wait::eventually;

const LOAD_MAX: Duration = Duration::from_secs(120);

/// The servers without stations, and the three stations as processes.
struct Street {
    stack: Stack,
    stations: Stations,
    api: Api,
}

async fn street(kafka: &str) -> Street {
    let stack = Stack::up(&["--kafka", kafka, "--stations", "none"]).await;
    let stations = Stations::start(&stack.env(), stack.folder()).await;
    let api = stations.api(&stack.token("acme"));
    Street { stack, stations, api }
}

#[tokio::test]
async fn stations_stopped_under_load_lose_nothing() {
    let mut street = street("apache").await;
    let load = Load::start(&street.api, &photo("friends.jpg"), 3);
    for choose in [ingest, processor, sink] {
        more(&load, 5).await;
        let station = choose(&mut street.stations);
        station.stop().await;
        station.again().await;
    }
    nothing_is_lost(&street, load).await;
}

#[tokio::test]
async fn stations_killed_under_load_lose_nothing_and_show_nothing_twice() {
    let mut street = street("apache").await;
    let ear = Ear::open(&street.api).await;
    let load = Load::start(&street.api, &photo("friends.jpg"), 3);
    for choose in [ingest, processor, sink] {
        more(&load, 5).await;
        let station = choose(&mut street.stations);
        station.kill();
        station.again().await;
    }
    let ids = nothing_is_lost(&street, load).await;
    shown_once(&ear, &ids).await;
}

#[tokio::test]
async fn the_broker_killed_under_load_comes_back_and_nothing_is_lost() {
    let street = street("own-apache").await;
    let load = Load::start(&street.api, &photo("friends.jpg"), 2);
    more(&load, 5).await;
    let broker = street.stack.broker();
    rustix::process::kill_process(broker, rustix::process::Signal::KILL).unwrap();
    more(&load, 5).await;
    assert_ne!(street.stack.broker(), broker, "a new broker runs");
    nothing_is_lost(&street, load).await;
}

fn ingest(stations: &mut Stations) -> &mut Station {
    &mut stations.ingest
}

fn processor(stations: &mut Stations) -> &mut Station {
    &mut stations.processor
}

fn sink(stations: &mut Stations) -> &mut Station {
    &mut stations.sink
}

/// Waits until `count` more uploads are acknowledged.
async fn more(load: &Load, count: usize) {
    let before = load.acknowledged();
    eventually("uploads to be acknowledged", LOAD_MAX, async || {
        (load.acknowledged() >= before + count).then_some(())
    })
    .await;
}

/// Ends the load; every acknowledged image must be processed, readable and listed, and no other.
async fn nothing_is_lost(street: &Street, load: Load) -> Vec<String> {
    let mut ids = load.finish().await;
    for id in &ids {
        street.api.processed(id).await;
    }
    let mut listed = street.api.list().await;
    ids.sort();
    listed.sort();
    assert_eq!(listed, ids, "the list is what was acknowledged, once each");
    ids
}

/// The stream, resumed through every death, shows each image's end exactly once, and no status twice.
async fn shown_once(ear: &Ear, ids: &[String]) {
    eventually("the stream to show every end", Duration::from_secs(30), async || {
        let heard = ear.heard();
        let is_shown = |id: &String| heard.iter().any(|(image, status)| image == id && status == "processed");
        ids.iter().all(is_shown).then_some(())
    })
    .await;
    let mut counts: HashMap<(String, String), u32> = HashMap::new();
    for heard in ear.heard() {
        *counts.entry(heard).or_default() += 1;
    }
    let twice: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "shown more than once: {twice:?}");
    assert_eq!(ear.resets(), 0, "the log was there all the time");
}
