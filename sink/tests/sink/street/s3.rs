//! versitygw, an S3 server that we did not write, as a child of the test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use depot::Endpoint;
use tempfile::TempDir;

const ACCESS_KEY: &str = "AKIALOCALTEST";
const SECRET_KEY: &str = "local-test-secret-key";
const READY_SECS_MAX: u64 = 30;

pub(crate) struct S3 {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl S3 {
    pub(crate) fn start() -> S3 {
        let dir = tempfile::tempdir().expect("a folder");
        // It takes no listener, so a free port is found and let go again just before.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        drop(listener);
        let child = spawn(dir.path(), address);
        let deadline = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            assert!(Instant::now() < deadline, "versitygw was not ready in {READY_SECS_MAX} s");
            std::thread::sleep(Duration::from_millis(20));
        }
        S3 { child, address, dir }
    }

    /// Lays an object into the folder behind the server: it is listed as any other, and says nothing about itself.
    pub(crate) fn lay(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let path = self.dir.path().join("data").join(bucket).join(key);
        std::fs::create_dir_all(path.parent().expect("a key has a folder")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: format!("http://{}", self.address),
            region: "us-east-1".to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        }
    }
}

fn spawn(dir: &Path, address: SocketAddr) -> Child {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cache = std::env::var_os("SAFELIGHT_CACHE").map_or_else(|| workspace.join(".cache"), PathBuf::from);
    let binary = cache.join("bin/versitygw");
    let hint = "run `deploy/tools/fetch-versitygw.sh` first";
    assert!(binary.exists(), "`{}` is missing: {hint}", binary.display());
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
