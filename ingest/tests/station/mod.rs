//! A running ingest in this process behind a real socket, and what it stands on: versitygw as S3, librdkafka's broker, a
//! registry, an issuer.

use std::net::SocketAddr;
use std::time::Duration;

use chassis::{Health, Shutdown};
use clap::Parser as _;
use depot::Depot;
use ingest::Config;
use proto::{Codec, ImageUploaded, Topic};
use street::reply::Reply;
use street::servers::{Broker, Issuer, Registry, Versitygw, listen};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const PARTITIONS: i32 = 2;

/// A running ingest and what it stands on.
pub(crate) struct Street {
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
    pub(crate) s3: Versitygw,
    pub(crate) kafka: Broker,
    registry: Registry,
    pub(crate) issuer: Issuer,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
    pub(crate) http: reqwest::Client,
    serving: JoinHandle<()>,
}

/// A fact as it lies in Kafka.
pub(crate) struct Fact {
    pub(crate) key: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) event: ImageUploaded,
}

impl Street {
    pub(crate) async fn start(more: &[&str]) -> Street {
        let (s3, kafka) = (Versitygw::with_buckets().await, Broker::start(PARTITIONS));
        let (registry, issuer) = (Registry::start().await, Issuer::start().await);
        let standing = [
            format!("--schema-registry-url={}", registry.url),
            format!("--kafka-bootstrap-servers={}", kafka.servers),
        ];
        let mut config = parse(&[&standing[..], &issuer.settings()].concat(), more);
        config.depot.endpoint = Some(s3.endpoint());
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let opened = ingest::open(&config, &health, &shutdown).await.expect("ingest opens");
        let (listener, addr) = listen().await;
        let told = shutdown.clone();
        let serving = tokio::spawn(async move {
            let serving = gate::serve(listener, opened.router, &config.gate, told);
            let (served, worked) = tokio::join!(serving, opened.work);
            served.and(worked).expect("ingest ends well");
        });
        let (url, http) = (format!("http://{addr}/v1/images"), reqwest::Client::new());
        Street { url, addr, s3, kafka, registry, issuer, health, shutdown, http, serving }
    }

    /// A depot on the same S3, to do what another instance would.
    pub(crate) async fn depot(&self) -> Depot {
        let unheard = ["--kafka-bootstrap-servers=x".to_owned()];
        let mut args = parse(&[&unheard[..], &self.issuer.settings()].concat(), &[]).depot;
        args.endpoint = Some(self.s3.endpoint());
        Depot::open(&args).await
    }

    /// Reads every fact that lies in Kafka now.
    pub(crate) async fn uploaded(&self) -> Vec<Fact> {
        let codec = Codec::new(&self.registry.url, Duration::from_secs(5)).expect("an address");
        let mut facts = Vec::new();
        for record in self.kafka.records(Topic::Uploaded).await {
            let event = codec.decode::<ImageUploaded>(&record.value).await.expect("a fact");
            facts.push(Fact { key: record.key, traceparent: record.traceparent, event });
        }
        facts
    }

    pub(crate) fn request(&self, customer: &str) -> reqwest::RequestBuilder {
        self.request_to("", customer)
    }

    pub(crate) fn request_to(&self, query: &str, customer: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{query}", self.url)).bearer_auth(self.issuer.token(customer))
    }

    pub(crate) async fn post(&self, bytes: Vec<u8>) -> Reply {
        self.send(self.request("acme").body(bytes)).await
    }

    pub(crate) async fn post_keyed(&self, key: &str, bytes: Vec<u8>) -> Reply {
        self.send(self.request("acme").header("idempotency-key", key).body(bytes)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::of(request.send().await.expect("ingest answers")).await
    }

    /// Sends a head and no byte of a body; returns the stream and the status that comes first.
    pub(crate) async fn first_status(&self, head: &str) -> (TcpStream, u16) {
        let mut stream = TcpStream::connect(self.addr).await.expect("ingest listens");
        stream.write_all(head.as_bytes()).await.expect("ingest reads");
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.expect("an answer");
        let digits = std::str::from_utf8(&line[9..]).expect("a status is ASCII");
        (stream, digits.parse().expect("a status is a number"))
    }

    /// Tells ingest to stop and waits until it has; the rest stays.
    pub(crate) async fn stop(&mut self) {
        self.shutdown.trigger();
        (&mut self.serving).await.expect("ingest ends");
    }
}

/// Reads settings; what a test says itself is said once.
fn parse(standing: &[String], more: &[&str]) -> Config {
    let own =
        ["ingest", "--s3-force-path-style=true", "--kafka-publish-secs-max=3", "--probe-interval-secs=1"];
    let is_said = |setting: &&str| {
        let name = setting.split_once('=').map(|(name, _)| name);
        more.iter().any(|said| said.split_once('=').map(|(name, _)| name) == name && name.is_some())
    };
    let needed = own.into_iter().chain(standing.iter().map(String::as_str));
    Config::parse_from(needed.filter(|setting| !is_said(setting)).chain(more.iter().copied()))
}

/// A PNG's head and then filler, `length` bytes in all.
pub(crate) fn png(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x0a\0\0\0\x14\x08\x02\0\0\0".to_vec();
    bytes.resize(length.max(bytes.len()), 7);
    bytes
}
