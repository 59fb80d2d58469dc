//! The depot against an S3 server that we did not write.

mod peer;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use depot::{
    Bucket, ByteRange, CheckError, Claimed, Deposit, DepositError, Depot, PART_BYTES, RedeemError,
    StreamError,
};
use futures::future::join_all;
use futures::stream::{Stream, StreamExt as _};
use proto::{ClaimCheck, CustomerId, ImageId, ObjectKey, Sha256, UnixMillis};

use peer::{Peer, Versions};
use street::port::free_port;

const BYTES_MAX: u64 = 64 << 20;

fn acme() -> CustomerId {
    CustomerId::parse("acme & sons").expect("a customer")
}

fn new_key() -> ObjectKey {
    ObjectKey::original(&acme(), ImageId::mint())
}

fn deposit<'a>(key: &'a ObjectKey, metadata: &'a [(&'a str, String)]) -> Deposit<'a> {
    Deposit { bucket: Bucket::Originals, key, content_type: "image/png", metadata }
}

fn patterned(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at % 251).expect("below 251")).collect::<Vec<u8>>().into()
}

fn in_chunks(
    bytes: &Bytes,
    chunk_bytes: usize,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin + use<> {
    let chunks: Vec<_> = bytes.chunks(chunk_bytes).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    futures::stream::iter(chunks)
}

async fn unfinished_uploads(peer: &Peer) -> usize {
    let list =
        peer.client().list_multipart_uploads().bucket("safelight-originals").send().await.expect("a list");
    list.uploads().len()
}

async fn until_no_unfinished_uploads(peer: &Peer) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while unfinished_uploads(peer).await > 0 {
        assert!(Instant::now() < deadline, "an unfinished upload stays");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_deposited_is_redeemed_with_all_that_was_said_about_it() {
    for versions in [Versions::Kept, Versions::NotKept] {
        let peer = Peer::start(versions).await;
        let depot = peer.depot().await;
        let key = new_key();
        // 64 KiB and its neighbours stalled the SDK once.
        for length in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
            let (key, bytes) = (new_key(), patterned(length));
            let check = depot.deposit(deposit(&key, &[]), bytes.clone()).await.unwrap();
            assert_eq!((check.bytes, check.sha256), (length as u64, Sha256::of(&bytes)));
            assert_eq!(check.version.is_some(), versions == Versions::Kept);
            assert_eq!(depot.redeem(&check, BYTES_MAX).await.unwrap(), bytes);
        }
        let metadata = [("channel", "api".to_owned()), ("filename", "a%20b".to_owned())];
        depot.deposit(deposit(&key, &metadata), Bytes::from("x")).await.unwrap();
        let stored = depot.head(Bucket::Originals, &key).await.unwrap().unwrap();
        assert_eq!((stored.bytes, stored.content_type.as_str()), (1, "image/png"));
        assert_eq!(stored.metadata["filename"], "a%20b");
        assert_eq!(stored.sha256, Some(Sha256::of(b"x")));
        assert_eq!(depot.head(Bucket::Originals, &new_key()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_deposit_twice_is_once_and_other_bytes_change_nothing() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let key = new_key();
    let first = depot.deposit(deposit(&key, &[]), Bytes::from("bytes")).await.unwrap();
    assert_eq!(depot.deposit(deposit(&key, &[]), Bytes::from("bytes")).await.unwrap(), first);
    let error = depot.deposit(deposit(&key, &[]), Bytes::from("other")).await.unwrap_err();
    assert!(matches!(error, DepositError::Taken(stored) if *stored == first));
    assert_eq!(depot.redeem(&first, BYTES_MAX).await.unwrap(), "bytes");
}

#[tokio::test]
async fn of_32_racing_writers_one_wins_and_the_others_learn_whose_bytes_lie_there() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let key = new_key();
    let racers = (0..32).map(|n| depot.deposit(deposit(&key, &[]), Bytes::from(format!("writer {n}"))));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(racers).await.into_iter().partition(Result::is_ok);
    let winner = won.into_iter().map(Result::unwrap).collect::<Vec<ClaimCheck>>();
    assert_eq!((winner.len(), lost.len()), (1, 31));
    for error in lost {
        assert!(matches!(error.unwrap_err(), DepositError::Taken(stored) if *stored == winner[0]));
    }
}

#[tokio::test]
async fn a_stream_of_any_length_is_stored_whole_and_twice_is_once() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    for length in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 12_345]
    {
        let (key, bytes) = (new_key(), patterned(length));
        let check = depot.deposit_stream(deposit(&key, &[]), in_chunks(&bytes, 1_000_003)).await.unwrap();
        assert_eq!((check.bytes, check.sha256), (length as u64, Sha256::of(&bytes)), "{length}");
        assert_eq!(depot.redeem(&check, BYTES_MAX).await.unwrap(), bytes);
        let again = depot.deposit_stream(deposit(&key, &[]), in_chunks(&bytes, 7_000_000)).await.unwrap();
        assert_eq!(again, check, "{length}");
        let other = patterned(length + 1);
        let taken = depot.deposit_stream(deposit(&key, &[]), in_chunks(&other, 7_000_000)).await.unwrap_err();
        let StreamError::Deposit(DepositError::Taken(stored)) = taken else { panic!("{length}: {taken:?}") };
        assert_eq!(*stored, check, "{length}");
    }
    until_no_unfinished_uploads(&peer).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_let_go_of_leaves_nothing() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let (key, bytes) = (new_key(), patterned(PART_BYTES + 1));
    let start = || in_chunks(&bytes, 1 << 20).map(|chunk| chunk.map_err(|never| match never {}));
    let broken = start().chain(futures::stream::iter([Err("gone")]));
    let error = depot.deposit_stream(deposit(&key, &[]), broken).await.unwrap_err();
    assert!(matches!(error, StreamError::Body("gone")));

    let stalled = start().chain(futures::stream::pending::<Result<Bytes, &str>>()).boxed();
    let (copy, copied_key) = (depot.clone(), key.clone());
    let upload = tokio::spawn(async move { copy.deposit_stream(deposit(&copied_key, &[]), stalled).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    while unfinished_uploads(&peer).await == 0 {
        assert!(Instant::now() < deadline, "the upload never begins");
        tokio::task::yield_now().await;
    }
    upload.abort();
    until_no_unfinished_uploads(&peer).await;
    assert_eq!(depot.head(Bucket::Originals, &key).await.unwrap(), None);
}

#[tokio::test]
async fn a_check_that_does_not_fit_is_not_redeemed() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let check = depot.deposit(deposit(&new_key(), &[]), Bytes::from("bytes")).await.unwrap();
    let with = |change: &dyn Fn(&mut ClaimCheck)| {
        let mut check = check.clone();
        change(&mut check);
        check
    };
    for (what, check) in [
        ("another hash", with(&|check| check.sha256 = Sha256::of(b"other"))),
        ("shorter", with(&|check| check.bytes = 4)),
        ("longer", with(&|check| check.bytes = 6)),
        ("too long", with(&|check| check.bytes = BYTES_MAX + 1)),
        ("another bucket", with(&|check| check.bucket = "other-bucket".to_owned())),
        ("another etag", with(&|check| (check.version, check.etag) = (None, "\"0\"".to_owned()))),
    ] {
        let error = depot.redeem(&check, BYTES_MAX).await.unwrap_err();
        assert!(matches!(error, RedeemError::Corrupt(_)), "{what}: {error:?}");
    }
    for (what, check) in [
        ("another key", with(&|check| (check.key, check.version) = (new_key(), None))),
        ("another version", with(&|check| check.version = Some("01JDEVPQ4NVPQV1Z1Z1Z1Z1Z1Z".to_owned()))),
    ] {
        let error = depot.redeem(&check, BYTES_MAX).await.unwrap_err();
        assert!(matches!(error, RedeemError::Missing), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn an_object_swapped_after_the_deposit_is_not_taken_for_the_old_one() {
    for versions in [Versions::Kept, Versions::NotKept] {
        let peer = Peer::start(versions).await;
        let depot = peer.depot().await;
        let key = new_key();
        let check = depot.deposit(deposit(&key, &[]), Bytes::from("bytes")).await.unwrap();
        let swap = peer.client().put_object().bucket("safelight-originals").key(key.to_string());
        swap.body(Bytes::from("swapped").into()).send().await.unwrap();
        match (depot.redeem(&check, BYTES_MAX).await, versions) {
            (Ok(bytes), Versions::Kept) => assert_eq!(bytes, "bytes"),
            (Err(RedeemError::Corrupt(_)), Versions::NotKept) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
}

async fn read(depot: &Depot, check: &ClaimCheck, range: Option<ByteRange>) -> (Vec<u8>, bool) {
    let mut stream = depot.open_object(check, range).await.expect("the object opens");
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(_) => return (bytes, false),
        }
    }
    assert_eq!(bytes.len() as u64, stream.bytes());
    (bytes, true)
}

#[tokio::test]
async fn an_opened_object_streams_whole_or_in_part_and_wrong_bytes_never_come_whole() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let bytes = patterned(3_000_000);
    let check = depot.deposit(deposit(&new_key(), &[]), bytes.clone()).await.unwrap();
    assert!(read(&depot, &check, None).await == (bytes.to_vec(), true));
    let range = ByteRange { first: 100, last: 199 };
    assert_eq!(read(&depot, &check, Some(range)).await, (bytes[100..200].to_vec(), true));
    let wrong = ClaimCheck { sha256: Sha256::of(b"other"), ..check };
    let (some, is_whole) = read(&depot, &wrong, None).await;
    assert!(!is_whole && some.len() < bytes.len());
}

#[tokio::test]
async fn one_claimant_wins_and_all_others_learn_the_id() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let key = ObjectKey::claim(&acme(), "my key");
    let ids: Vec<ImageId> = (0..32).map(|_| ImageId::mint()).collect();
    let claims = join_all(ids.iter().map(|id| depot.claim(&key, *id))).await;
    let claims: Vec<Claimed> = claims.into_iter().map(Result::unwrap).collect();
    let winners: Vec<ImageId> =
        ids.iter().zip(&claims).filter(|(_, claimed)| **claimed == Claimed::Won).map(|(id, _)| *id).collect();
    assert_eq!(winners.len(), 1);
    for claimed in claims {
        assert!(matches!(claimed, Claimed::Won | Claimed::Lost { .. }));
        if let Claimed::Lost { id, age } = claimed {
            assert_eq!(id, winners[0]);
            assert!(age < Duration::from_secs(60));
        }
    }
    assert_eq!(depot.claim(&key, winners[0]).await.unwrap(), Claimed::Won, "the holder's own retry");
}

#[tokio::test]
async fn a_claims_age_is_its_ids() {
    let peer = Peer::start(Versions::Kept).await;
    let depot = peer.depot().await;
    let key = ObjectKey::claim(&acme(), "old key");
    let old = ImageId::mint_at(UnixMillis(UnixMillis::now().0 - 3_600_000));
    depot.claim(&key, old).await.unwrap();
    let Claimed::Lost { id, age } = depot.claim(&key, ImageId::mint()).await.unwrap() else { panic!("won") };
    assert_eq!(id, old);
    assert!(age >= Duration::from_secs(3600));
}

#[tokio::test]
async fn originals_are_listed_page_by_page() {
    let peer = Peer::start(Versions::NotKept).await;
    let depot = peer.depot().await;
    let keys: Vec<ObjectKey> = (0..40).map(|_| new_key()).collect();
    for key in &keys {
        depot.deposit(deposit(key, &[]), Bytes::from("x")).await.unwrap();
    }
    let Some(id) = keys[0].image_id() else { panic!("an original names its image") };
    let prefix = ObjectKey::originals_of_day(id.shard(), id.day());
    let mut expected: Vec<String> =
        keys.iter().map(ToString::to_string).filter(|key| key.starts_with(&prefix)).collect();
    expected.sort();
    let listing = depot.list_originals(&prefix, None).await.unwrap();
    let listed: Vec<String> = listing.keys.iter().map(ToString::to_string).collect();
    assert_eq!((listed, listing.next), (expected.clone(), None));
    let after = depot.list_originals(&prefix, Some(&expected[0])).await.unwrap();
    assert_eq!(after.keys.len(), expected.len() - 1);
}

#[tokio::test]
async fn the_check_tells_wrong_from_away() {
    let peer = Peer::start(Versions::NotKept).await;
    peer.depot().await.check().await.unwrap();

    let mut other_bucket = peer.args();
    other_bucket.bucket_renditions = "no-such-bucket".to_owned();
    let mut other_secret = peer.args();
    other_secret.endpoint.as_mut().unwrap().secret_access_key = "wrong".to_owned();
    for args in [other_bucket, other_secret] {
        let error = Depot::open(&args).await.check().await.unwrap_err();
        assert!(matches!(error, CheckError::Refused { .. }), "{error:?}");
    }

    let mut away = peer.args();
    away.endpoint.as_mut().unwrap().url = format!("http://127.0.0.1:{}", free_port());
    let depot = Depot::open(&away).await;
    assert!(matches!(depot.check().await, Err(CheckError::Unavailable(_))));
    let error = depot.deposit(deposit(&new_key(), &[]), Bytes::from("x")).await.unwrap_err();
    assert!(matches!(error, DepositError::Unavailable(_)));
}
