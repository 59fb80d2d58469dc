//! Everything ingest stands on, for one test: versitygw as S3, librdkafka's broker, a registry, an issuer, and ingest itself
//! behind a real socket.

mod issuer;
mod kafka;
mod s3;

use std::net::SocketAddr;

use chassis::{Health, Shutdown};
use clap::Parser as _;
use ingest::Config;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) use issuer::Issuer;
pub(crate) use kafka::Kafka;
pub(crate) use s3::S3;

/// A running ingest and what it stands on.
pub(crate) struct Street {
    pub(crate) url: String,
    pub(crate) addr: SocketAddr,
    pub(crate) s3: S3,
    pub(crate) kafka: Kafka,
    pub(crate) issuer: Issuer,
    pub(crate) health: Health,
    pub(crate) shutdown: Shutdown,
    pub(crate) http: reqwest::Client,
    serving: JoinHandle<()>,
}

/// What came back, read whole.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) location: Option<String>,
    pub(crate) json: Value,
}

impl Answered {
    pub(crate) async fn of(response: reqwest::Response) -> Answered {
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (retry_after, location) = (header("retry-after"), header("location"));
        Answered {
            status: response.status().as_u16(),
            retry_after: retry_after.map(|text| text.parse().expect("whole seconds")),
            location,
            json: response.json().await.expect("every answer is JSON"),
        }
    }

    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap_or_default()
    }
}

impl Street {
    pub(crate) async fn start(more: &[&str]) -> Street {
        let (s3, kafka, issuer) = (S3::start().await, Kafka::start().await, Issuer::start().await);
        let jwks = format!("--oidc-jwks-url={}/jwks", issuer.url);
        let registry = format!("--schema-registry-url={}", kafka.registry_url);
        let brokers = format!("--kafka-bootstrap-servers={}", kafka.brokers);
        let needed = [
            "ingest",
            "--oidc-issuer=https://issuer",
            "--oidc-audience=safelight",
            &jwks,
            &registry,
            &brokers,
            "--s3-force-path-style=true",
            "--kafka-publish-secs-max=3",
            "--probe-interval-secs=1",
        ];
        // What a test says itself is said once.
        let is_said = |setting: &&&str| {
            let name = setting.split_once('=').map(|(name, _)| name);
            more.iter().any(|own| own.split_once('=').map(|(name, _)| name) == name && name.is_some())
        };
        let mut config = Config::parse_from(needed.iter().filter(|setting| !is_said(setting)).chain(more));
        config.depot.endpoint = Some(s3.endpoint());
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let opened = ingest::open(&config, &health, &shutdown).await.expect("ingest opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let told = shutdown.clone();
        let serving = tokio::spawn(async move {
            let serving = gate::serve(listener, opened.router, &config.gate, told);
            let (served, worked) = tokio::join!(serving, opened.work);
            served.and(worked).expect("ingest ends well");
        });
        let http = reqwest::Client::new();
        Street {
            url: format!("http://{addr}/v1/images"),
            addr,
            s3,
            kafka,
            issuer,
            health,
            shutdown,
            http,
            serving,
        }
    }

    pub(crate) fn request(&self, customer: &str) -> reqwest::RequestBuilder {
        self.request_to("", customer)
    }

    pub(crate) fn request_to(&self, query: &str, customer: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{query}", self.url)).bearer_auth(self.issuer.token(customer))
    }

    pub(crate) async fn post(&self, bytes: Vec<u8>) -> Answered {
        self.send(self.request("acme").body(bytes)).await
    }

    pub(crate) async fn post_keyed(&self, key: &str, bytes: Vec<u8>) -> Answered {
        self.send(self.request("acme").header("idempotency-key", key).body(bytes)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answered {
        Answered::of(request.send().await.expect("ingest answers")).await
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

    /// Tells ingest to stop and waits until it has.
    pub(crate) async fn stop(self) -> (S3, Kafka) {
        self.shutdown.trigger();
        self.serving.await.expect("ingest ends");
        (self.s3, self.kafka)
    }
}

/// A PNG's head and then filler, `length` bytes in all.
pub(crate) fn png(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x0a\0\0\0\x14\x08\x02\0\0\0".to_vec();
    bytes.resize(length.max(bytes.len()), 7);
    bytes
}
