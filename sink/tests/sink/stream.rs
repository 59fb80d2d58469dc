//! The live stream: everything once, in full, on whichever instance the client is.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use proto::ImageFailed;

use street::events::{Event, Events};
use street::reply::Reply;
use street::servers::Role;
use street::wait::{PATIENCE, eventually, until};

use crate::station::{Photo, Street};

const WEEK_MS: i64 = 7 * 86_400_000;

fn seen(event: &Event) -> (String, String) {
    let text = |name: &str| event.data[name].as_str().expect("an image").to_owned();
    (text("id"), text("status"))
}

async fn take(events: &mut Events, count: usize) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let event = events.next().await.expect("the stream goes on");
        assert_eq!(event.name, "image");
        taken.push(seen(&event));
    }
    taken
}

#[tokio::test]
async fn what_happens_is_shown_once_to_its_customer_as_a_read_shows_it() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let mut acme = street.stream(&sink, "acme", None).await;
    let mut globex = street.stream(&sink, "globex", None).await;
    acme.until_open().await;
    globex.until_open().await;
    let photo = street.photo("acme", WEEK_MS).await;
    street.publish(&photo.uploaded(0)).await;
    let first = acme.next().await.expect("an event");
    assert_eq!(seen(&first), (photo.id(), "uploaded".to_owned()));
    let processed = street.processed(&photo, 0).await;
    street.publish(&processed).await;
    let second = acme.next().await.expect("an event");
    assert_eq!(second.data, street.get(&sink, &photo.path(), "acme").await.into_json());
    assert_eq!(seen(&second).1, "processed");

    // A repeat, a late failure and an old upload change nothing and show nothing: the next event is about another image.
    street.publish(&processed).await;
    street.publish(&photo.failed(1)).await;
    street.publish(&photo.uploaded(0)).await;
    let other = street.photo("acme", WEEK_MS).await;
    street.publish(&other.failed(0)).await;
    let third = acme.next().await.expect("an event");
    assert_eq!(seen(&third), (other.id(), "failed".to_owned()));
    let theirs = street.photo("globex", WEEK_MS).await;
    street.publish(&theirs.uploaded(0)).await;
    assert_eq!(
        seen(&globex.next().await.expect("an event")).0,
        theirs.id(),
        "globex has seen nothing of acme's"
    );
}

#[tokio::test]
async fn a_client_that_wanders_between_instances_misses_nothing_and_sees_nothing_twice() {
    let street = Street::start().await;
    let first = street.sink(&[]).await;
    let mut events = street.stream(&first, "acme", None).await;
    events.until_open().await;
    let photos = join_all((0..60).map(|_| street.photo("acme", WEEK_MS))).await;
    let publish = async |range: std::ops::Range<usize>| {
        for photo in &photos[range] {
            street.publish(&photo.failed(0)).await;
        }
    };
    publish(0..20).await;
    let mut all = take(&mut events, 10).await;
    let left_at = events.last_id.clone();
    drop(events);
    publish(20..30).await;
    street.until_status(&first, &photos[29], "failed").await;
    // The second instance starts only now: what was missed is not in its memory, it must read Kafka.
    let second = street.sink(&[]).await;
    let mut events = street.stream(&second, "acme", Some(&left_at)).await;
    publish(30..40).await;
    all.extend(take(&mut events, 25).await);
    let left_at = events.last_id.clone();
    drop(events);
    publish(40..60).await;
    // And back: the first one remembers.
    let mut events = street.stream(&first, "acme", Some(&left_at)).await;
    all.extend(take(&mut events, 25).await);
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (60, 60));
    // Nothing is left over: the next thing seen is the next thing that happens.
    let last = street.photo("acme", WEEK_MS).await;
    street.publish(&last.failed(0)).await;
    assert_eq!(take(&mut events, 1).await[0].0, last.id());
}

#[tokio::test]
async fn a_place_from_which_nobody_can_go_on_is_a_reset_and_then_the_stream_goes_on() {
    let street = Street::start().await;
    let sink = street.sink(&["--catch-up-records-max=3"]).await;
    let mut events = street.stream(&sink, "acme", None).await;
    events.until_open().await;
    let too_far_back = events.last_id.clone();
    for _ in 0..5 {
        let photo = street.photo("acme", WEEK_MS).await;
        street.publish(&photo.failed(0)).await;
        street.until_status(&sink, &photo, "failed").await;
    }
    let late = street.sink(&["--catch-up-records-max=3"]).await;
    for (sink, id) in [(&sink, "nonsense"), (&late, &*too_far_back)] {
        let mut events = street.stream(sink, "acme", Some(id)).await;
        assert_eq!(events.next().await.expect("an event").name, "reset");
        let photo = street.photo("acme", WEEK_MS).await;
        street.publish(&photo.failed(0)).await;
        while take(&mut events, 1).await[0].0 != photo.id() {}
        // The reset had a place of its own: whoever goes on from there is not reset again.
        let mut events = street.stream(sink, "acme", Some(&events.last_id)).await;
        let photo = street.photo("acme", WEEK_MS).await;
        street.publish(&photo.failed(0)).await;
        assert_eq!(take(&mut events, 1).await[0].0, photo.id());
    }
    let another_life = street.sink(&["--kafka-epoch=second-start"]).await;
    let mut events = street.stream(&another_life, "acme", Some(&too_far_back)).await;
    assert_eq!(events.next().await.expect("an event").name, "reset");
}

#[tokio::test]
async fn what_happened_while_rows_were_not_written_is_shown_once_they_are_and_needs_no_reload() {
    let street = Street::start().await;
    let first = street.sink(&[]).await;
    let mut watching = street.stream(&first, "acme", None).await;
    watching.until_open().await;
    let left_at = watching.last_id.clone();
    street.dynamodb.shut_to_writes(true);
    let photos = join_all((0..6).map(|_| street.photo("acme", WEEK_MS))).await;
    for photo in &photos {
        street.publish(&photo.failed(0)).await;
    }
    // The second instance begins behind them, so a client that comes back to it catches up on what has no rows yet.
    let second = street.sink(&[]).await;
    let mut returning = street.stream(&second, "acme", Some(&left_at)).await;
    // One that nobody can write a row for, among those that only wait.
    street.publish(&too_large(&street.photo("acme", WEEK_MS).await)).await;
    street.dynamodb.shut_to_writes(false);
    let all: HashSet<_> = photos.iter().map(|photo| (photo.id(), "failed".to_owned())).collect();
    for events in [&mut watching, &mut returning] {
        let seen: HashSet<_> = take(events, photos.len()).await.into_iter().collect();
        assert_eq!(seen, all);
    }
}

/// A fact that the table refuses: a row has 400 KB at most.
fn too_large(photo: &Photo) -> ImageFailed {
    ImageFailed { detail: "a".repeat(500_000), ..photo.failed(0) }
}

#[tokio::test]
async fn a_record_whose_row_never_comes_holds_nobody_up() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let mut events = street.stream(&sink, "acme", None).await;
    events.until_open().await;
    let left_at = events.last_id.clone();
    let mut wanted = HashSet::new();
    for _ in 0..6 {
        street.publish(&too_large(&street.photo("acme", WEEK_MS).await)).await;
        let photo = street.photo("acme", WEEK_MS).await;
        street.publish(&photo.failed(0)).await;
        wanted.insert((photo.id(), "failed".to_owned()));
    }
    let seen: HashSet<_> = take(&mut events, wanted.len()).await.into_iter().collect();
    assert_eq!(seen, wanted);
    // Nor whoever reads the same again from Kafka.
    let other = street.sink(&[]).await;
    let mut events = street.stream(&other, "acme", Some(&left_at)).await;
    let seen: HashSet<_> = take(&mut events, wanted.len()).await.into_iter().collect();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_few_clients_catch_up_at_once_and_the_others_are_told_to_come_back() {
    let street = Street::start().await;
    let first = street.sink(&[]).await;
    let mut events = street.stream(&first, "acme", None).await;
    events.until_open().await;
    let left_at = events.last_id.clone();
    street.dynamodb.shut_to_writes(true);
    let photo = street.photo("acme", WEEK_MS).await;
    street.publish(&photo.failed(0)).await;
    let late = street.sink(&[]).await;
    let ask = || street.request(&late, "/v1/stream", "acme").header("last-event-id", &left_at).send();
    // None of them can end while the row is not written.
    let catching_up = join_all((0..8).map(|_| ask())).await;
    let ninth = Reply::of(ask().await.unwrap()).await;
    assert_eq!((ninth.status, &ninth.json()["code"]), (503, &"unavailable".into()));
    assert!(ninth.header("retry-after").parse::<u64>().is_ok());
    street.dynamodb.shut_to_writes(false);
    for response in catching_up {
        let mut events = Events::of(response.unwrap());
        assert_eq!(take(&mut events, 1).await[0].0, photo.id());
    }
    let mut events = Events::of(ask().await.unwrap());
    assert_eq!(take(&mut events, 1).await[0].0, photo.id());
}

#[tokio::test]
async fn a_sink_whose_stream_hears_nothing_says_so_and_goes_on_once_it_does() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let mut events = street.stream(&sink, "acme", None).await;
    events.until_open().await;
    let is_live = || sink.health.report().components["live-stream"] == "up";
    assert!(is_live());
    street.kafka.go_away();
    until("it is not live", async || !is_live()).await;
    assert!(!sink.health.is_ready());
    street.kafka.come_back();
    until("it is live", async || is_live()).await;
    let photo = street.photo("acme", WEEK_MS).await;
    street.publish(&photo.failed(0)).await;
    assert_eq!(take(&mut events, 1).await, [(photo.id(), "failed".to_owned())]);
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_their_token() {
    let street = Street::start().await;
    let sink = street.sink(&["--streams-per-customer-max=2"]).await;
    let first = street.stream(&sink, "acme", None).await;
    let _second = street.stream(&sink, "acme", None).await;
    let third = street.get(&sink, "/v1/stream", "acme").await;
    assert_eq!(third.status, 429);
    assert!(third.header("retry-after").parse::<u64>().is_ok());
    let _other = street.stream(&sink, "globex", None).await;
    drop(first);
    let token = street.issuer.token_for("acme", Role::Customer, Duration::from_secs(2));
    let mut events = eventually("a place is free again", PATIENCE, async || {
        let request = street.request_with(&sink, "/v1/stream", &token);
        let response = request.send().await.unwrap();
        (response.status() == 200).then(|| Events::of(response))
    })
    .await;
    assert_eq!(events.next().await, None, "it ends when the token does");
}
