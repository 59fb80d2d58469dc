//! Starts the servers that are tested: in this process, or as a child to be killed.

#![expect(dead_code, reason = "each test file uses its own share of it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use standins::dynamodb::DynamoDb;
use standins::s3::{Credentials, Store, serve};
use street::servers::{ACCESS_KEY, SECRET_KEY};
use street::tools::{cached, root};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

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

/// This test binary again, as a server. It is killed when the test lets go of it.
pub(crate) struct Killable {
    child: Child,
    pub(crate) endpoint: String,
}

impl Killable {
    /// Kills it as a crash would: no signal handler runs.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the child can be killed");
        self.child.wait().expect("the child can be waited for");
    }
}

impl Drop for Killable {
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
pub(crate) fn start_self(test: &str, variable: &str, dir: &Path) -> Killable {
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
    Killable { child, endpoint }
}

/// Makes the calls of one matrix script with boto3; returns each call's answer in order.
pub(crate) fn run_matrix(script: &str, endpoint: &str) -> Vec<(String, serde_json::Value)> {
    let python = cached("venv/bin/python");
    let folder = root().join("tests/parity");
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
