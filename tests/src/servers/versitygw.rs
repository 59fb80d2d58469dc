//! versitygw, an S3 server that we did not write.

use std::path::PathBuf;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use depot::Endpoint;
use reqwest::StatusCode;

use super::child::{Child, Home};
use crate::tools::cached;

/// What it is told to let in.
pub const ACCESS_KEY: &str = "AKIALOCALTEST";
/// The secret half of `ACCESS_KEY`.
pub const SECRET_KEY: &str = "local-test-secret-key";
const REGION: &str = "us-east-1";
/// The bucket of originals, as stations call it unless told otherwise.
pub const ORIGINALS: &str = "safelight-originals";
/// The bucket of renditions.
pub const RENDITIONS: &str = "safelight-renditions";

/// How often a client of ours asks it.
const ATTEMPTS_MAX: u32 = 5;

/// A running versitygw.
pub struct Versitygw {
    child: Child,
}

impl Versitygw {
    /// Starts it with nothing in it, and returns once it answers.
    pub async fn start() -> Versitygw {
        let home = Home::new();
        let (iam, versions, data) = (home.folder("iam"), home.folder("versions"), home.folder("data"));
        let address = format!("127.0.0.1:{}", home.port);
        let args = ["--quiet", "--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY];
        let posix = ["--iam-dir", &iam, "posix", "--versioning-dir", &versions, &data];
        let child = home.start(&cached("bin/versitygw"), &[&args[..], &posix].concat());
        let mut s3 = Versitygw { child };
        s3.until_open().await;
        s3
    }

    /// Starts it with both buckets.
    pub async fn with_buckets() -> Versitygw {
        let s3 = Versitygw::start().await;
        for bucket in [ORIGINALS, RENDITIONS] {
            s3.client().create_bucket().bucket(bucket).send().await.expect("a bucket");
        }
        s3
    }

    /// Kills it.
    pub fn go_away(&mut self) {
        self.child.go_away();
    }

    /// Starts it again with what it had.
    pub async fn come_back(&mut self) {
        self.child.come_back();
        self.until_open().await;
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        self.child.url("")
    }

    /// Returns how a depot finds it and is let in.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: self.url(),
            region: REGION.to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
        }
    }

    /// A client that looks at the server past the depot. It asks again: where an upload ends while the server lists them,
    /// its list is an `InternalError`.
    pub fn client(&self) -> Client {
        let once = s3_client(&self.url());
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX);
        Client::from_conf(once.config().to_builder().retry_config(retry).build())
    }

    /// Lays an object into the folder behind the server: it is listed as any other, and says nothing about itself.
    pub fn lay(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let path = PathBuf::from(self.child.home().folder("data")).join(bucket).join(key);
        std::fs::create_dir_all(path.parent().expect("a key has a folder")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Returns the originals' keys that begin with `prefix`.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let list =
            self.client().list_objects_v2().bucket(ORIGINALS).prefix(prefix).send().await.expect("a list");
        list.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Returns the bytes of an object among the originals.
    pub async fn bytes(&self, key: &str) -> Vec<u8> {
        let object = self.client().get_object().bucket(ORIGINALS).key(key).send().await.expect("the object");
        object.body.collect().await.expect("its bytes").to_vec()
    }

    /// Stores an object among the originals.
    pub async fn put(&self, key: &str, bytes: &'static [u8]) {
        let put = self.client().put_object().bucket(ORIGINALS).key(key).body(ByteStream::from_static(bytes));
        put.send().await.expect("it is stored");
    }

    /// Begins an upload in parts, stores one and leaves it so.
    pub async fn begin_upload(&self, key: &str) {
        let s3 = self.client();
        let begun = s3.create_multipart_upload().bucket(ORIGINALS).key(key).send().await.expect("it begins");
        let part = s3.upload_part().bucket(ORIGINALS).key(key).set_upload_id(begun.upload_id).part_number(1);
        part.body(ByteStream::from_static(b"bytes")).send().await.expect("a part is stored");
    }

    /// Returns how many uploads in parts are neither complete nor aborted.
    pub async fn unfinished_uploads(&self) -> usize {
        let list = self.client().list_multipart_uploads().bucket(ORIGINALS).send().await.expect("a list");
        list.uploads().len()
    }

    async fn until_open(&mut self) {
        self.child.answers("/", |status| status == StatusCode::FORBIDDEN).await;
    }
}

/// The SDK's client for a server that lets `ACCESS_KEY` in, one attempt per call.
pub fn s3_client(url: &str) -> Client {
    let keys = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(keys)
        .retry_config(RetryConfig::disabled())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}
