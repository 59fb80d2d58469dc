//! versitygw, an S3 server that we did not write, as a child of the test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use depot::Endpoint;
use tempfile::TempDir;

const ACCESS_KEY: &str = "AKIALOCALTEST";
const SECRET_KEY: &str = "local-test-secret-key";
const ORIGINALS: &str = "safelight-originals";
const READY_SECS_MAX: u64 = 30;

pub(crate) struct S3 {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl S3 {
    pub(crate) async fn start() -> S3 {
        let dir = tempfile::tempdir().expect("a folder");
        // It takes no listener, so a free port is found and let go again just before.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        drop(listener);
        let s3 = S3 { child: spawn(dir.path(), address), address, dir };
        s3.until_open();
        for bucket in [ORIGINALS, "safelight-renditions"] {
            s3.client().create_bucket().bucket(bucket).send().await.expect("a bucket");
        }
        s3
    }

    pub(crate) fn go_away(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn come_back(&mut self) {
        self.child = spawn(self.dir.path(), self.address);
        self.until_open();
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: format!("http://{}", self.address),
            region: "us-east-1".to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        }
    }

    pub(crate) fn client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Returns the keys that begin with `prefix`.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let list =
            self.client().list_objects_v2().bucket(ORIGINALS).prefix(prefix).send().await.expect("a list");
        list.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    pub(crate) async fn bytes(&self, key: &str) -> Vec<u8> {
        let object = self.client().get_object().bucket(ORIGINALS).key(key).send().await.expect("the object");
        object.body.collect().await.expect("its bytes").to_vec()
    }

    pub(crate) async fn put(&self, key: &str, bytes: &'static [u8]) {
        let put = self.client().put_object().bucket(ORIGINALS).key(key).body(ByteStream::from_static(bytes));
        put.send().await.expect("it is stored");
    }

    /// Begins an upload in parts, stores one and leaves it so.
    pub(crate) async fn begin_upload(&self, key: &str) {
        let s3 = self.client();
        let begun = s3.create_multipart_upload().bucket(ORIGINALS).key(key).send().await.expect("it begins");
        let part = s3.upload_part().bucket(ORIGINALS).key(key).set_upload_id(begun.upload_id).part_number(1);
        part.body(ByteStream::from_static(b"bytes")).send().await.expect("a part is stored");
    }

    pub(crate) async fn unfinished_uploads(&self) -> usize {
        let list = self.client().list_multipart_uploads().bucket(ORIGINALS).send().await.expect("a list");
        list.uploads().len()
    }

    fn until_open(&self) {
        let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        while TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_err() {
            assert!(Instant::now() < deadline, "versitygw was not ready in {READY_SECS_MAX} s");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn spawn(dir: &Path, address: SocketAddr) -> Child {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
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
