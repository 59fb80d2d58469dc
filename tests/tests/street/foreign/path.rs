//! The whole path on none of our own servers: the three stations as processes, everything else as others wrote it.

use std::time::Duration;

use street::api::Api;
use street::stations::Stations;
use street::stream::Ear;
use street::tools::photo;
use street::wait::eventually;

use super::servers::World;

const SHOWN_MAX: Duration = Duration::from_secs(30);
const GOOD: [&str; 6] =
    ["autumn.webp", "bowl.png", "brushes.gif", "dandelion.jpg", "friends.jpg", "mountains.jpg"];

/// What became of the samples: the ids of the good ones and of the truncated one.
pub(super) struct Ended {
    pub(super) processed: Vec<String>,
    pub(super) truncated: String,
}

/// Uploads every sample and waits for each one's end, which must be the right one.
pub(super) async fn push_samples(api: &Api) -> Ended {
    let mut processed = Vec::new();
    for name in GOOD {
        processed.push(api.upload(&photo(name)).await);
    }
    let truncated = api.upload(&photo("truncated.jpg")).await;
    for id in &processed {
        api.processed(id).await;
    }
    api.failed(&truncated, "truncated").await;
    Ended { processed, truncated }
}

#[tokio::test]
async fn the_whole_path_runs_on_none_of_our_own_servers() {
    let world = World::start().await;
    world.provision().await;
    world.provision().await;
    let mut stations = Stations::start(&world.env(), world.folder()).await;
    let api = stations.api(&world.token("acme").await);
    let ear = Ear::open(&api).await;
    let ended = push_samples(&api).await;
    is_listed(&api, &ended).await;
    for id in &ended.processed {
        is_shown(&ear, id, "processed").await;
    }
    is_shown(&ear, &ended.truncated, "failed").await;
    let other = stations.api(&world.token("other").await);
    assert!(other.list().await.is_empty(), "another customer sees nothing");
    assert_eq!(other.get(&format!("/v1/images/{}", ended.truncated)).await.status(), 404);
    stations.ingest.stop().await;
    stations.processor.stop().await;
    stations.sink.stop().await;
    stations.sink.again().await;
    is_listed(&api, &ended).await;
}

#[tokio::test]
async fn an_idempotency_key_gives_one_image_on_servers_that_are_not_ours() {
    let world = World::start().await;
    world.provision().await;
    let stations = Stations::start(&world.env(), world.folder()).await;
    let api = stations.api(&world.token("acme").await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = api.post(&photo("friends.jpg"), Some("once")).await.unwrap();
        assert_eq!(answer.status(), 202);
        let body: serde_json::Value = answer.json().await.unwrap();
        ids.push(body["id"].as_str().unwrap().to_owned());
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let answer = api.post(&photo("mountains.jpg"), Some("once")).await.unwrap();
    assert_eq!(answer.status(), 422, "another body under the same key");
    api.processed(&ids[0]).await;
    assert_eq!(api.list().await, ids[..1]);
}

/// The list is newest first, and the samples were uploaded one after the other.
async fn is_listed(api: &Api, ended: &Ended) {
    let mut expected: Vec<_> = ended.processed.iter().chain([&ended.truncated]).cloned().collect();
    expected.reverse();
    assert_eq!(api.list().await, expected);
}

async fn is_shown(ear: &Ear, id: &str, status: &str) {
    let shown = (id.to_owned(), status.to_owned());
    eventually(&format!("{status} of {id} on the stream"), SHOWN_MAX, async || {
        ear.heard().contains(&shown).then_some(())
    })
    .await;
    let times = ear.heard().iter().filter(|heard| **heard == shown).count();
    assert_eq!(times, 1, "{status} of {id} is shown once");
}
