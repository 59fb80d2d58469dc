//! Clients as they really are: those that wait for 100, and forms as browsers and libraries write them.

use std::time::{Duration, Instant};

use street::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::station::{Street, png};

/// Sends a head that expects 100, and no byte of a body; returns the stream and the status that comes first.
async fn first_status(street: &Street, lines: &[&str]) -> (TcpStream, u16) {
    street.first_status(&format!("{}\r\nhost: x\r\nexpect: 100-continue\r\n\r\n", lines.join("\r\n"))).await
}

const POST: &str = "POST /v1/images HTTP/1.1";
const LENGTH: &str = "content-length: 20000000";

#[tokio::test]
async fn a_client_that_waits_for_100_hears_every_refusal_by_its_head_at_once() {
    let street = Street::start(&[
        "--uploads-max=4",
        "--customer-requests-per-sec-max=1",
        "--customer-burst-requests-max=20",
    ])
    .await;
    let bearer = |customer: &str| format!("authorization: Bearer {}", street.issuer.token(customer));
    let (acme, globex, hurried) = (bearer("acme"), bearer("globex"), bearer("hurried"));
    let (mut wanted, status) = first_status(&street, &[POST, &acme, "content-length: 1000"]).await;
    assert_eq!(status, 100, "a body that is wanted is asked for; and acme's one place is taken");
    let unread = [POST, &hurried, LENGTH, "content-encoding: gzip"];
    until("one customer is too fast", async || first_status(&street, &unread).await.1 == 429).await;
    for (status, lines) in [
        (401, &[POST, LENGTH][..]),
        (401, &[POST, LENGTH, "authorization: Bearer forged"]),
        (413, &[POST, &globex, "content-length: 30000000"]),
        (413, &[POST, &globex, "content-length: 30000000", "content-type: multipart/form-data; boundary=b"]),
        (415, &[POST, &globex, LENGTH, "content-encoding: gzip"]),
        (415, &[POST, &globex, "transfer-encoding: chunked", "content-encoding: gzip"]),
        (400, &[POST, &globex, LENGTH, "content-type: multipart/form-data"]),
        (400, &[POST, &globex, LENGTH, "idempotency-key: a b"]),
        (400, &["POST /v1/images?customer_id=globex HTTP/1.1", &globex, LENGTH]),
        (429, &[POST, &acme, LENGTH]),
        (404, &["POST /v1/nowhere HTTP/1.1", &globex, LENGTH]),
        (405, &["PUT /v1/images HTTP/1.1", &globex, LENGTH]),
    ] {
        let begun = Instant::now();
        let (_, first) = first_status(&street, lines).await;
        assert_eq!(first, status, "{lines:?}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{lines:?}");
    }
    let [initech, hooli] = ["initech", "hooli"].map(bearer);
    let requests = [&globex, &initech, &hooli].map(|bearer| [POST, bearer, LENGTH]);
    let (a, b, c) = tokio::join!(
        first_status(&street, &requests[0]),
        first_status(&street, &requests[1]),
        first_status(&street, &requests[2])
    );
    assert_eq!((a.1, b.1, c.1), (100, 100, 100));
    let (_, full) = first_status(&street, &[POST, &bearer("umbrella"), LENGTH]).await;
    assert_eq!(full, 503, "all places are taken");

    wanted.write_all(&png(1000)).await.unwrap();
    let mut answer = vec![0; 40];
    wanted.read_exact(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("HTTP/1.1 202 "));
}

/// A form as it goes over the wire: who sends it so, its boundary, what stands before and behind the image, and the name that
/// the file had at home.
struct Sent {
    by: &'static str,
    boundary: &'static str,
    before: &'static str,
    behind: &'static str,
    filename: Option<&'static str>,
}

const FORMS: &[Sent] = &[
    Sent {
        by: "curl 7.88.1 -F file=@'grüße \"x\".png' -F caption=hello",
        boundary: "------------------------d2b4c0f1a6e19c35",
        before: "--------------------------d2b4c0f1a6e19c35\r\nContent-Disposition: form-data; name=\"file\"; \
            filename=\"grüße %22x%22.png\"\r\nContent-Type: image/png\r\n\r\n",
        behind: "\r\n--------------------------d2b4c0f1a6e19c35\r\nContent-Disposition: form-data; \
            name=\"caption\"\r\n\r\nhello\r\n--------------------------d2b4c0f1a6e19c35--\r\n",
        filename: Some("grüße \"x\".png"),
    },
    Sent {
        by: "Uppy in Chrome: its meta fields come first",
        boundary: "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        before: "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"relativePath\"\r\n\r\n\
            null\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n\
            strand.png\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n\
            image/png\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"file\"; \
            filename=\"strand.png\"\r\nContent-Type: image/png\r\n\r\n",
        behind: "\r\n------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n",
        filename: Some("strand.png"),
    },
    Sent {
        by: "requests over urllib3 1.24",
        boundary: "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        before: "--0a1b2c3d4e5f60718293a4b5c6d7e8f9\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\nt0ken\r\n\
            --0a1b2c3d4e5f60718293a4b5c6d7e8f9\r\nContent-Disposition: form-data; name=\"file\"; \
            filename*=utf-8''%E6%B5%B7%E8%BE%B9.png\r\n\r\n",
        behind: "\r\n--0a1b2c3d4e5f60718293a4b5c6d7e8f9--\r\n",
        filename: Some("海边.png"),
    },
    Sent {
        by: ".NET's MultipartFormDataContent: nothing is quoted, and the name comes twice",
        boundary: "9e2f6a3c-0b1d-4c55-8a77-2f0e6d1c9b84",
        before: "--9e2f6a3c-0b1d-4c55-8a77-2f0e6d1c9b84\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Disposition: form-data; name=note\r\n\r\nGruß\r\n--9e2f6a3c-0b1d-4c55-8a77-2f0e6d1c9b84\r\n\
            Content-Disposition: form-data; name=file; filename=\"=?utf-8?B?U3RyYcOfZS5wbmc=?=\"; \
            filename*=utf-8''Stra%C3%9Fe.png\r\n\r\n",
        behind: "\r\n--9e2f6a3c-0b1d-4c55-8a77-2f0e6d1c9b84--\r\n",
        filename: Some("Straße.png"),
    },
    Sent {
        by: "Go's mime/multipart",
        boundary: "b7f1c2",
        before: "--b7f1c2\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"b.png\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n",
        behind: "\r\n--b7f1c2\r\nContent-Disposition: form-data; name=\"file2\"; filename=\"\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n\r\n--b7f1c2--\r\n",
        filename: Some("a\"b.png"),
    },
];

#[tokio::test]
async fn forms_are_taken_as_clients_really_send_them() {
    let street = Street::start(&[]).await;
    for sent in FORMS {
        for length in [200, (8 << 20) + 1000] {
            let body = [sent.before.as_bytes(), &png(length), sent.behind.as_bytes()].concat();
            let kind = format!("multipart/form-data; boundary={}", sent.boundary);
            let answer = street.send(street.request("acme").header("content-type", kind).body(body)).await;
            assert_eq!((answer.status, &answer.json()["bytes"]), (202, &length.into()), "{}", sent.by);
            let facts = street.uploaded().await;
            let fact = facts.iter().find(|fact| fact.key == answer.id()).expect("its fact");
            assert_eq!(fact.event.source.filename.as_deref(), sent.filename, "{}", sent.by);
        }
    }
}

#[tokio::test]
async fn a_second_file_leaves_nothing_however_late_it_comes() {
    let street = Street::start(&[]).await;
    let part = |name: &str| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\r\n")
    };
    for length in [200, (8 << 20) + 1000] {
        let body = [part("file").as_bytes(), &png(length), b"\r\n", part("other").as_bytes(), b"x\r\n--b--"]
            .concat();
        let request = street.request("acme").header("content-type", "multipart/form-data; boundary=b");
        let answer = street.send(request.body(body)).await;
        assert_eq!((answer.status, answer.code()), (400, "malformed"));
    }
    assert_eq!(street.s3.keys("").await, [""; 0]);
    until("no upload is left unfinished", async || street.s3.unfinished_uploads().await == 0).await;
}
