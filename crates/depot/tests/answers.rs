//! The depot against answers that no healthy S3 gives: they must not pass for an object that is gone.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use depot::{ByteRange, Depot, DepotArgs, Endpoint, RedeemError};
use proto::{ClaimCheck, CustomerId, ImageId, ObjectKey, Sha256};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    depot: DepotArgs,
}

/// An answer's status line and body.
type Canned = (&'static str, &'static str);

/// Answers every request the same, one connection each.
fn server(canned: Canned) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is no matter here.
            let _ = stream.and_then(|stream| serve(stream, canned));
        }
    });
    url
}

fn serve(mut stream: TcpStream, (status, body): Canned) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut some = [0; 4096];
        let count = stream.read(&mut some)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&some[..count]);
    }
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes())
}

async fn depot_at(url: String) -> Depot {
    let mut args = <Cli as clap::Parser>::parse_from(["test", "--s3-force-path-style=true"]).depot;
    args.endpoint = Some(Endpoint {
        url,
        region: "us-east-1".to_owned(),
        access_key_id: "key".to_owned(),
        secret_access_key: "secret".to_owned(),
    });
    args.s3_attempts_max = 1;
    Depot::open(&args).await
}

fn check(version: Option<&str>) -> ClaimCheck {
    let customer = CustomerId::parse("acme").expect("an id");
    ClaimCheck {
        bucket: "safelight-originals".to_owned(),
        key: ObjectKey::original(&customer, ImageId::mint()),
        version: version.map(str::to_owned),
        etag: "\"e\"".to_owned(),
        bytes: 3,
        sha256: Sha256::of(b"abc"),
    }
}

const EXPIRED: Canned = ("400 Bad Request", "<Error><Code>ExpiredToken</Code><Message>m</Message></Error>");
const BARE: Canned = ("404 Not Found", "");
const PAGE: Canned = ("404 Not Found", "<html><body>no such page</body></html>");
const NO_KEY: Canned = ("404 Not Found", "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>");
const NO_VERSION: Canned = ("404 Not Found", "<Error><Code>NoSuchVersion</Code><Message>m</Message></Error>");
const NO_SUCH_ID: Canned =
    ("400 Bad Request", "<Error><Code>InvalidArgument</Code><Message>m</Message></Error>");
const MARKER: Canned =
    ("405 Not Allowed", "<Error><Code>MethodNotAllowed</Code><Message>m</Message></Error>");

#[tokio::test]
async fn only_what_s3_calls_missing_by_name_is_missing() {
    for (canned, version, is_missing) in [
        (EXPIRED, None, false),
        (EXPIRED, Some("v"), false),
        (("400 Bad Request", "<Error><Code>InvalidToken</Code></Error>"), Some("v"), false),
        (("400 Bad Request", "<Error><Code>AuthorizationHeaderMalformed</Code></Error>"), None, false),
        (("400 Bad Request", "<Error><Code>KMS.DisabledException</Code></Error>"), Some("v"), false),
        (("400 Bad Request", ""), Some("v"), false),
        (("405 Method Not Allowed", "<html></html>"), Some("v"), false),
        (("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"), None, false),
        (BARE, None, false),
        (PAGE, Some("v"), false),
        (NO_SUCH_ID, None, false),
        (NO_SUCH_ID, Some("v"), true),
        (NO_KEY, None, true),
        (NO_VERSION, Some("v"), true),
        (MARKER, Some("v"), true),
    ] {
        let depot = depot_at(server(canned)).await;
        let error = depot.redeem(&check(version), 100).await.expect_err("nothing is there");
        let found_missing = matches!(error, RedeemError::Missing);
        assert!(found_missing == is_missing, "{canned:?}: {error:?}");
        assert!(is_missing || matches!(error, RedeemError::Unavailable(_)), "{canned:?}: {error:?}");
    }
}

#[tokio::test]
async fn an_object_that_ends_before_the_range_is_not_the_one_deposited() {
    let depot = depot_at(server(("416 Range", "<Error><Code>InvalidRange</Code></Error>"))).await;
    let opened = depot.open_object(&check(None), Some(ByteRange { first: 1, last: 2 })).await;
    assert!(matches!(opened, Err(RedeemError::Corrupt(_))), "{opened:?}");
}
