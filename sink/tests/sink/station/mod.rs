//! As many sinks in this process as a test asks for, each behind a real socket, and what they stand on: versitygw as S3,
//! librdkafka's broker, a registry, DynamoDB in memory, an issuer.

mod dynamodb;
mod facts;

use std::sync::Arc;
use std::time::Duration;

use chassis::{Health, Shutdown};
use clap::Parser as _;
use conveyor::{KafkaArgs, Publisher};
use depot::Depot;
use proto::{Codec, Topic};
use serde_json::Value;
use sink::{Config, Sweep, Table};
use street::events::Events;
use street::reply::Reply;
use street::servers::{Broker, Issuer, Registry, Versitygw, listen};
use street::wait::{PATIENCE, eventually, until};
use tempfile::TempDir;

use dynamodb::DynamoDb;
pub(crate) use facts::{ORIGINAL, Photo, THUMB};

const PARTITIONS: i32 = 3;

/// What sinks stand on.
pub(crate) struct Street {
    pub(crate) issuer: Issuer,
    pub(crate) publisher: Publisher,
    pub(crate) depot: Depot,
    s3: Versitygw,
    pub(crate) kafka: Broker,
    registry: Registry,
    pub(crate) dynamodb: DynamoDb,
    http: reqwest::Client,
}

/// A running sink.
pub(crate) struct Sink {
    pub(crate) url: String,
    pub(crate) sweep: Sweep,
    pub(crate) health: Health,
    shutdown: Shutdown,
    folder: TempDir,
}

impl Sink {
    /// Says whether any file of the sink's data folder holds the text.
    pub(crate) fn remembers(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let bytes = files.map(|file| std::fs::read(file.expect("an entry").path()).expect("a file"));
        bytes.into_iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

impl Street {
    pub(crate) async fn start() -> Street {
        let (s3, kafka) = (Versitygw::start().await, Broker::start(PARTITIONS));
        let (registry, issuer) = (Registry::start().await, Issuer::start().await);
        let dynamodb = DynamoDb::start().await;
        let codec = Codec::new(&registry.url, Duration::from_secs(5)).expect("an address");
        let args = KafkaArgs::plaintext(&kafka.servers);
        let publisher = Publisher::open(&args, Arc::new(codec)).expect("a publisher");
        let unheard = ["--kafka-bootstrap-servers=x".to_owned()];
        let mut config = parse(&[&unheard[..], &issuer.settings()].concat(), &[]);
        config.depot.endpoint = Some(s3.endpoint());
        config.table.table_endpoint = Some(dynamodb.endpoint());
        let depot = Depot::open(&config.depot).await;
        depot.provision().await.expect("two buckets");
        Table::open(&config.table).await.provision().await.expect("a table");
        Street { issuer, publisher, depot, s3, kafka, registry, dynamodb, http: reqwest::Client::new() }
    }

    /// Starts a sink.
    pub(crate) async fn sink(&self, more: &[&str]) -> Sink {
        let folder = tempfile::tempdir().expect("a folder");
        let standing = [
            format!("--schema-registry-url={}", self.registry.url),
            format!("--kafka-bootstrap-servers={}", self.kafka.servers),
            format!("--data-dir={}", folder.path().display()),
        ];
        let mut config = parse(&[&standing[..], &self.issuer.settings()].concat(), more);
        config.depot.endpoint = Some(self.s3.endpoint());
        config.table.table_endpoint = Some(self.dynamodb.endpoint());
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let opened = sink::open(&config, &health, &shutdown).await.expect("the sink opens");
        let (listener, address) = listen().await;
        let told = shutdown.clone();
        tokio::spawn(async move {
            let serving = gate::serve(listener, opened.router, &config.gate, told);
            let (served, worked) = tokio::join!(serving, opened.work);
            served.and(worked).expect("the sink ends well");
        });
        until("the sink is ready", async || health.is_ready()).await;
        Sink { url: format!("http://{address}"), sweep: opened.sweep, health, shutdown, folder }
    }

    pub(crate) fn request(&self, sink: &Sink, path: &str, customer: &str) -> reqwest::RequestBuilder {
        self.request_with(sink, path, &self.issuer.token(customer))
    }

    pub(crate) fn request_with(&self, sink: &Sink, path: &str, token: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", sink.url)).bearer_auth(token)
    }

    pub(crate) async fn get(&self, sink: &Sink, path: &str, customer: &str) -> Reply {
        Reply::of(self.request(sink, path, customer).send().await.expect("the sink answers")).await
    }

    /// Waits until the image has the status.
    pub(crate) async fn until_status(&self, sink: &Sink, photo: &Photo, status: &str) -> Value {
        let customer = photo.source.customer_id.as_str();
        eventually(&format!("an image is {status}"), PATIENCE, async || {
            let answer = self.get(sink, &photo.path(), customer).await;
            assert_eq!(answer.status, 200, "never 404: {answer:?}");
            Some(answer.into_json()).filter(|image| image["status"] == status)
        })
        .await
    }

    /// Returns the key of every record of the topic, partition by partition.
    pub(crate) async fn keys(&self, topic: Topic) -> Vec<String> {
        self.kafka.records(topic).await.into_iter().map(|record| record.key).collect()
    }

    pub(crate) async fn stream(&self, sink: &Sink, customer: &str, last_id: Option<&str>) -> Events {
        let mut request = self.request(sink, "/v1/stream", customer);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        Events::of(request.send().await.expect("the sink answers"))
    }
}

fn parse(standing: &[String], more: &[&str]) -> Config {
    let own = [
        "sink",
        "--cursor-key=0123456789abcdef0123456789abcdef",
        "--s3-force-path-style=true",
        "--kafka-fetch-wait-ms=5",
    ];
    let is_told = more.iter().any(|arg| arg.starts_with("--kafka-epoch"));
    let epoch: &[&str] = if is_told { &[] } else { &["--kafka-epoch=first-start"] };
    let needed = own.iter().chain(epoch).copied().chain(standing.iter().map(String::as_str));
    Config::parse_from(needed.chain(more.iter().copied()))
}
