//! Starts servers for the tests: ours in this process or as a child to be killed, and the peers they are
//! held against.

#![expect(dead_code, reason = "each test file uses its own share of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use standins::dynamodb::DynamoDb;
use standins::s3::{Credentials, Store, serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ACCESS_KEY: &str = "AKIALOCALTEST";
pub(crate) const SECRET_KEY: &str = "local-test-secret-key";
const READY_SECS_MAX: u64 = 60;

/// Our S3 server in this process.
pub(crate) struct OurS3 {
    pub(crate) endpoint: String,
    pub(crate) store: Store,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl OurS3 {
    pub(crate) async fn start(dir: &Path) -> Self {
        let store = Store::open(dir).expect("the store opens");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound address"));
        let (stop, stopped) = oneshot::channel();
        let keys = Credentials::new(ACCESS_KEY, SECRET_KEY);
        let until = async {
            let _ = stopped.await;
        };
        let server = tokio::spawn(serve(store.clone(), listener, keys, until));
        Self { endpoint, store, stop, server }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.server.await.expect("the server ends").expect("the server ends well");
    }
}

/// Starts our DynamoDB server in this process, on a free port.
pub(crate) fn our_dynamodb(dir: &Path) -> DynamoDb {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    DynamoDb::start(dir, listener, Duration::from_millis(200)).expect("the tables open")
}

/// A child that is killed when the test lets go of it.
pub(crate) struct Peer {
    child: Child,
    pub(crate) endpoint: String,
}

impl Peer {
    /// Kills it as a crash would: no signal handler runs.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the child can be killed");
        self.child.wait().expect("the child can be waited for");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves from the folder in the environment, if this process was started as a child for that; never returns then.
pub(crate) fn serve_if_asked(variable: &str, serve: impl FnOnce(&Path) -> String) {
    let Some(dir) = std::env::var_os(variable) else { return };
    let endpoint = serve(Path::new(&dir));
    let mut output = std::io::stdout();
    // The test harness has begun a line of its own.
    writeln!(output, "\nready {endpoint}").expect("the parent listens");
    output.flush().expect("the parent listens");
    loop {
        std::thread::park();
    }
}

/// Runs this test binary again, as a server on `dir`: the test called `test` has to ask `serve_if_asked`.
pub(crate) fn start_self(test: &str, variable: &str, dir: &Path) -> Peer {
    let mut child = Command::new(std::env::current_exe().expect("our own path"))
        .args(["--exact", test, "--nocapture"])
        .env(variable, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test binary starts again");
    let output = child.stdout.take().expect("the output is piped");
    let line = BufReader::new(output).lines().map_while(Result::ok).find(|line| line.starts_with("ready "));
    let line = line.expect("the child says that it is ready");
    let endpoint = line.trim_start_matches("ready ").to_owned();
    Peer { child, endpoint }
}

/// The cache of fetched peers.
pub(crate) fn cache() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("SAFELIGHT_CACHE").map_or_else(|| workspace.join(".cache"), PathBuf::from)
}

/// A file of the cache, or the command that brings it.
pub(crate) fn cached(path: &str, fetch: &str) -> PathBuf {
    let found = cache().join(path);
    assert!(found.exists(), "`{}` is missing: run `{fetch}` first", found.display());
    found
}

/// Starts versitygw, an S3 server that we did not write.
pub(crate) fn versitygw(dir: &Path) -> Peer {
    let binary = cached("bin/versitygw", "deploy/tools/fetch-versitygw.sh");
    let folder = |name: &str| {
        let path = dir.join(name);
        std::fs::create_dir_all(&path).expect("a folder for versitygw");
        path
    };
    let address = free_address();
    let child = Command::new(binary)
        .args(["--quiet", "--port", &address.to_string(), "--access", ACCESS_KEY, "--secret", SECRET_KEY])
        .arg("--iam-dir")
        .arg(folder("iam"))
        .arg("posix")
        .arg("--versioning-dir")
        .arg(folder("versions"))
        .arg(folder("data"))
        .stdout(Stdio::null())
        .spawn()
        .expect("versitygw starts");
    until_open(Peer { child, endpoint: format!("http://{address}") }, address)
}

/// Starts Amazon's DynamoDB Local.
pub(crate) fn dynamodb_local(dir: &Path) -> Peer {
    let jars = cached("dynamodb-local-2.6.1", "deploy/tools/fetch-dynamodb-local.sh");
    let address = free_address();
    let child = Command::new("java")
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Djava.library.path={}", jars.display()))
        .args(["-cp", &format!("{}/*", jars.display())])
        .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
        .args(["-port", &address.port().to_string(), "-sharedDb", "-dbPath"])
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Java 17 runs DynamoDB Local");
    until_open(Peer { child, endpoint: format!("http://{address}") }, address)
}

// The peers do not take a listener, so a free port is found and let go again just before.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address")
}

fn until_open(mut peer: Peer, address: SocketAddr) -> Peer {
    let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        let gone = peer.child.try_wait().expect("the child can be asked");
        assert!(gone.is_none(), "the peer ended before it was ready: {gone:?}");
        assert!(Instant::now() < deadline, "the peer was not ready in {READY_SECS_MAX} s");
        std::thread::sleep(Duration::from_millis(20));
    }
    peer
}

/// Makes the calls of one matrix script with boto3; returns each call's answer in order.
pub(crate) fn run_matrix(script: &str, endpoint: &str) -> Vec<(String, serde_json::Value)> {
    let python = cached("venv/bin/python", "make tools");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity");
    let output = Command::new(python)
        .arg("-B")
        .arg(folder.join(script))
        .env("PARITY_ENDPOINT", endpoint)
        .env("PARITY_ACCESS_KEY", ACCESS_KEY)
        .env("PARITY_SECRET_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stderr(Stdio::inherit())
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "`{script}` against {endpoint} failed: {}", output.status);
    let answers: Vec<(String, serde_json::Value)> =
        serde_json::from_slice(&output.stdout).expect("the matrix prints JSON pairs");
    answers
}

/// The SDK's client, one attempt per call.
pub(crate) fn s3_client(endpoint: &str) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::{BehaviorVersion, Region};

    let keys = aws_sdk_s3::config::Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys)
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
