//! Our S3 and DynamoDB servers answer one matrix of calls, made by boto3, as servers that we did not write.

mod support;

use serde_json::Value;
use street::servers::{DynamoDbLocal, Versitygw};

/// Where the peer departs from what AWS documents, and we follow AWS: call, and why.
const S3_DIFFERENCES: &[(&str, &str)] = &[
    (
        "object: delete many, quietly",
        "DeleteObjects, `Quiet`: the answer holds only keys that could not be deleted",
    ),
    (
        "trailer: head it",
        "PutObject with trailing checksums: S3 stores the object without `aws-chunked` in its Content-Encoding",
    ),
    (
        "versions: put if none over a marker",
        "conditional writes: with a delete marker as the current version, `If-None-Match: *` succeeds",
    ),
    ("versions: get after it", "the same: the object put over the delete marker is there"),
    (
        "versions: uncovered above a null one",
        "removing delete markers: the version that was stored most recently becomes current again",
    ),
    (
        "versions: put while suspended",
        "versioning suspended: the stored object has the version id `null`; the peer leaves the id out",
    ),
    (
        "versions: get while suspended",
        "versioning suspended: the stored object has the version id `null`; the peer leaves the id out",
    ),
    ("list: a bad token", "ListObjectsV2: a continuation token that S3 did not make is an `InvalidArgument`"),
];

/// The same for DynamoDB Local.
const DYNAMODB_DIFFERENCES: &[(&str, &str)] = &[];

type Answers = Vec<(String, Value)>;

#[tokio::test(flavor = "multi_thread")]
async fn our_s3_answers_as_versitygw_does() {
    let ours = tempfile::tempdir().unwrap();
    let server = support::OurS3::start(ours.path()).await;
    let endpoint = server.endpoint.clone();
    let our_answers = tokio::task::spawn_blocking(move || support::run_matrix("s3_matrix.py", &endpoint));
    let our_answers = our_answers.await.unwrap();
    server.stop().await;
    let peer = Versitygw::start().await;
    let their_answers = support::run_matrix("s3_matrix.py", &peer.url());
    compare(&our_answers, &their_answers, S3_DIFFERENCES);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_dynamodb_answers_as_dynamodb_local_does() {
    let ours = tempfile::tempdir().unwrap();
    let server = support::our_dynamodb(ours.path());
    let endpoint = format!("http://{}", server.address());
    let our_answers =
        tokio::task::spawn_blocking(move || support::run_matrix("dynamodb_matrix.py", &endpoint));
    let our_answers = our_answers.await.unwrap();
    server.stop().await;
    let peer = DynamoDbLocal::start().await;
    let their_answers = support::run_matrix("dynamodb_matrix.py", &peer.url());
    compare(&our_answers, &their_answers, DYNAMODB_DIFFERENCES);
}

/// Asserts equality call by call. A listed difference that is none any more has to leave the list.
fn compare(ours: &Answers, theirs: &Answers, differences: &[(&str, &str)]) {
    let names = |answers: &Answers| answers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs), "the same calls were made");
    let mut unexpected = Vec::new();
    for ((name, our), (_, their)) in ours.iter().zip(theirs) {
        let is_listed = differences.iter().any(|(listed, _)| listed == name);
        match (our == their, is_listed) {
            (true, false) | (false, true) => {}
            (false, false) => unexpected.push(format!("{name}\n    ours:  {our}\n    peer: {their}")),
            (true, true) => unexpected.push(format!("{name}: listed as different, yet both say {our}")),
        }
    }
    assert!(
        unexpected.is_empty(),
        "{} of {} calls:\n{}",
        unexpected.len(),
        ours.len(),
        unexpected.join("\n")
    );
}

#[test]
fn every_known_difference_gives_its_reason() {
    for (call, reason) in S3_DIFFERENCES.iter().chain(DYNAMODB_DIFFERENCES) {
        assert!(reason.len() > 20, "`{call}` needs the reason why AWS sides with us");
    }
}
