//! Servers that we did not write: Apache Kafka, Apicurio Registry, versitygw for S3, Amazon's DynamoDB Local. Owns how each
//! is started in a folder of its own and when it is ready; the issuer alone is ours, as a stand-in for an identity provider.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use street::port::free_port;
use street::process::Process;
use street::tools::{binary, cached};
use street::wait::eventually;
use tempfile::TempDir;

const READY_MAX: Duration = Duration::from_secs(120);
const DONE_MAX: Duration = Duration::from_secs(60);
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";
const ACCESS_KEY: &str = "AKIALOCALTEST";
const SECRET_KEY: &str = "local-test-secret-key";
/// What a short life needs of a Java machine.
const JVM: [&str; 2] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// All of them, running.
pub(crate) struct World {
    kafka: Server,
    s3: Server,
    dynamodb: Server,
    registry: Server,
    issuer: Server,
    issuer_name: String,
    // Last, so that it goes when nobody uses it any more.
    folder: TempDir,
}

struct Server {
    process: Process,
    port: u16,
    folder: PathBuf,
}

impl World {
    /// Starts all servers side by side and returns once each answers.
    pub(crate) async fn start() -> World {
        let folder = tempfile::tempdir().expect("a story has a folder");
        let root = folder.path();
        let (mut dynamodb, mut registry) = (dynamodb(root), registry(root));
        let (mut s3, mut issuer) = (s3(root), issuer(root));
        let kafka = kafka(root).await;
        s3.answers("/", |status| status == StatusCode::FORBIDDEN).await;
        dynamodb.answers("/", |status| status == StatusCode::BAD_REQUEST).await;
        registry.answers("/apis/ccompat/v7/subjects", |status| status.is_success()).await;
        let discovery =
            issuer.answers("/.well-known/openid-configuration", |status| status.is_success()).await;
        let discovery: Value = serde_json::from_str(&discovery).expect("an issuer describes itself in JSON");
        let issuer_name = discovery["issuer"].as_str().expect("an issuer has a name").to_owned();
        World { kafka, s3, dynamodb, registry, issuer, issuer_name, folder }
    }

    /// Returns what a station needs to run on these servers.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            set("KAFKA_BOOTSTRAP_SERVERS", &self.bootstrap()),
            set("SCHEMA_REGISTRY_URL", &self.registry.url("/apis/ccompat/v7")),
            set("AWS_REGION", "us-east-1"),
            set("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            set("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            set("AWS_ENDPOINT_URL_S3", &self.s3.url("")),
            set("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url("")),
            set("S3_FORCE_PATH_STYLE", "true"),
            set("OIDC_ISSUER", &self.issuer_name),
            set("OIDC_JWKS_URL", &self.issuer.url("/.well-known/jwks.json")),
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
        let data = self.issuer.folder.display().to_string();
        let args = ["token", "--data", &data, "--customer", customer];
        done(&binary("safelight"), &args, &[], self.folder()).await.trim().to_owned()
    }

    /// Returns where Kafka is, `HOST:PORT`.
    pub(crate) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kafka.port)
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

impl Server {
    fn start(folder: PathBuf, port: u16, program: &Path, args: &[&str]) -> Server {
        Server { process: Process::start(program, args, &[], &folder), port, folder }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits for the answer that says it is there, and returns its body.
    async fn answers(&mut self, path: &str, is_right: impl Fn(StatusCode) -> bool) -> String {
        let url = self.url(path);
        eventually(&format!("an answer of {url}"), READY_MAX, async || {
            assert!(self.process.is_running(), "the server of {url} ended before it was ready");
            let answer = reqwest::get(&url).await.ok().filter(|answer| is_right(answer.status()))?;
            answer.text().await.ok()
        })
        .await
    }
}

/// Runs a program to its end, which must be a good one, and returns its stdout.
pub(crate) async fn done(program: &Path, args: &[&str], env: &[(String, String)], folder: &Path) -> String {
    let mut process = Process::start(program, args, env, folder);
    let status = process.ended(DONE_MAX).await;
    assert!(status.success(), "{} ended with {status}", program.display());
    process.stdout()
}

fn place(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    std::fs::create_dir_all(&folder).expect("the story's folder takes folders");
    folder
}

fn text(path: &Path) -> String {
    path.to_str().expect("the story's paths are UTF-8").to_owned()
}

async fn kafka(root: &Path) -> Server {
    let (folder, port, controller) = (place(root, "kafka"), free_port(), free_port());
    let properties = text(&folder.join("server.properties"));
    let log = folder.join("log");
    let settings = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         group.initial.rebalance.delay.ms=0\n",
        log.display()
    );
    std::fs::write(&properties, settings).expect("the story's folder takes files");
    let jars = format!("{}/*", cached("kafka-4.3.0").display());
    let java = [&JVM[..], &["-Xmx384m", "-cp", &jars]].concat();
    let format = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", &properties];
    done(Path::new("java"), &[&java[..], &format].concat(), &[], &folder).await;
    let run = [&java[..], &["kafka.Kafka", &properties]].concat();
    // Whoever comes first waits for its answer: librdkafka asks until there is one.
    Server::start(folder, port, Path::new("java"), &run)
}

fn s3(root: &Path) -> Server {
    let (folder, port) = (place(root, "s3"), free_port());
    let within = |name: &str| text(&place(&folder, name));
    let (iam, versions, data) = (within("iam"), within("versions"), within("data"));
    let address = format!("127.0.0.1:{port}");
    let args = ["--quiet", "--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY];
    let posix = ["--iam-dir", &iam, "posix", "--versioning-dir", &versions, &data];
    let args = [&args[..], &posix].concat();
    Server::start(folder, port, &cached("bin/versitygw"), &args)
}

fn dynamodb(root: &Path) -> Server {
    let (folder, port) = (place(root, "dynamodb"), free_port().to_string());
    let (data, jars) = (text(&place(&folder, "data")), cached("dynamodb-local-2.6.1"));
    let (library, jars) =
        (format!("-Djava.library.path={}", jars.display()), format!("{}/*", jars.display()));
    let java = [&JVM[..], &["-Xmx256m", &library, "-cp", &jars]].concat();
    let class = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";
    // With telemetry it would call home, and leave a file wherever the tests were started.
    let options = [class, "-port", &port, "-sharedDb", "-dbPath", &data, "-disableTelemetry"];
    let run = [&java[..], &options].concat();
    let port = port.parse().expect("a port is a number");
    Server::start(folder, port, Path::new("java"), &run)
}

/// Apicurio Registry alone.
pub(crate) struct Registry {
    server: Server,
    _folder: TempDir,
}

impl Registry {
    /// Starts it and returns once it answers.
    pub(crate) async fn start() -> Registry {
        let folder = tempfile::tempdir().expect("a story has a folder");
        let mut server = registry(folder.path());
        server.answers("/apis/ccompat/v7/subjects", |status| status.is_success()).await;
        Registry { server, _folder: folder }
    }

    /// Returns a URL of its Confluent-compatible side.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(&format!("/apis/ccompat/v7{path}"))
    }
}

fn registry(root: &Path) -> Server {
    let (folder, port) = (place(root, "registry"), free_port());
    let jar = text(&cached("apicurio-2.6.13").join("apicurio-registry-app-2.6.13.Final-runner.jar"));
    let listen = format!("-Dquarkus.http.port={port}");
    let args = ["-Xmx384m", "-Dquarkus.http.host=127.0.0.1", &listen, "-jar", &jar];
    Server::start(folder, port, Path::new("java"), &[&JVM[..], &args].concat())
}

fn issuer(root: &Path) -> Server {
    let (folder, port) = (place(root, "issuer"), free_port());
    let (address, data) = (format!("127.0.0.1:{port}"), text(&folder));
    let args = ["issuer", "--http", &address, "--data", &data];
    Server::start(folder, port, &binary("safelight"), &args)
}
