//! Our topics as others read them: Confluent's Protobuf deserializer for Python through our registry and through
//! Apicurio's, and Apicurio's own serde for Java. Each must read every record, dead letters and what they hold included.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use street::api::Api;
use street::stack::Stack;
use street::stations::Stations;
use street::tools::{cached, root};

use super::path::{Ended, push_samples};
use super::servers::{World, done};

const TOPICS: [&str; 3] = ["images.uploaded.v1", "images.processed.v1", "images.failed.v1"];

#[tokio::test]
async fn confluents_python_deserializer_reads_every_topic_through_our_registry() {
    let stack = Stack::up(&["--kafka", "apache"]).await;
    let api = stack.api("acme");
    let ended = push_samples(&api).await;
    let read = python(stack.address("kafka"), stack.address("schema_registry"), stack.folder()).await;
    is_all(&read, &ended, &api).await;
}

#[tokio::test]
async fn python_and_java_read_every_topic_through_apicurio_and_agree() {
    let world = World::start().await;
    world.provision().await;
    let stations = Stations::start(&world.env(), world.folder()).await;
    let api = stations.api(&world.token("acme").await);
    let ended = push_samples(&api).await;
    let (kafka, folder) = (world.bootstrap(), world.folder());
    let python = python(&kafka, &world.registry("/apis/ccompat/v7"), folder).await;
    is_all(&python, &ended, &api).await;
    let java = java(&kafka, &world.registry("/apis/registry/v2"), folder).await;
    assert_eq!(java, python);
}

async fn python(kafka: &str, registry: &str, folder: &Path) -> Vec<Value> {
    let script = root().join("tests/consumers/consume.py").display().to_string();
    let args = [&["-B", &script, kafka, registry][..], &TOPICS].concat();
    records(&done(&cached("venv/bin/python"), &args, &[], folder).await)
}

async fn java(kafka: &str, registry: &str, folder: &Path) -> Vec<Value> {
    let jars = cached("java-consumer").display().to_string();
    let classes = format!("{jars}:{jars}/*");
    let java = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &classes, "Consume", kafka, registry];
    records(&done(Path::new("java"), &[&java[..], &TOPICS].concat(), &[], folder).await)
}

/// One record a line, in an order that does not depend on partitions.
fn records(lines: &str) -> Vec<Value> {
    let mut records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| (record["topic"].to_string(), record["key"].to_string()));
    records
}

/// Holds what was read to what was uploaded and to what the API says of it.
async fn is_all(read: &[Value], ended: &Ended, api: &Api) {
    let everything = ended.processed.iter().chain([&ended.truncated]);
    assert_eq!(ids(read, "images.uploaded.v1"), everything.cloned().collect());
    assert_eq!(ids(read, "images.processed.v1"), ended.processed.iter().cloned().collect());
    assert_eq!(ids(read, "images.failed.v1"), BTreeSet::from([ended.truncated.clone()]));
    for record in of(read, "images.processed.v1") {
        let image = api.image(record["key"].as_str().unwrap()).await;
        assert_eq!(names(&record["value"]), names(&image), "{record}");
        assert_eq!(record["value"]["source"]["width"], image["source"]["width"]);
    }
    for letter in of(read, "images.failed.v1") {
        let uploaded = of(read, "images.uploaded.v1").find(|record| record["key"] == letter["key"]);
        is_whole(letter, uploaded.expect("what failed was uploaded"));
    }
}

/// A dead letter says why, and holds the record it is about so that it can be read again.
fn is_whole(letter: &Value, uploaded: &Value) {
    assert_eq!(letter["value"]["reason"], "REASON_TRUNCATED");
    assert_eq!(letter["headers"]["dlq_reason"], "truncated");
    assert_eq!(letter["headers"]["dlq_topic"], "images.uploaded.v1");
    assert_eq!(letter["original"], uploaded["value"]);
    let names = |headers: &Value| -> BTreeSet<String> {
        headers.as_array().unwrap().iter().map(|header| header["name"].as_str().unwrap().to_owned()).collect()
    };
    let carried: BTreeSet<String> = uploaded["headers"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names(&letter["value"]["original_headers"]), carried);
}

fn of<'a>(read: &'a [Value], topic: &str) -> impl Iterator<Item = &'a Value> {
    read.iter().filter(move |record| record["topic"] == topic)
}

/// The images of a topic; a record's key and the image it speaks of are the same.
fn ids(read: &[Value], topic: &str) -> BTreeSet<String> {
    let id = |record: &Value| {
        assert_eq!(record["key"], record["value"]["source"]["image_id"]);
        record["key"].as_str().unwrap().to_owned()
    };
    of(read, topic).map(id).collect()
}

fn names(image: &Value) -> Vec<&str> {
    let renditions = image["renditions"].as_array().expect("a processed image has renditions");
    renditions.iter().map(|rendition| rendition["name"].as_str().expect("a rendition has a name")).collect()
}
