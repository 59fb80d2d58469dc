//! The statistics count images, not records.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{CustomerId, Source, Topic, UnixMillis};

use super::closing::Closing;
use super::stats::Stats;
use super::store::{Batch, Facts};
use crate::counts::CountsKept;
use crate::fact::Fact;
use crate::sample;
use crate::table::Table;
use crate::table::tests::table;

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

const DAY_MS: i64 = 86_400_000;

/// Facts of images that were uploaded so long ago and live for a week: two of acme's, one of globex'.
fn facts_of(days_ago: i64) -> Vec<Fact> {
    let at = UnixMillis::now().0 - days_ago * DAY_MS;
    let fact = |customer, which| sample::facts(sample::source_at(customer, at), 0).remove(which);
    vec![fact("acme", 1), fact("acme", 2), fact("globex", 1)]
}

fn closing(facts: &Facts, table: &Table) -> Closing {
    Closing { facts: facts.clone(), table: table.clone(), kept: CountsKept::Aggregate }
}

async fn stats(facts: &Facts) -> Stats {
    facts.stats(None).await.unwrap()
}

#[tokio::test]
async fn what_is_closed_counts_on_and_its_facts_bring_nothing_back() {
    let ((folder, facts), table) = (opened(), table().await);
    let (expired, alive) = (facts_of(8), facts_of(1));
    let all = [expired.clone(), alive.clone()].concat();
    facts.write(batch(all.clone(), 1)).await.unwrap();
    let before = stats(&facts).await;
    assert_eq!((before.totals.images, before.by_customer[0].images), (6, 4));
    for _ in 0..2 {
        closing(&facts, &table).close(UnixMillis::now()).await.unwrap();
        facts.write(batch(all.clone(), 1)).await.unwrap();
        assert_eq!(stats(&facts).await, before);
    }
    let bytes = std::fs::read(folder.path().join("facts.sqlite")).unwrap();
    let holds = |fact: &Fact| {
        let id = fact.source.image_id.to_string();
        bytes.windows(id.len()).any(|part| part == id.as_bytes())
    };
    assert!(!expired.iter().any(holds) && alive.iter().all(holds));
}

#[tokio::test]
async fn whoever_closes_first_decides_and_one_that_has_read_nothing_learns_it() {
    let table = table().await;
    let ((_a, first), (_b, second), (_c, late)) = (opened(), opened(), opened());
    let (expired, alive) = (facts_of(8), facts_of(1));
    first.write(batch([expired.clone(), alive.clone()].concat(), 1)).await.unwrap();
    // The second one has not heard of everything that has expired.
    second.write(batch([expired[..2].to_vec(), alive.clone()].concat(), 1)).await.unwrap();
    late.write(batch(alive, 1)).await.unwrap();
    let all = stats(&first).await;
    for facts in [&first, &second] {
        closing(facts, &table).close(UnixMillis::now()).await.unwrap();
    }
    for facts in [&second, &late] {
        closing(facts, &table).learn().await.unwrap();
        assert_eq!(stats(facts).await, all);
    }
    // What expires later is added to that, by whomever.
    let older = facts_of(9);
    late.write(batch(older.clone(), 2)).await.unwrap();
    closing(&late, &table).close(UnixMillis::now()).await.unwrap();
    for facts in [&first, &second] {
        closing(facts, &table).learn().await.unwrap();
        assert_eq!(stats(facts).await, stats(&late).await);
    }
    assert_eq!(stats(&late).await.totals.images, all.totals.images + 3);
}

#[tokio::test]
async fn a_table_that_was_made_anew_is_written_again_and_nothing_stays_where_the_policy_drops_it() {
    let (_folder, facts) = opened();
    let (now, at) = (UnixMillis::now().0, UnixMillis::now().0 - 8 * DAY_MS);
    for (ago_ms, closed_ago_ms) in [(DAY_MS, DAY_MS / 2), (DAY_MS / 4, 0)] {
        let source = Source { expires_at: UnixMillis(now - ago_ms), ..sample::source_at("acme", at) };
        facts.write(batch(vec![sample::facts(source, 0).remove(1)], 1)).await.unwrap();
        // Each time another table: the second knows nothing of what the first was told.
        closing(&facts, &table().await).close(UnixMillis(now - closed_ago_ms)).await.unwrap();
        assert!(facts.due(UnixMillis(now - closed_ago_ms)).await.unwrap().is_empty());
    }
    assert_eq!(stats(&facts).await.totals.images, 2);
    facts.write(batch(facts_of(1), 1)).await.unwrap();
    let dropping = Closing { kept: CountsKept::Drop, ..closing(&facts, &table().await) };
    facts
        .write(batch(vec![sample::facts(sample::source_at("globex", 1_000_000), 0).remove(1)], 1))
        .await
        .unwrap();
    dropping.close(UnixMillis::now()).await.unwrap();
    assert_eq!(stats(&facts).await.totals.images, 3, "only what is alive");
}

#[tokio::test]
async fn readers_who_meet_the_two_ends_of_an_attempt_in_another_order_count_the_same() {
    let both = &sample::facts(sample::source("acme", "a"), 0)[1..];
    let ((_a, first), (_b, second)) = (opened(), opened());
    first.write(batch(both.to_vec(), 1)).await.unwrap();
    second.write(batch(both.iter().rev().cloned().collect(), 1)).await.unwrap();
    assert_eq!(stats(&first).await, stats(&second).await);
}

#[tokio::test]
async fn latencies_are_told_for_each_day_customer_and_status_and_groups_add_up() {
    let (_folder, facts) = opened();
    for (customer, which, took_ms) in [("acme", 1, 10), ("acme", 1, 30), ("acme", 2, 7), ("globex", 1, 1000)]
    {
        let mut fact = sample::facts(sample::source(customer, "a"), 0).remove(which);
        let uploaded_at = fact.source.uploaded_at.0;
        if let crate::fact::State::Processed { at, .. } | crate::fact::State::Failed { at, .. } =
            &mut fact.state
        {
            *at = UnixMillis(uploaded_at + took_ms);
        }
        facts.write(batch(vec![fact], 1)).await.unwrap();
    }
    let stats = stats(&facts).await;
    let of = |customer: &str, status: &str| {
        let is_it = |group: &&super::stats::GroupRow| group.customer_id == customer && group.status == status;
        stats.groups.iter().find(is_it).expect("a group").latency_ms
    };
    assert_eq!((of("acme", "processed").p50, of("acme", "processed").p99), (Some(10), Some(30)));
    assert_eq!((of("acme", "failed").p50, of("globex", "processed").p99), (Some(7), Some(992)));
    assert_eq!((stats.latency_ms.p50, stats.latency_ms.p99), (Some(30), Some(992)));
    let sum = |rows: Vec<i64>| rows.into_iter().sum::<i64>();
    assert_eq!(sum(stats.groups.iter().map(|row| row.images).collect()), 4);
    assert_eq!(sum(stats.by_day.iter().map(|row| row.images).collect()), 4);
    assert_eq!(sum(stats.by_customer.iter().map(|row| row.images).collect()), 4);
}
