//! versitygw, an S3 server that we did not write, as a child of the test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use depot::{Depot, DepotArgs, Endpoint};
use tempfile::TempDir;

const ACCESS_KEY: &str = "AKIALOCALTEST";
const SECRET_KEY: &str = "local-test-secret-key";
const READY_SECS_MAX: u64 = 30;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    depot: DepotArgs,
}

/// The running server with both buckets made.
pub(crate) struct Peer {
    child: Child,
    endpoint: String,
    _dir: TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the buckets keep versions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    Kept,
    NotKept,
}

impl Peer {
    pub(crate) async fn start(versions: Versions) -> Peer {
        let dir = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let child = spawn(dir.path(), address);
        let peer = Peer { child, endpoint: format!("http://{address}"), _dir: dir };
        until_open(address);
        for bucket in ["safelight-originals", "safelight-renditions"] {
            peer.client().create_bucket().bucket(bucket).send().await.expect("a bucket");
            if versions == Versions::Kept {
                let enabled =
                    VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
                let put =
                    peer.client().put_bucket_versioning().bucket(bucket).versioning_configuration(enabled);
                put.send().await.expect("versions are kept");
            }
        }
        peer
    }

    pub(crate) fn args(&self) -> DepotArgs {
        let mut args = <Cli as clap::Parser>::parse_from(["test", "--s3-force-path-style=true"]).depot;
        args.endpoint = Some(Endpoint {
            url: self.endpoint.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        });
        args
    }

    pub(crate) async fn depot(&self) -> Depot {
        Depot::open(&self.args()).await
    }

    /// A client that looks at the server past the depot.
    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        let keys = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(keys)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}

fn spawn(dir: &Path, address: SocketAddr) -> Child {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cache = std::env::var_os("SAFELIGHT_CACHE").map_or_else(|| workspace.join(".cache"), PathBuf::from);
    let binary = cache.join("bin/versitygw");
    assert!(
        binary.exists(),
        "`{}` is missing: run `deploy/tools/fetch-versitygw.sh` first",
        binary.display()
    );
    let folder = |name: &str| {
        let path = dir.join(name);
        std::fs::create_dir_all(&path).expect("a folder for versitygw");
        path
    };
    Command::new(binary)
        .args(["--quiet", "--port", &address.to_string(), "--access", ACCESS_KEY, "--secret", SECRET_KEY])
        .arg("--iam-dir")
        .arg(folder("iam"))
        .arg("posix")
        .arg("--versioning-dir")
        .arg(folder("versions"))
        .arg(folder("data"))
        .stdout(Stdio::null())
        .spawn()
        .expect("versitygw starts")
}

/// It takes no listener, so a free port is found and let go again just before.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address")
}

fn until_open(address: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        assert!(Instant::now() < deadline, "versitygw was not ready in {READY_SECS_MAX} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
