//! What was acknowledged is whole after kill -9, and what was not is whole or absent, never half.

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use serde_json::{Value, json};
use street::servers::s3_client;
use support::Killable;
use tokio::sync::Semaphore;

const ROUNDS: usize = 3;
const WRITERS: usize = 16;
const ACKNOWLEDGED_BEFORE_KILL: u32 = 150;
const PATIENCE: Duration = Duration::from_secs(120);
const S3_CHILD: &str = "SAFELIGHT_TEST_S3_DIR";
const DYNAMODB_CHILD: &str = "SAFELIGHT_TEST_DYNAMODB_DIR";

/// Not a test of its own: the server that the tests below kill.
#[test]
fn serves_s3_when_started_as_a_child() {
    support::serve_if_asked(S3_CHILD, |dir| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let server = runtime.block_on(support::OurS3::start(dir));
        let endpoint = server.endpoint.clone();
        // Both live as long as the process.
        std::mem::forget((runtime, server));
        endpoint
    });
}

/// Not a test of its own: the server that the tests below kill.
#[test]
fn serves_dynamodb_when_started_as_a_child() {
    support::serve_if_asked(DYNAMODB_CHILD, |dir| {
        let server = support::our_dynamodb(dir);
        let endpoint = format!("http://{}", server.address());
        std::mem::forget(server);
        endpoint
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_objects_survive_kill_and_the_others_are_whole_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let child = support::start_self("serves_s3_when_started_as_a_child", S3_CHILD, dir.path());
        let client = s3_client(&child.endpoint);
        if round == 0 {
            client.create_bucket().bucket("pics").send().await.unwrap();
        }
        write_until_killed(round, child, &client, &acknowledged).await;
        let so_far = acknowledged.lock().unwrap().clone();
        check_objects(dir.path(), &so_far).await;
    }
}

async fn write_until_killed(
    round: usize,
    child: Killable,
    client: &Client,
    acknowledged: &Arc<Mutex<Vec<String>>>,
) {
    let count = Arc::new(Semaphore::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, count, acknowledged) =
                (client.clone(), Arc::clone(&count), Arc::clone(acknowledged));
            tokio::spawn(async move {
                for number in 0.. {
                    let key = format!("{round}/{writer}/{number}");
                    if !write(&client, &key, writer == 0 && number % 4 == 3).await {
                        return;
                    }
                    acknowledged.lock().expect("no writer panics with it").push(key);
                    count.add_permits(1);
                }
            })
        })
        .collect();
    enough(&count).await;
    child.kill();
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
}

/// Waits until enough was acknowledged for a kill in the middle of it.
async fn enough(count: &Semaphore) {
    let enough = tokio::time::timeout(PATIENCE, count.acquire_many(ACKNOWLEDGED_BEFORE_KILL)).await;
    let permits = enough.expect("the writers get that far in time").expect("the semaphore stays open");
    drop(permits);
}

/// The bytes that belong to a key: any mixture or cut of two bodies would show.
fn body_of(key: &str) -> Vec<u8> {
    let seed = key.bytes().fold(7_usize, |seed, byte| (seed * 31 + usize::from(byte)) % 1_000_003);
    let length = 1 + seed % 400_000;
    key.bytes().cycle().take(length).collect()
}

async fn write(client: &Client, key: &str, in_parts: bool) -> bool {
    let body = body_of(key);
    if !in_parts {
        let put = client.put_object().bucket("pics").key(key).body(body.into()).if_none_match("*");
        return put.send().await.is_ok();
    }
    let begun = client.create_multipart_upload().bucket("pics").key(key).send().await;
    let Some(id) = begun.ok().and_then(|begun| begun.upload_id) else { return false };
    let part = client.upload_part().bucket("pics").key(key).upload_id(&id).part_number(1).body(body.into());
    let Ok(part) = part.send().await else { return false };
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.e_tag)
        .set_checksum_crc32(part.checksum_crc32)
        .build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = client.complete_multipart_upload().bucket("pics").key(key).upload_id(id);
    complete.multipart_upload(parts).send().await.is_ok()
}

async fn check_objects(dir: &Path, acknowledged: &[String]) {
    let server = support::OurS3::start(dir).await;
    let client = s3_client(&server.endpoint);
    let mut listed = Vec::new();
    let mut pages = client.list_objects_v2().bucket("pics").into_paginator().send();
    while let Some(page) = pages.next().await {
        listed.extend(
            page.expect("a page of the list").contents().iter().filter_map(|object| object.key.clone()),
        );
    }
    for key in acknowledged {
        assert!(listed.contains(key), "`{key}` was acknowledged and is gone");
    }
    for key in &listed {
        let got =
            client.get_object().bucket("pics").key(key).send().await.expect("a listed object can be read");
        let bytes = got.body.collect().await.expect("its body comes").into_bytes();
        assert!(bytes == body_of(key), "`{key}` is not whole: {} bytes", bytes.len());
    }
    let uploads = client.list_multipart_uploads().bucket("pics").send().await.expect("a list");
    for upload in uploads.uploads() {
        let (key, id) = (upload.key().expect("a key"), upload.upload_id().expect("an id"));
        client
            .abort_multipart_upload()
            .bucket("pics")
            .key(key)
            .upload_id(id)
            .send()
            .await
            .expect("the upload is aborted");
    }
    server.stop().await;
    let blobs = std::fs::read_dir(dir.join("blobs")).expect("the folder of blobs").count();
    assert_eq!(blobs, listed.len(), "one blob for each object, no stray, none missing");
    assert_eq!(
        std::fs::read_dir(dir.join("drafts")).expect("the folder of drafts").count(),
        0,
        "no draft is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_items_survive_kill_and_transactions_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let child =
            support::start_self("serves_dynamodb_when_started_as_a_child", DYNAMODB_CHILD, dir.path());
        let table = Table::new(&child.endpoint);
        if round == 0 {
            table.create().await;
        }
        acknowledged.extend(put_pairs_until_killed(round, child, &table).await);
        check_items(dir.path(), &acknowledged).await;
    }
}

async fn put_pairs_until_killed(round: usize, child: Killable, table: &Table) -> Vec<String> {
    let (acknowledged, count) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (table, acknowledged, count) = (table.clone(), Arc::clone(&acknowledged), Arc::clone(&count));
            tokio::spawn(async move {
                for number in 0.. {
                    let name = format!("{round}/{writer}/{number}");
                    if !table.put_pair(&name).await {
                        return;
                    }
                    acknowledged.lock().expect("no writer panics with it").push(name);
                    count.add_permits(1);
                }
            })
        })
        .collect();
    enough(&count).await;
    child.kill();
    for writer in writers {
        writer.await.expect("a writer does not panic");
    }
    std::mem::take(&mut *acknowledged.lock().expect("no writer panics with it"))
}

async fn check_items(dir: &Path, acknowledged: &[String]) {
    let server = support::our_dynamodb(dir);
    let table = Table::new(&format!("http://{}", server.address()));
    let names = table.scan().await;
    for name in acknowledged {
        assert!(names.contains(&format!("{name}/a")), "`{name}` was acknowledged and is gone");
    }
    for name in &names {
        let (pair, half) = name.rsplit_once('/').expect("a name has halves");
        let other = format!("{pair}/{}", if half == "a" { "b" } else { "a" });
        assert!(names.contains(&other), "half of the transaction `{pair}` is missing");
    }
    server.stop().await;
}

/// DynamoDB over plain HTTP: the server looks at the shape of credentials only.
#[derive(Clone)]
struct Table {
    http: reqwest::Client,
    endpoint: String,
}

impl Table {
    fn new(endpoint: &str) -> Self {
        Self { http: reqwest::Client::new(), endpoint: endpoint.to_owned() }
    }

    async fn call(&self, operation: &str, body: Value) -> Option<Value> {
        let credential = "AKIALOCALTEST/20261121/us-east-1/dynamodb/aws4_request";
        let response = self
            .http
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20261121T000000Z")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"),
            )
            .body(body.to_string())
            .send()
            .await
            .ok()?;
        let is_success = response.status().is_success();
        let answer = response.bytes().await.ok()?;
        is_success.then(|| serde_json::from_slice(&answer).expect("an answer is JSON"))
    }

    async fn create(&self) {
        let table = json!({
            "TableName": "pairs", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        self.call("CreateTable", table).await.expect("the table is made");
    }

    async fn put_pair(&self, name: &str) -> bool {
        let put = |half: &str| json!({"Put": {"TableName": "pairs", "Item": {"pk": {"S": format!("{name}/{half}")}}}});
        self.call("TransactWriteItems", json!({"TransactItems": [put("a"), put("b")]})).await.is_some()
    }

    async fn scan(&self) -> Vec<String> {
        let (mut names, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut request = json!({"TableName": "pairs", "ConsistentRead": true});
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = self.call("Scan", request).await.expect("the table can be scanned");
            let items = page["Items"].as_array().expect("a page has items");
            names.extend(items.iter().filter_map(|item| item["pk"]["S"].as_str().map(ToOwned::to_owned)));
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                return names;
            }
        }
    }
}
