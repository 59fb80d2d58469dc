//! The statistics count images, not records.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{CustomerId, Topic};

use super::store::{Batch, Facts};
use crate::fact::Fact;
use crate::sample;

fn batch(facts: Vec<Fact>, next: i64) -> Batch {
    let positions = BTreeMap::from([((Topic::Processed, 3), (Arc::from("e"), next))]);
    Batch { facts, positions }
}

fn opened() -> (tempfile::TempDir, Facts) {
    let folder = tempfile::tempdir().unwrap();
    let facts = Facts::open(folder.path()).unwrap();
    (folder, facts)
}

#[tokio::test]
async fn a_batch_twice_is_once() {
    let (_folder, facts) = opened();
    let of_acme = sample::facts(sample::source("acme", "a.jpg"), 0);
    for _ in 0..2 {
        facts.write(batch(of_acme[..2].to_vec(), 8)).await.unwrap();
    }
    let stats = facts.stats(None).await.unwrap();
    assert_eq!((stats.totals.images, stats.totals.processed, stats.totals.uploaded), (1, 1, 0));
    assert_eq!(stats.totals.bytes_in, 8);
    assert_eq!(stats.totals.bytes_out, 5);
    assert_eq!(stats.latency_ms.p50, Some(120));
    assert_eq!(facts.positions().await.unwrap()[&(Topic::Processed, 3)], ("e".to_owned(), 8));
}

#[tokio::test]
async fn a_customer_sees_no_others_figures_and_an_operator_sees_all() {
    let (_folder, facts) = opened();
    for (customer, which) in [("acme", 1), ("acme", 2), ("globex", 1)] {
        let fact = sample::facts(sample::source(customer, "a.jpg"), 0).remove(which);
        facts.write(batch(vec![fact], 1)).await.unwrap();
    }
    let acme = facts.stats(Some(CustomerId::parse("acme").unwrap())).await.unwrap();
    assert_eq!((acme.totals.images, acme.totals.processed, acme.totals.failed), (2, 1, 1));
    assert!(acme.by_customer.is_empty());
    let all = facts.stats(None).await.unwrap();
    assert_eq!(all.totals.images, 3);
    assert_eq!(all.by_customer[0].customer_id, "acme");
    let nobody = facts.stats(Some(CustomerId::parse("nobody").unwrap())).await.unwrap();
    assert_eq!((nobody.totals.images, nobody.latency_ms.p99), (0, None));
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let (folder, facts) = opened();
    facts.write(batch(sample::facts(sample::source("acme", "a.jpg"), 0), 5)).await.unwrap();
    drop(facts);
    let facts = Facts::open(folder.path()).unwrap();
    assert_eq!(facts.stats(None).await.unwrap().totals.images, 1);
    assert_eq!(facts.positions().await.unwrap().len(), 1);
}
