//! Everything the sink stands on, for one test: versitygw as S3, librdkafka's broker, a registry, DynamoDB in memory, an
//! issuer; and as many sinks as the test asks for, each behind a real socket.

mod dynamodb;
mod events;
mod facts;
mod issuer;
mod kafka;
mod s3;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::{Health, Shutdown};
use clap::Parser as _;
use conveyor::{KafkaArgs, Publisher};
use depot::Depot;
use proto::Codec;
use serde_json::Value;
use sink::{Config, Sweep, Table};
use tempfile::TempDir;
use tokio::net::TcpListener;

use dynamodb::DynamoDb;
pub(crate) use events::{Event, Events};
pub(crate) use facts::{ORIGINAL, Photo, THUMB};
use issuer::Issuer;
use kafka::Kafka;
use s3::S3;

/// What sinks stand on.
pub(crate) struct Street {
    pub(crate) issuer: Issuer,
    pub(crate) publisher: Publisher,
    pub(crate) depot: Depot,
    s3: S3,
    pub(crate) kafka: Kafka,
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

/// What came back, read whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) async fn of(response: reqwest::Response) -> Reply {
        let text = |value: &reqwest::header::HeaderValue| value.to_str().expect("text").to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        let (status, headers) =
            (response.status().as_u16(), headers.filter(|(name, _)| name != "date").collect());
        Reply { status, headers, body: response.bytes().await.expect("the whole body").to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}

/// Waits until `holds` gives something, at most 30 s.
pub(crate) async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(held) = holds().await {
            return held;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Street {
    pub(crate) async fn start() -> Street {
        let (s3, kafka, issuer) = (S3::start(), Kafka::start().await, Issuer::start().await);
        let dynamodb = DynamoDb::start().await;
        let codec = Codec::new(&kafka.registry_url, Duration::from_secs(5)).expect("an address");
        let args = KafkaArgs::plaintext(&kafka.brokers);
        let publisher = Publisher::open(&args, Arc::new(codec)).expect("a publisher");
        let mut config = parse(&["--oidc-jwks-url=x", "--kafka-bootstrap-servers=x"], &[]);
        config.depot.endpoint = Some(s3.endpoint());
        config.table.table_endpoint = Some(dynamodb.endpoint());
        let depot = Depot::open(&config.depot).await;
        depot.provision().await.expect("two buckets");
        Table::open(&config.table).await.provision().await.expect("a table");
        Street { issuer, publisher, depot, s3, kafka, dynamodb, http: reqwest::Client::new() }
    }

    /// Starts a sink.
    pub(crate) async fn sink(&self, more: &[&str]) -> Sink {
        let folder = tempfile::tempdir().expect("a folder");
        let own = [
            &format!("--oidc-jwks-url={}/jwks", self.issuer.url),
            &format!("--schema-registry-url={}", self.kafka.registry_url),
            &format!("--kafka-bootstrap-servers={}", self.kafka.brokers),
            &format!("--data-dir={}", folder.path().display()),
        ];
        let mut config = parse(&own.map(String::as_str), more);
        config.depot.endpoint = Some(self.s3.endpoint());
        config.table.table_endpoint = Some(self.dynamodb.endpoint());
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let opened = sink::open(&config, &health, &shutdown).await.expect("the sink opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let told = shutdown.clone();
        tokio::spawn(async move {
            let serving = gate::serve(listener, opened.router, &config.gate, told);
            let (served, worked) = tokio::join!(serving, opened.work);
            served.and(worked).expect("the sink ends well");
        });
        until("the sink is ready", async || health.is_ready().then_some(())).await;
        Sink { url, sweep: opened.sweep, health, shutdown, folder }
    }

    pub(crate) fn request(&self, sink: &Sink, path: &str, customer: &str) -> reqwest::RequestBuilder {
        let token = self.issuer.token(customer, "customer", 600);
        self.http.get(format!("{}{path}", sink.url)).bearer_auth(token)
    }

    pub(crate) async fn get(&self, sink: &Sink, path: &str, customer: &str) -> Reply {
        Reply::of(self.request(sink, path, customer).send().await.expect("the sink answers")).await
    }

    /// Waits until the image has the status.
    pub(crate) async fn until_status(&self, sink: &Sink, photo: &Photo, status: &str) -> Value {
        let customer = photo.source.customer_id.as_str();
        until(&format!("an image is {status}"), async || {
            let answer = self.get(sink, &photo.path(), customer).await;
            assert_eq!(answer.status, 200, "never 404: {answer:?}");
            Some(answer.json()).filter(|image| image["status"] == status)
        })
        .await
    }

    pub(crate) async fn stream(&self, sink: &Sink, customer: &str, last_id: Option<&str>) -> Events {
        let mut request = self.request(sink, "/v1/stream", customer);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        Events::of(request.send().await.expect("the sink answers"))
    }
}

fn parse(own: &[&str], more: &[&str]) -> Config {
    let all = [
        "sink",
        "--oidc-issuer=https://issuer",
        "--oidc-audience=safelight",
        "--cursor-key=0123456789abcdef0123456789abcdef",
        "--s3-force-path-style=true",
        "--kafka-fetch-wait-ms=5",
    ];
    let is_told = more.iter().any(|arg| arg.starts_with("--kafka-epoch"));
    let epoch: &[&str] = if is_told { &[] } else { &["--kafka-epoch=first-start"] };
    Config::parse_from(all.iter().chain(epoch).chain(own).chain(more))
}
