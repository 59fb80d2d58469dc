//! Kafka goes away for a while: uploads are refused in so many words, nothing is lost, and all of it heals by itself.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use street::stack::Stack;
use street::tools::photo;
use street::wait::eventually;

/// How long Kafka is away. Frozen, not killed: its connections stay open, which is the harder case.
const AWAY: Duration = Duration::from_secs(20);

#[tokio::test]
async fn kafka_away_for_20_s_gives_503_and_recovers() {
    let stack = Stack::up(&["--kafka", "own-apache"]).await;
    let api = stack.api("acme");
    let before = api.upload(&photo("friends.jpg")).await;
    api.processed(&before).await;
    let broker = stack.broker();
    kill_process(broker, Signal::STOP).unwrap();
    let frozen = Instant::now();
    // As often as a customer may ask for long.
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let (mut refused, mut unknown) = (0, Vec::new());
    while frozen.elapsed() < AWAY {
        pace.tick().await;
        let key = format!("away-{}", unknown.len() + refused);
        let answer = api.post(&photo("friends.jpg"), Some(&key)).await.expect("ingest answers meanwhile");
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        let problem: serde_json::Value = answer.json().await.unwrap();
        match problem["code"].as_str() {
            Some("overloaded") => refused += 1,
            Some("outcome_unknown") => unknown.push(key),
            other => panic!("{other:?}"),
        }
        api.image(&before).await;
    }
    assert!(refused > 0, "once Kafka is known to be away, uploads are refused before a byte is stored");
    kill_process(broker, Signal::CONT).unwrap();
    let after = eventually("uploads to be taken again", Duration::from_secs(60), async || {
        let answer = api.post(&photo("friends.jpg"), None).await.ok()?;
        let is_taken = answer.status() == 202;
        let body: serde_json::Value = answer.json().await.ok()?;
        is_taken.then(|| body["id"].as_str().unwrap().to_owned())
    })
    .await;
    api.processed(&after).await;
    for key in unknown {
        let answer = api.post(&photo("friends.jpg"), Some(&key)).await.unwrap();
        assert_eq!(answer.status(), 202, "a retry under the same key gives a definite answer");
        let body: serde_json::Value = answer.json().await.unwrap();
        api.processed(body["id"].as_str().unwrap()).await;
    }
}
