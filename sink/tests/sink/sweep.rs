//! The sweep: what has lost its way is told again, and what merely waits is left alone.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use proto::{ImageId, Topic, UnixMillis};

use street::wait::{eventually, until};

use crate::station::{Photo, Sink, Street};

const WEEK_MS: i64 = 7 * 86_400_000;
const GRACE: Duration = Duration::from_secs(900);
/// Enough for every image of the large test on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn the_sweep_tells_again_of_what_has_no_end_and_of_nothing_else() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (lost, stuck, done) = (
        street.photo("acme", WEEK_MS).await,
        street.photo("acme", WEEK_MS).await,
        street.photo("acme", WEEK_MS).await,
    );
    let expired = street.photo("acme", -1).await;
    street.publish(&stuck.uploaded(0)).await;
    street.publish(&street.processed(&done, 0).await).await;
    street.until_status(&sink, &done, "processed").await;
    street.until_status(&sink, &stuck, "uploaded").await;
    assert_eq!(sink.sweep.once(Duration::from_secs(3600)).await.unwrap().republished, 0, "too young");
    let swept = sink.sweep.once(Duration::ZERO).await.unwrap();
    assert_eq!((swept.looked_at, swept.waiting, swept.republished), (4, 1, 1), "the stuck one waits");
    street.kafka.passes("processor", Topic::Uploaded);
    let swept = sink.sweep.once(Duration::ZERO).await.unwrap();
    assert_eq!((swept.looked_at, swept.republished), (4, 1), "and is lost once it was passed");
    until("the lost one has a row", async || {
        let list = street.get(&sink, "/v1/images?status=uploaded", "acme").await.into_json();
        let images = list["images"].as_array().unwrap();
        images.iter().any(|image| image["id"] == lost.id().as_str())
    })
    .await;
    for photo in [&lost, &stuck] {
        street.publish(&street.processed(photo, 0).await).await;
        street.until_status(&sink, photo, "processed").await;
    }
    assert_eq!(sink.sweep.once(Duration::ZERO).await.unwrap().republished, 0, "all have an end");
    assert_eq!(street.get(&sink, &expired.path(), "acme").await.status, 404);
}

/// How often each image was told of.
async fn tellings(street: &Street) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for key in street.keys(Topic::Uploaded).await {
        *times.entry(key).or_default() += 1;
    }
    times
}

/// Makes a pass every five minutes of an hour that begins once the originals are old enough. Returns what was told.
async fn sweep_for_an_hour(sink: &Sink, from: UnixMillis) -> usize {
    let mut republished = 0;
    for minutes in (0..60).step_by(5) {
        let now = from.plus(GRACE + Duration::from_secs(minutes * 60 + 60));
        republished += sink.sweep.pass(now, GRACE).await.expect("a pass").republished;
    }
    republished
}

/// Waits until the sink has written down so many facts.
async fn until_counted(street: &Street, sink: &Sink, name: &str, count: usize) {
    let stats = async || street.get(sink, "/v1/stats", "acme").await.into_json();
    let what = format!("{count} {name}");
    eventually(&what, PATIENCE, async || (stats().await["totals"][name] == count).then_some(())).await;
}

#[tokio::test]
async fn while_processors_are_down_for_an_hour_nothing_that_waits_is_told_again() {
    const IMAGES: usize = 10_000;
    const UNTOLD: usize = 30;
    const RESULTS_LOST: usize = 70;
    let street = Street::start().await;
    let sink = street.sink(&["--sweep-originals-max=1000"]).await;
    let mut untold = Vec::new();
    for _ in 0..UNTOLD {
        untold.push(street.photo("acme", WEEK_MS).await);
    }
    let told: Vec<Photo> = (UNTOLD..IMAGES).map(|_| street.listed("acme", WEEK_MS)).collect();
    stream::iter(&told)
        .for_each_concurrent(256, async |photo| street.publish(&photo.uploaded(0)).await)
        .await;
    until_counted(&street, &sink, "uploaded", told.len()).await;

    let began = UnixMillis::now();
    assert_eq!(sweep_for_an_hour(&sink, began).await, UNTOLD, "those of which nobody told, each once");
    let times = tellings(&street).await;
    assert_eq!(times.len(), IMAGES);
    assert!(times.values().all(|times| *times == 1), "nothing twice");

    // The processors are back and pass everything, and the results of some are lost.
    street.kafka.passes("processor", Topic::Uploaded);
    let (lost, ended) = told.split_at(RESULTS_LOST);
    stream::iter(ended).for_each_concurrent(256, async |photo| street.publish(&photo.failed(0)).await).await;
    until_counted(&street, &sink, "failed", ended.len()).await;
    let back = began.plus(Duration::from_secs(7200));
    for republished in [lost.len() + untold.len(), 0] {
        let swept = sink.sweep.pass(back, GRACE).await.expect("a pass");
        assert_eq!(swept.republished, republished, "what has no end, and each once while it waits");
    }
    let times = tellings(&street).await;
    assert!(lost.iter().chain(&untold).all(|photo| times[&photo.id()] == 2));
    assert!(ended.iter().all(|photo| times[&photo.id()] == 1));
}

#[tokio::test]
async fn what_is_lost_is_told_oldest_first_and_the_next_pass_goes_on_where_one_has_stopped() {
    let street = Street::start().await;
    let sink = street.sink(&["--sweep-originals-max=10"]).await;
    let now = UnixMillis::now();
    let mut by_day = Vec::new();
    for days_ago in [0, 1, 3] {
        let mut of_day = Vec::new();
        for _ in 0..8 {
            let id = ImageId::mint_at(UnixMillis(now.0 - days_ago * 86_400_000 - 3_600_000));
            of_day.push(street.photo_of(id, "acme", WEEK_MS).await.id());
        }
        by_day.push(of_day);
    }
    for (told, republished) in [(10, 10), (20, 10), (24, 4), (24, 0)] {
        assert_eq!(sink.sweep.pass(now, GRACE).await.unwrap().republished, republished);
        let times = tellings(&street).await;
        assert_eq!((times.len(), times.values().max()), (told, Some(&1)));
        let of_day = by_day.iter().map(|ids| ids.iter().filter(|id| times.contains_key(*id)).count());
        let newest_first: Vec<usize> = of_day.collect();
        assert_eq!(newest_first, [told.saturating_sub(16), told.saturating_sub(8).min(8), told.min(8)]);
    }
}
