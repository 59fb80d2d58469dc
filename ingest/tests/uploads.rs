//! Uploads over a real socket into a real S3 server and librdkafka's broker.

#[path = "uploads/clients.rs"]
mod clients;
#[path = "uploads/fairness.rs"]
mod fairness;
mod station;
#[path = "uploads/take_over.rs"]
mod take_over;

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use proto::{Channel, CustomerId, Format, ImageId, ObjectKey, Picture, Sha256, UnixMillis};
use street::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use station::{Street, png};

const MULTIPART_BYTES: usize = (8 << 20) + 100_000;

#[tokio::test]
async fn an_acknowledged_upload_is_in_s3_and_its_fact_in_kafka() {
    let street = Street::start(&[]).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for length in [100, MULTIPART_BYTES] {
        let request = street.request_to("?filename=a%20b.png", "acme").header("traceparent", trace);
        let answer = street.send(request.body(png(length))).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let sha256 = Sha256::of(&png(length));
        assert_eq!(answer.json()["sha256"], sha256.to_hex());
        assert_eq!(answer.json()["bytes"], length);
        assert_eq!(answer.json()["status"], "uploaded");
        let own = format!("/v1/images/{}", answer.id());
        assert_eq!(
            (answer.header("location"), &answer.json()["links"]["self"]),
            (&*own, &own.clone().into())
        );

        let facts = street.uploaded().await;
        let fact = facts.iter().find(|fact| fact.key == answer.id()).expect("its fact");
        assert_eq!(fact.traceparent.as_deref().unwrap()[3..35], trace[3..35]);
        let source = &fact.event.source;
        assert_eq!((source.customer_id.as_str(), source.channel), ("acme", Channel::Api));
        assert_eq!(source.filename.as_deref(), Some("a b.png"));
        assert_eq!(source.picture, Some(Picture { format: Format::Png, width: 10, height: 20 }));
        assert_eq!((source.original.bytes, source.original.sha256), (length as u64, sha256));
        assert_eq!(source.expires_at.since(source.uploaded_at), Duration::from_secs(7 * 86_400));
        assert!(street.s3.bytes(&source.original.key.to_string()).await == png(length));
    }
    assert_eq!(street.s3.keys("claim/").await, [""; 0], "no key, no claim");
}

#[tokio::test]
async fn a_form_and_chunks_are_taken_like_a_plain_body() {
    let street = Street::start(&[]).await;
    let head =
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"C:\\\\dir\\\\holiday.png\"\r\n\r\n";
    let form = [head.as_bytes(), &png(200_000), b"\r\n--b--\r\n"].concat();
    let request = street.request("acme").header("content-type", "multipart/form-data; boundary=b").body(form);
    let answer = street.send(request).await;
    assert_eq!((answer.status, &answer.json()["bytes"]), (202, &200_000.into()));

    let chunks =
        png(300_000).chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = street.send(street.request("acme").header("content-type", "text/plain").body(body)).await;
    assert_eq!(
        (answer.status, &answer.json()["bytes"]),
        (202, &300_000.into()),
        "bytes decide, not the header"
    );

    let names: HashSet<_> =
        street.uploaded().await.into_iter().map(|fact| fact.event.source.filename).collect();
    assert_eq!(names, HashSet::from([Some("holiday.png".to_owned()), None]));
}

#[tokio::test]
async fn what_is_refused_is_nowhere() {
    let street = Street::start(&["--file-bytes-max=9000000"]).await;
    let bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0".to_vec();
    let keyed = |bytes: Vec<u8>| street.request("acme").header("idempotency-key", "k").body(bytes);
    let endless = |length: usize| {
        let body = futures::stream::iter([Ok::<_, std::io::Error>(png(length))]);
        street.request("acme").body(reqwest::Body::wrap_stream(body))
    };
    let form = |text: &str| keyed(text.into()).header("content-type", "multipart/form-data; boundary=b");
    for (request, status, code) in [
        (keyed(Vec::new()), 411, "length_required"),
        (keyed(Vec::new()).header("content-length", "0"), 400, "empty_body"),
        (keyed(b"<svg/>".to_vec()), 415, "unsupported_format"),
        (keyed(b"GIF87".repeat(1000)), 415, "unsupported_format"),
        (keyed(bomb), 422, "pixels_too_many"),
        (keyed(png(9_000_001)), 413, "too_large"),
        (street.request_to("?customer_id=globex", "acme").body(png(100)), 400, "malformed"),
        (endless(9_000_001), 413, "too_large"),
        (keyed(png(100)).header("content-encoding", "gzip"), 415, "unsupported_format"),
        (form("--b\r\ncontent-disposition: form-data; name=\"state\"\r\n\r\nx\r\n--b--"), 400, "malformed"),
        (form("junk"), 400, "malformed"),
        (street.http.post(&street.url).body(png(100)), 401, "unauthenticated"),
    ] {
        let answer = street.send(request).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    }
    assert_eq!(street.s3.keys("").await, [""; 0], "neither original nor claim");
    // The refusal does not wait for it.
    until("no upload is left unfinished", async || street.s3.unfinished_uploads().await == 0).await;
    assert!(street.uploaded().await.is_empty());
}

#[tokio::test]
async fn a_retry_with_the_same_key_twice_is_once() {
    let street = Street::start(&[]).await;
    for length in [100, MULTIPART_BYTES] {
        let key = format!("key-{length}");
        let named = || {
            let request = street.request_to("?filename=a%20b.png", "acme").header("idempotency-key", &key);
            request.body(png(length))
        };
        let first = street.send(named()).await;
        let again = street.send(named()).await;
        assert_eq!((first.status, again.status), (202, 202));
        assert_eq!(first.json(), again.json());
        let other = street.post_keyed(&key, png(length + 1)).await;
        assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
        let globex = street.request("globex").header("idempotency-key", &key).body(png(length + 1));
        let globex = street.send(globex).await;
        assert_eq!(globex.status, 202, "keys are each customer's own");
        assert_ne!(globex.id(), first.id());
    }
    assert_eq!(street.s3.keys("original/").await.len(), 4);
    let facts = street.uploaded().await;
    assert_eq!(facts.len(), 6, "a repeat publishes the same fact again");
    let distinct: HashSet<String> = facts.iter().map(|fact| format!("{:?}", fact.event.source)).collect();
    assert_eq!(distinct.len(), 4, "the same fact is the same to the last field: {distinct:#?}");
}

#[tokio::test]
async fn racing_retries_make_one_image() {
    let street = Street::start(&[]).await;
    let answers = join_all((0..16).map(|_| street.post_keyed("race", png(50_000)))).await;
    let mut ids = HashSet::new();
    for answer in answers {
        match answer.status {
            202 => drop(ids.insert(answer.id().to_owned())),
            409 => assert!(answer.code() == "upload_in_flight" && answer.retry_after().is_some()),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(street.s3.keys("original/").await.len(), 1);
}

fn at(secs_ago: i64) -> ImageId {
    ImageId::mint_at(UnixMillis(UnixMillis::now().0 - secs_ago * 1000))
}

#[tokio::test]
async fn a_claim_without_an_original_is_waited_for_and_then_taken_over() {
    let street = Street::start(&[]).await;
    let depot = street.depot().await;
    let acme = CustomerId::parse("acme").unwrap();
    let (young, old, expired) = (at(1), at(3600), at(8 * 86_400));
    for (key, id) in [("young", young), ("old", old), ("expired", expired)] {
        depot.claim(&ObjectKey::claim(&acme, key), id).await.unwrap();
    }
    let answer = street.post_keyed("young", png(100)).await;
    assert_eq!((answer.status, answer.code()), (409, "upload_in_flight"));
    assert!(answer.retry_after().is_some());
    let answer = street.post_keyed("old", png(100)).await;
    assert_eq!((answer.status, answer.id()), (202, &*old.to_string()));
    let answer = street.post_keyed("expired", png(100)).await;
    assert_eq!((answer.status, answer.code()), (422, "idempotency_key_expired"));
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_leaves_nothing_visible() {
    let street = Street::start(&[]).await;
    let mut stream = TcpStream::connect(street.addr).await.unwrap();
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\ncontent-length: {}\r\n\r\n",
        street.issuer.token("acme"),
        15 << 20
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&png(MULTIPART_BYTES)).await.unwrap();
    until("the upload begins", async || street.s3.unfinished_uploads().await == 1).await;
    drop(stream);
    until("it is aborted", async || street.s3.unfinished_uploads().await == 0).await;
    assert_eq!(street.s3.keys("original/").await, [""; 0]);
    assert!(street.uploaded().await.is_empty());
}

#[tokio::test]
async fn a_body_without_a_length_asks_for_one() {
    let street = Street::start(&[]).await;
    let mut stream = TcpStream::connect(street.addr).await.unwrap();
    let token = street.issuer.token("acme");
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 ") && answer.contains("length_required"), "{answer}");
}

#[tokio::test]
async fn while_kafka_is_away_uploads_are_refused_before_a_byte_and_then_taken_again() {
    let street = Street::start(&[]).await;
    assert_eq!(street.post(png(100)).await.status, 202);
    street.kafka.go_away();
    let unknown = street.post_keyed("k", png(100)).await;
    assert_eq!(unknown.status, 503, "{unknown:?}");
    until("the door is shut", async || street.post(png(100)).await.code() == "overloaded").await;
    assert!(!street.health.is_ready());
    let stored = street.s3.keys("original/").await.len();
    let refused = street.post(png(100)).await;
    assert!(refused.status == 503 && refused.retry_after().is_some());
    assert_eq!(street.s3.keys("original/").await.len(), stored, "refused before a byte");
    street.kafka.come_back();
    until("the door opens", async || street.post_keyed("k", png(100)).await.status == 202).await;
    assert!(street.health.is_ready());
}

#[tokio::test]
async fn while_s3_is_away_uploads_are_refused_and_then_taken_again() {
    let mut street = Street::start(&["--s3-operation-secs-max=3", "--s3-attempt-secs-max=1"]).await;
    street.s3.go_away();
    let unknown = street.post(png(100)).await;
    assert!(unknown.status == 503 && unknown.retry_after().is_some(), "{unknown:?}");
    until("the door is shut", async || street.post(png(100)).await.code() == "overloaded").await;
    street.s3.come_back().await;
    until("the door opens", async || street.post(png(100)).await.status == 202).await;
}

#[tokio::test]
async fn beyond_the_bound_uploads_are_shed_at_once() {
    let street = Street::start(&["--uploads-max=1"]).await;
    let (first, rest) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    let slow = street.request("acme").body(reqwest::Body::wrap_stream(rest));
    let slow = tokio::spawn(async move { slow.send().await.unwrap().status() });
    first.unbounded_send(Ok(png(1000))).unwrap();
    until("the one place is taken", async || street.post(png(100)).await.code() == "overloaded").await;
    drop(first);
    assert_eq!(slow.await.unwrap(), 202);
    until("the place is free", async || street.post(png(100)).await.status == 202).await;
}

#[tokio::test]
async fn a_stop_finishes_the_upload_in_hand() {
    let mut street = Street::start(&["--uploads-max=1"]).await;
    let (first, rest) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    let slow = street.request("acme").body(reqwest::Body::wrap_stream(rest.boxed()));
    let slow = tokio::spawn(async move { slow.send().await.unwrap().status() });
    first.unbounded_send(Ok(png(1000))).unwrap();
    until("it is in hand", async || street.post(png(100)).await.code() == "overloaded").await;
    street.shutdown.trigger();
    drop(first);
    assert_eq!(slow.await.unwrap(), 202);
    street.stop().await;
    assert_eq!(street.s3.keys("original/").await.len(), 1);
    assert_eq!(street.uploaded().await.len(), 1);
}

#[test]
fn the_description_names_the_route_and_its_refusals() {
    let openapi = serde_json::to_value(ingest::openapi()).unwrap();
    let responses = &openapi["paths"]["/v1/images"]["post"]["responses"];
    for status in ["202", "400", "401", "409", "411", "413", "415", "422", "429", "503"] {
        assert!(responses[status].is_object(), "{status}");
    }
}
