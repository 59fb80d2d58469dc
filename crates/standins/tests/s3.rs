//! What the parity matrix cannot show: lifecycle rules applied, keys as mere strings, hostile bytes, re-opening.

mod support;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    VersioningConfiguration,
};
use standins::s3::{OpenError, Store};
use street::servers::s3_client;
use support::OurS3;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn started() -> (tempfile::TempDir, OurS3, Client) {
    let dir = tempfile::tempdir().expect("a folder");
    let server = OurS3::start(dir.path()).await;
    let client = s3_client(&server.endpoint);
    client.create_bucket().bucket("pics").send().await.expect("a bucket");
    (dir, server, client)
}

async fn put(client: &Client, key: &str, body: &[u8]) {
    let put = client.put_object().bucket("pics").key(key).body(body.to_vec().into());
    put.send().await.expect("the object is stored");
}

async fn keys(client: &Client) -> Vec<String> {
    let listed = client.list_objects_v2().bucket("pics").send().await.expect("a list");
    listed.contents().iter().filter_map(|object| object.key.clone()).collect()
}

fn rule(prefix: &str) -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
    LifecycleRule::builder()
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
}

async fn configure(client: &Client, rule: &LifecycleRule) {
    let rules = BucketLifecycleConfiguration::builder().rules(rule.clone()).build().expect("one rule");
    let put = client.put_bucket_lifecycle_configuration().bucket("pics").lifecycle_configuration(rules);
    put.send().await.expect("the rules are taken");
}

fn in_days(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(days)
}

#[tokio::test]
async fn objects_under_the_prefix_expire_after_their_days_and_twice_is_once() {
    let (dir, server, client) = started().await;
    put(&client, "original/1", b"old").await;
    put(&client, "keep/1", b"stays").await;
    let seven = rule("original/").expiration(LifecycleExpiration::builder().days(7).build());
    configure(&client, &seven.build().unwrap()).await;

    assert_eq!(server.store.apply_lifecycle(in_days(6)).await.unwrap().objects_expired, 0);
    assert_eq!(server.store.apply_lifecycle(in_days(8)).await.unwrap().objects_expired, 1);
    assert_eq!(server.store.apply_lifecycle(in_days(8)).await.unwrap().objects_expired, 0);
    assert_eq!(keys(&client).await, ["keep/1"]);
    server.stop().await;
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 1);
}

#[tokio::test]
async fn old_versions_markers_and_uploads_go_by_their_own_rules() {
    let (dir, server, client) = started().await;
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client.put_bucket_versioning().bucket("pics").versioning_configuration(enabled).send().await.unwrap();
    put(&client, "k", b"one").await;
    put(&client, "k", b"two").await;
    client.create_multipart_upload().bucket("pics").key("unfinished").send().await.unwrap();
    let all = rule("")
        .expiration(LifecycleExpiration::builder().days(2).build())
        .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(1).build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build(),
        );
    configure(&client, &all.build().unwrap()).await;

    let swept = server.store.apply_lifecycle(in_days(4)).await.unwrap();
    assert_eq!((swept.objects_expired, swept.versions_removed, swept.uploads_aborted), (1, 1, 1));
    // The expired object is hidden under a marker first; its version goes a sweep later, the marker with it.
    let swept = server.store.apply_lifecycle(in_days(8)).await.unwrap();
    assert_eq!((swept.versions_removed, swept.markers_removed), (1, 1));
    let left = client.list_object_versions().bucket("pics").send().await.unwrap();
    assert!(left.versions().is_empty() && left.delete_markers().is_empty());
    server.stop().await;
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_lifecycle_is_read_back_as_it_was_given_and_nonsense_is_refused() {
    let (_dir, server, client) = started().await;
    let none = client.get_bucket_lifecycle_configuration().bucket("pics").send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchLifecycleConfiguration"));
    let given = rule("x/")
        .id("seven-days")
        .expiration(LifecycleExpiration::builder().days(7).build())
        .build()
        .unwrap();
    configure(&client, &given).await;
    let read = client.get_bucket_lifecycle_configuration().bucket("pics").send().await.unwrap();
    assert_eq!(read.rules(), [given]);
    let idle = BucketLifecycleConfiguration::builder().rules(rule("x/").build().unwrap()).build().unwrap();
    let put = client.put_bucket_lifecycle_configuration().bucket("pics").lifecycle_configuration(idle);
    assert_eq!(put.send().await.unwrap_err().code(), Some("InvalidRequest"));
    client.delete_bucket_lifecycle().bucket("pics").send().await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn keys_are_strings_and_never_paths() {
    let (dir, server, client) = started().await;
    let strange =
        ["../../escape", "a/../b", ".", "..", "a//b", "trailing/", "a/./b", "%2e%2e/x", "nul\u{1}l", "日本"];
    for key in strange {
        put(&client, key, key.as_bytes()).await;
    }
    for key in strange {
        let got = client.get_object().bucket("pics").key(key).send().await.unwrap();
        assert_eq!(got.body.collect().await.unwrap().into_bytes(), key.as_bytes(), "{key:?}");
    }
    server.stop().await;
    let outside: Vec<_> = std::fs::read_dir(dir.path().parent().unwrap())
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name() == "escape")
        .collect();
    assert!(outside.is_empty());
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), strange.len());
}

#[tokio::test]
async fn hostile_bytes_get_an_answer_or_a_closed_door_and_the_server_goes_on() {
    let (_dir, server, client) = started().await;
    let address = server.endpoint.trim_start_matches("http://").to_owned();
    let requests: [&[u8]; 9] = [
        b"\x00\xff\x16\x03\x01 nonsense\r\n\r\n",
        b"GET /pics/%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /pics/k?X-Amz-Signature=x&X-Amz-Credential=%%% HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /pics/k HTTP/1.1\r\nhost: x\r\nauthorization: AWS4-HMAC-SHA256 Credential=////\r\n\r\n",
        b"GET /pics/k HTTP/1.1\r\nhost: x\r\nx-amz-date: 99999999T999999Z\r\n\r\n",
        b"PUT /pics/k HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"PUT /pics/k HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nx-amz-decoded-content-length: -1\r\n\r\nhello",
        b"POST /pics?delete HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n<<<<<<<<<",
        b"PUT /pics/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for request in requests {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let is_refused =
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 501");
        assert!(is_refused, "{:?}", String::from_utf8_lossy(&answer));
    }
    put(&client, "still-there", b"x").await;
    assert_eq!(keys(&client).await, ["still-there"]);
    server.stop().await;
}

#[tokio::test]
async fn a_body_of_many_pieces_comes_back_as_it_was() {
    let (dir, server, client) = started().await;
    let body: Vec<u8> =
        (0..5_000_011_u32).map(|number| number.to_le_bytes()[(number % 3) as usize]).collect();
    put(&client, "large", &body).await;
    let got = client.get_object().bucket("pics").key("large").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().into_bytes() == body);
    // A read that began before the delete ends well.
    let got = client.get_object().bucket("pics").key("large").send().await.unwrap();
    client.delete_object().bucket("pics").key("large").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().into_bytes() == body);
    server.stop().await;
    assert_eq!(std::fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_open_is_refused_and_a_later_one_finds_everything() {
    let (dir, server, client) = started().await;
    put(&client, "kept", b"bytes").await;
    assert!(matches!(Store::open(dir.path()), Err(OpenError::InUse(_))));
    std::fs::write(dir.path().join("blobs/stray"), b"half").unwrap();
    server.stop().await;
    let server = OurS3::start(dir.path()).await;
    let client = s3_client(&server.endpoint);
    assert_eq!(keys(&client).await, ["kept"]);
    assert!(!dir.path().join("blobs/stray").exists());
    server.stop().await;
}
