//! The table against a real server of DynamoDB's protocol.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::Database;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use proto::{CustomerId, ImageId, UnixMillis};
use tokio::net::TcpListener;

use super::*;
use crate::fact::Fact;
use crate::order::{Status, replaces};
use crate::sample;

/// Starts a server with an empty table.
pub(crate) async fn table() -> Table {
    let table = unmade().await;
    table.provision().await.expect("the table is made");
    table
}

/// Starts a server without a table.
pub(super) async fn unmade() -> Table {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let database = Database::memory().expect("memory suffices");
    tokio::spawn(async move { dynoxide::server::serve_on(listener, database).await });
    let endpoint = Endpoint {
        url,
        region: "us-east-1".to_owned(),
        access_key_id: "local".to_owned(),
        secret_access_key: "local".to_owned(),
    };
    Table::open(&TableArgs {
        table: "images".to_owned(),
        table_operation_secs_max: 8,
        table_attempt_secs_max: 3,
        table_attempts_max: 4,
        table_endpoint: Some(endpoint),
    })
    .await
}

fn row(fact: Fact, offset: i64) -> Row {
    Row { fact, set_by: sample::coordinates(offset) }
}

#[tokio::test]
async fn provision_twice_is_once_and_the_check_finds_the_table() {
    let table = table().await;
    table.provision().await.unwrap();
    table.check().await.unwrap();
}

#[tokio::test]
async fn a_fact_applied_twice_is_once() {
    let table = table().await;
    for fact in sample::facts(sample::source("acme", "a b.jpg"), 0).into_iter().take(2) {
        let (id, row) = (fact.source.image_id, row(fact, 4));
        assert_eq!(table.apply(&row).await.unwrap(), Applied::Written);
        assert_eq!(table.apply(&row).await.unwrap(), Applied::Superseded);
        assert_eq!(table.row(id).await.unwrap(), Some(row));
    }
}

/// The condition that the server checks and the pure function must never differ.
#[tokio::test]
async fn the_servers_condition_is_the_order_of_facts() {
    let table = table().await;
    let all = |name| (0..3).flat_map(move |attempt| sample::facts(sample::source("acme", name), attempt));
    for (before, after) in all("a").flat_map(|before| all("b").map(move |after| (before.clone(), after))) {
        let source = sample::source("acme", "c");
        let (before, after) = (Fact { source: source.clone(), ..before }, Fact { source, ..after });
        table.apply(&row(before.clone(), 1)).await.unwrap();
        let applied = table.apply(&row(after.clone(), 2)).await.unwrap();
        let expected = replaces(after.standing(), Some(before.standing()));
        assert_eq!(
            applied == Applied::Written,
            expected,
            "{:?} after {:?}",
            after.standing(),
            before.standing()
        );
    }
}

#[test]
fn any_order_and_repetition_of_facts_gives_the_same_row() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let table = runtime.block_on(table());
    // Attempt 0 fails, attempt 1 is processed, attempt 2 fails: uploads of each before or after.
    let facts = |source: proto::Source| -> Vec<Fact> {
        let of = |attempt: u32, which: &[usize]| {
            let all = sample::facts(source.clone(), attempt);
            which.iter().map(|index| all[*index].clone()).collect::<Vec<_>>()
        };
        [of(0, &[0, 2]), of(1, &[0, 1]), of(2, &[0, 2])].concat()
    };
    let orders = Just([(0..6).collect::<Vec<usize>>(), (0..6).collect()].concat()).prop_shuffle();
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    let whole = runner.run(&orders, |order| {
        let source = sample::source("acme", "a");
        let (id, facts) = (source.image_id, facts(source));
        let read = runtime.block_on(async {
            for index in order {
                let offset = i64::try_from(index).unwrap();
                table.apply(&row(facts[index].clone(), offset)).await.unwrap();
            }
            table.row(id).await.unwrap().unwrap()
        });
        prop_assert_eq!(read, row(facts[3].clone(), 3));
        Ok(())
    });
    whole.unwrap();
}

#[tokio::test]
async fn a_list_walks_days_newest_first_page_by_page_and_shows_no_other_customer() {
    let table = table().await;
    let now = UnixMillis::now();
    let mut ids = Vec::new();
    for (customer, age_days) in
        [("acme", 0), ("acme", 0), ("globex", 0), ("acme", 1), ("acme", 3), ("acme", 3)]
    {
        let fact = sample::facts(sample::source_at(customer, now.0 - age_days * 86_400_000), 0).remove(1);
        if customer == "acme" {
            ids.push(fact.source.image_id);
        }
        table.apply(&row(fact, 1)).await.unwrap();
    }
    ids.sort();
    ids.reverse();
    let mut wanted = wanted(now, 2);
    let mut mark = Some(Mark { day: now.date(), after: None });
    let mut listed = Vec::new();
    while let Some(here) = mark {
        // A mark survives its text form: it is what a cursor holds.
        let here = here.to_string().parse().unwrap();
        let ListPage { rows, next } = list(&table, &wanted, here).await;
        assert!(rows.len() <= 2);
        listed.extend(rows.iter().map(|row| row.fact.source.image_id));
        mark = next;
    }
    assert_eq!(listed, ids);

    wanted.status = Some(Status::Failed);
    assert!(list(&table, &wanted, Mark { day: now.date(), after: None }).await.rows.is_empty());
    (wanted.status, wanted.now) = (None, UnixMillis(now.0 + 8 * 86_400_000));
    assert!(list(&table, &wanted, Mark { day: now.date(), after: None }).await.rows.is_empty(), "expired");
}

/// Writes a row as a newer sink might: with a status that is not known here.
pub(crate) async fn put_unreadable(table: &Table, fact: Fact) -> ImageId {
    let row = row(fact, 9);
    let mut item = row.to_item();
    item.insert("status".to_owned(), AttributeValue::S("quarantined".to_owned()));
    let put = table.dynamodb.put_item().table_name(&*table.name).set_item(Some(item)).send();
    put.await.expect("the row is written");
    row.fact.source.image_id
}

#[tokio::test]
async fn a_row_that_cannot_be_read_hides_no_other_row() {
    let table = table().await;
    let fact = || sample::facts(sample::source("acme", "a"), 0).remove(1);
    let good = row(fact(), 1);
    table.apply(&good).await.unwrap();
    let unreadable = put_unreadable(&table, fact()).await;
    let id = good.fact.source.image_id;
    let rows = table.rows(&[id, unreadable]).await.unwrap();
    assert!(matches!(rows.of(id), Found::Row(row) if *row == good));
    assert!(matches!(rows.of(unreadable), Found::Unreadable));
    assert!(matches!(rows.of(ImageId::mint()), Found::Nothing));
    let now = UnixMillis::now();
    let page = list(&table, &wanted(now, 10), Mark { day: id.day(), after: None }).await;
    assert_eq!(page.rows, [good]);
    let Err(RowError::Unreadable { customer, .. }) = table.row(unreadable).await else {
        panic!("one that is asked for by itself is not passed over");
    };
    assert_eq!(customer, CustomerId::parse("acme").ok());
}

/// Lists where nothing has happened of late.
async fn list(table: &Table, wanted: &Wanted, mark: Mark) -> ListPage {
    table.list(wanted, mark, &BTreeSet::new()).await.unwrap()
}

#[tokio::test]
async fn a_list_says_of_recent_images_what_the_table_says_and_no_more_than_was_asked_for() {
    let (table, now) = (table().await, UnixMillis::now());
    let mut rows = Vec::new();
    for minutes_ago in 0..6 {
        let fact = sample::facts(sample::source_at("acme", now.0 - minutes_ago * 60_000), 0).remove(1);
        rows.push(row(fact, 1));
        table.apply(&rows[rows.len() - 1]).await.unwrap();
    }
    let id = |index: usize| rows[index].fact.source.image_id;
    let from = |index: usize| Mark { day: id(index).day(), after: Some(id(index)) };
    // What an index says that has not heard of the second and the fourth yet, and not that the fifth has gone.
    let page = ListPage { rows: vec![rows[1].clone(), rows[3].clone()], next: Some(from(4)) };
    let recent = BTreeSet::from([id(0), id(2), id(4), id(5)]);
    assert_eq!(page.in_doubt(from(0), &recent, 10), [id(2), id(4)], "what lies within the page");
    assert_eq!(page.in_doubt(from(0), &recent, 1), [id(2)]);
    let known = table.rows(&[id(2)]).await.unwrap();
    let corrected = |limit| page.clone().corrected(&[id(2), id(4)], &known, &wanted(now, limit));
    let all = [rows[1].clone(), rows[2].clone(), rows[3].clone()];
    assert_eq!(corrected(3), ListPage { rows: all.to_vec(), next: Some(from(4)) });
    assert_eq!(corrected(2), ListPage { rows: all[..2].to_vec(), next: Some(from(2)) });
    let gone = page.clone().corrected(&[id(1)], &Rows::default(), &wanted(now, 3));
    assert_eq!(gone.rows, [rows[3].clone()]);
    let failed = Wanted { status: Some(Status::Failed), ..wanted(now, 3) };
    assert!(ListPage::default().corrected(&[id(2)], &known, &failed).rows.is_empty());
}

fn wanted(now: UnixMillis, limit: usize) -> Wanted {
    let oldest = now.date() - time::Duration::days(5);
    Wanted { customer: CustomerId::parse("acme").unwrap(), status: None, now, oldest, limit }
}

#[tokio::test]
async fn more_rows_than_one_batch_holds_are_read_at_once() {
    let table = table().await;
    let mut ids = Vec::new();
    for _ in 0..130 {
        let fact = sample::facts(sample::source("acme", "a"), 0).remove(0);
        ids.push(fact.source.image_id);
        table.apply(&row(fact, 1)).await.unwrap();
    }
    // Asking twice for one is asking once.
    ids.push(ids[0]);
    let rows = table.rows(&ids).await.unwrap();
    assert!(ids.iter().all(|id| matches!(rows.of(*id), Found::Row(row) if row.fact.source.image_id == *id)));
    assert!(table.erased(&ids).await.unwrap().is_empty());
    assert!(matches!(table.rows(&[]).await.unwrap().of(ids[0]), Found::Nothing));
}

#[tokio::test]
async fn a_lease_has_one_owner_until_it_ends() {
    let table = table().await;
    let minute = Duration::from_secs(60);
    assert!(table.lease("sweep", "a", minute).await.unwrap());
    assert!(!table.lease("sweep", "b", minute).await.unwrap());
    assert!(table.lease("sweep", "a", Duration::ZERO).await.unwrap());
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while !table.lease("sweep", "b", minute).await.unwrap() {
        assert!(std::time::Instant::now() < deadline, "the lease of no length never ends");
    }
}
