//! The statistics: every image once, on every sink the same, and nobody's name after its time.

use proto::{DeadRecord, ImageFailed, Reason, UnixMillis};
use serde_json::{Value, json};

use street::reply::Reply;
use street::servers::Role;
use street::wait::{PATIENCE, eventually, until};

use crate::station::{ORIGINAL, Sink, Street, THUMB};

const WEEK_MS: i64 = 7 * 86_400_000;

#[tokio::test]
async fn figures_count_images_once_and_a_letter_about_nobody_stops_nothing() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let nameless = ImageFailed {
        source: None,
        attempt: 0,
        reason: Reason::MessageMalformed,
        detail: "no frame".to_owned(),
        failed_at: UnixMillis::now(),
        original: DeadRecord::default(),
    };
    let (good, bad) = (street.photo("acme", WEEK_MS).await, street.photo("acme", WEEK_MS).await);
    let processed = street.processed(&good, 0).await;
    for _ in 0..3 {
        street.publish(&nameless).await;
        street.publish(&good.uploaded(0)).await;
        street.publish(&processed).await;
        street.publish(&bad.failed(0)).await;
    }
    street.publish(&street.photo("globex", WEEK_MS).await.uploaded(0)).await;
    let stats = eventually("the figures are there", PATIENCE, async || {
        let stats = street.get(&sink, "/v1/stats", "acme").await.into_json();
        (stats["totals"]["images"] == 2 && stats["totals"]["uploaded"] == 0).then_some(stats)
    })
    .await;
    assert_eq!((&stats["totals"]["processed"], &stats["totals"]["failed"]), (&1.into(), &1.into()));
    assert_eq!(stats["totals"]["bytes_in"], 2 * ORIGINAL.len());
    assert_eq!(stats["totals"]["bytes_out"], THUMB.len());
    assert!(stats["latency_ms"]["p50"].is_number());
    assert_eq!(stats["by_day"].as_array().unwrap().len(), 2);
    let token = street.issuer.token_of("acme", Role::Operator);
    until("an operator sees all", async || {
        let request = street.request_with(&sink, "/v1/stats", &token);
        let all = Reply::of(request.send().await.unwrap()).await.into_json();
        all["totals"]["images"] == 3
    })
    .await;
}

/// All figures, as an analyst sees them.
async fn figures(street: &Street, sink: &Sink) -> Value {
    let token = street.issuer.token_of("acme", Role::Analyst);
    let request = street.request_with(sink, "/v1/stats", &token);
    Reply::of(request.send().await.expect("the sink answers")).await.into_json()
}

#[tokio::test]
async fn figures_are_by_day_type_customer_and_status_with_bytes_and_latency() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (ready, failed) = (street.photo("acme", WEEK_MS).await, street.photo("acme", WEEK_MS).await);
    street.publish(&street.processed(&ready, 0).await).await;
    street.publish(&failed.failed(0)).await;
    let theirs = street.photo("globex", WEEK_MS).await;
    street.publish(&theirs.uploaded(0)).await;
    let all = eventually("all figures", PATIENCE, async || {
        Some(figures(&street, &sink).await).filter(|figures| figures["totals"]["images"] == 3)
    })
    .await;
    let day = ready.source.image_id.day().to_string();
    let groups = all["groups"].as_array().expect("groups");
    let of = |customer: &str, status: &str| {
        let is_it = |group: &&Value| group["customer_id"] == customer && group["status"] == status;
        let group = groups.iter().find(is_it).expect("a group").clone();
        assert_eq!((&group["day"], &group["images"]), (&json!(day), &json!(1)));
        group
    };
    let processed = of("acme", "processed");
    assert_eq!(
        (&processed["source_format"], &processed["bytes_in"], &processed["bytes_out"]),
        (&json!("jpeg"), &json!(ORIGINAL.len()), &json!(THUMB.len()))
    );
    assert!(
        processed["latency_ms"]["p99"].is_number() && of("acme", "failed")["latency_ms"]["p50"].is_number()
    );
    assert_eq!(of("globex", "uploaded")["latency_ms"], json!({"p50": null, "p99": null}));
    let own = street.get(&sink, "/v1/stats", "acme").await.into_json();
    let own = own["groups"].as_array().expect("groups").clone();
    assert_eq!(
        own,
        groups.iter().filter(|group| group["customer_id"] == "acme").cloned().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_has_expired_is_counted_by_every_sink_the_same_and_remembered_by_none() {
    let street = Street::start().await;
    let close = ["--counts-close-secs=1"];
    let (first, second) = (street.sink(&close).await, street.sink(&close).await);
    let mut gone = Vec::new();
    for customer in ["acme", "globex"] {
        let (ready, failed) = (street.photo(customer, 3000).await, street.photo(customer, 3000).await);
        street.publish(&street.processed(&ready, 0).await).await;
        street.publish(&failed.failed(0)).await;
        gone.extend([ready.id(), failed.id()]);
    }
    let alive = street.photo("acme", WEEK_MS).await;
    street.publish(&alive.failed(0)).await;
    let before = eventually("all figures", PATIENCE, async || {
        Some(figures(&street, &first).await).filter(|figures| figures["totals"]["images"] == 5)
    })
    .await;
    assert!(first.remembers(&gone[0]));
    for sink in [&first, &second] {
        until("it forgets who they were", async || !gone.iter().any(|id| sink.remembers(id))).await;
        assert!(sink.remembers(&alive.id()));
        assert_eq!(figures(&street, sink).await, before);
    }
    // One that begins now finds their facts in the log, and does not count them twice.
    let third = street.sink(&close).await;
    until("it has learned and read all", async || {
        let is_same = figures(&street, &third).await == before && third.remembers(&alive.id());
        is_same && !gone.iter().any(|id| third.remembers(id))
    })
    .await;
    let dropping = street.sink(&["--counts-close-secs=1", "--counts-kept=drop"]).await;
    until("only what is alive", async || {
        let figures = figures(&street, &dropping).await;
        figures["totals"]["images"] == 1 && dropping.remembers(&alive.id())
    })
    .await;
}
