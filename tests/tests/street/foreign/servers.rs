//! A street on none of our own servers: Apache Kafka, Apicurio Registry, versitygw for S3, Amazon's DynamoDB Local. The issuer
//! alone is ours, as a stand-in for an identity provider.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use street::port::free_port;
use street::process::Process;
use street::servers::{ACCESS_KEY, ApacheKafka, Apicurio, DynamoDbLocal, SECRET_KEY, Versitygw};
use street::tools::binary;
use street::wait::{PATIENCE, eventually};
use tempfile::TempDir;

const DONE_MAX: Duration = Duration::from_secs(60);

/// All of them, running.
pub(crate) struct World {
    kafka: ApacheKafka,
    s3: Versitygw,
    dynamodb: DynamoDbLocal,
    registry: Apicurio,
    issuer: Issuer,
    folder: TempDir,
}

impl World {
    /// Starts all servers side by side and returns once each answers.
    pub(crate) async fn start() -> World {
        let folder = tempfile::tempdir().expect("a story has a folder");
        let (kafka, s3, dynamodb, registry, issuer) = tokio::join!(
            ApacheKafka::start(),
            Versitygw::start(),
            DynamoDbLocal::start(),
            Apicurio::start(),
            Issuer::start(folder.path()),
        );
        World { kafka, s3, dynamodb, registry, issuer, folder }
    }

    /// Returns what a station needs to run on these servers.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            set("KAFKA_BOOTSTRAP_SERVERS", &self.bootstrap()),
            set("SCHEMA_REGISTRY_URL", &self.registry.compatible_url("")),
            set("AWS_REGION", "us-east-1"),
            set("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            set("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            set("AWS_ENDPOINT_URL_S3", &self.s3.url()),
            set("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url()),
            set("S3_FORCE_PATH_STYLE", "true"),
            set("OIDC_ISSUER", &self.issuer.name),
            set("OIDC_JWKS_URL", &self.issuer.jwks_url()),
            set("OIDC_AUDIENCE", "safelight"),
            set("SAFELIGHT_CURSOR_KEY", "a-key-for-this-story-and-nothing-else"),
        ]
    }

    /// Makes topics, buckets and the table.
    pub(crate) async fn provision(&self) {
        done(&binary("safelight"), &["provision"], &self.env(), self.folder()).await;
    }

    /// Returns a token of the issuer.
    pub(crate) async fn token(&self, customer: &str) -> String {
        let data = self.folder().display().to_string();
        let args = ["token", "--data", &data, "--customer", customer];
        done(&binary("safelight"), &args, &[], self.folder()).await.trim().to_owned()
    }

    /// Returns where Kafka is, `HOST:PORT`.
    pub(crate) fn bootstrap(&self) -> String {
        self.kafka.servers()
    }

    /// Returns a URL of the registry.
    pub(crate) fn registry(&self, path: &str) -> String {
        self.registry.url(path)
    }

    /// Returns the story's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// `safelight issuer`, with its key in the story's folder.
struct Issuer {
    name: String,
    port: u16,
    _process: Process,
}

impl Issuer {
    async fn start(folder: &Path) -> Issuer {
        let (port, data) = (free_port(), folder.display().to_string());
        let address = format!("127.0.0.1:{port}");
        let args = ["issuer", "--http", &address, "--data", &data];
        let process = Process::start(&binary("safelight"), &args, &[], folder);
        let url = format!("http://{address}/.well-known/openid-configuration");
        let described: Value = eventually("the issuer describes itself", PATIENCE, async || {
            reqwest::get(&url).await.ok()?.json().await.ok()
        })
        .await;
        let name = described["issuer"].as_str().expect("an issuer has a name").to_owned();
        Issuer { name, port, _process: process }
    }

    fn jwks_url(&self) -> String {
        format!("http://127.0.0.1:{}/.well-known/jwks.json", self.port)
    }
}

/// Runs a program to its end, which must be a good one, and returns its stdout.
pub(crate) async fn done(program: &Path, args: &[&str], env: &[(String, String)], folder: &Path) -> String {
    let mut process = Process::start(program, args, env, folder);
    let status = process.ended(DONE_MAX).await;
    assert!(status.success(), "{} ended with {status}", program.display());
    process.stdout()
}
