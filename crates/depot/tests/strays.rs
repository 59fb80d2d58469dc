//! What a process that was killed in the middle of an upload leaves in an S3 server that we did not write.

mod peer;

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use futures::StreamExt as _;
use proto::{CustomerId, ImageId, ObjectKey};

use peer::{Peer, Versions};

const BUCKET: &str = "safelight-originals";

fn new_key() -> String {
    ObjectKey::original(&CustomerId::parse("acme & sons").expect("a customer"), ImageId::mint()).to_string()
}

async fn begin(s3: &aws_sdk_s3::Client, key: &str) -> String {
    let begun = s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.expect("it begins");
    begun.upload_id.expect("an id")
}

/// Returns the keys of the first thousand unfinished uploads.
async fn unfinished(s3: &aws_sdk_s3::Client) -> Vec<String> {
    let list = s3.list_multipart_uploads().bucket(BUCKET).send().await.expect("a list");
    list.uploads().iter().filter_map(|upload| upload.key().map(str::to_owned)).collect()
}

#[tokio::test]
async fn uploads_of_the_dead_are_aborted_with_their_parts_and_twice_is_once() {
    let peer = Peer::start(Versions::Kept).await;
    let (s3, depot) = (peer.client(), peer.depot().await);
    let key = new_key();
    let id = begin(&s3, &key).await;
    let part = s3.upload_part().bucket(BUCKET).key(&key).upload_id(&id).part_number(1);
    part.body(ByteStream::from_static(b"bytes")).send().await.expect("a part");
    for other in ["original/of/somebody/else", "copy.tar"] {
        begin(&s3, other).await;
    }
    assert_eq!(depot.abort_strays(Duration::from_secs(3600)).await.expect("S3 answers"), 0);
    assert_eq!(unfinished(&s3).await.len(), 3, "what may be under way is left alone");
    assert_eq!(depot.abort_strays(Duration::ZERO).await.expect("S3 answers"), 1);
    assert_eq!(
        unfinished(&s3).await,
        ["copy.tar", "original/of/somebody/else"],
        "what is not ours is not touched"
    );
    let parts = s3.list_parts().bucket(BUCKET).key(&key).upload_id(&id).send().await;
    assert!(parts.is_err(), "its parts are gone");
    assert_eq!(depot.abort_strays(Duration::ZERO).await.expect("S3 answers"), 0);
}

#[tokio::test]
async fn more_strays_than_a_page_holds_are_all_found() {
    const UPLOADS: usize = 1_010;
    let peer = Peer::start(Versions::NotKept).await;
    let (s3, depot) = (peer.client(), peer.depot().await);
    let begun = futures::stream::iter(0..UPLOADS).map(|_| async { begin(&s3, &new_key()).await });
    assert_eq!(begun.buffer_unordered(16).count().await, UPLOADS);
    assert_eq!(depot.abort_strays(Duration::ZERO).await.expect("S3 answers"), UPLOADS);
    assert!(unfinished(&s3).await.is_empty());
}
