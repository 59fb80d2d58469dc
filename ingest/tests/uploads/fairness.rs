//! One customer's uploads beside everybody else's, and one key's trouble beside everybody else's uploads.

use std::time::{Duration, Instant};

use proto::{CustomerId, ObjectKey};
use street::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::station::{Street, png};

const SLOW_UPLOADS: usize = 64;
const SLOW_BYTES: usize = 20 << 20;
const DRIP: Duration = Duration::from_millis(100);
/// Rounds without and with the crowd take turns, so that whatever else the machine does meets both alike.
const ROUNDS: usize = 8;
const UPLOADS_A_ROUND: usize = 60;
/// Noise may spoil a measurement. A customer who really holds the others up does so in each.
const MEASUREMENTS_MAX: usize = 4;
const SLOWER_MAX: f64 = 1.2;

/// Many slow, large uploads of `acme`, each begun again as soon as it is refused. They end when this is dropped.
struct Crowd {
    _clients: JoinSet<()>,
}

impl Crowd {
    async fn gather(street: &Street) -> Crowd {
        let head = format!(
            "POST /v1/images HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {SLOW_BYTES}\r\n\r\n",
            street.issuer.token("acme")
        );
        let mut clients = JoinSet::new();
        for _ in 0..SLOW_UPLOADS {
            let (addr, head) = (street.addr, head.clone());
            clients.spawn(async move {
                loop {
                    // Refused or cut: the next one.
                    let _ = drip(TcpStream::connect(addr).await, &head).await;
                    tokio::time::sleep(DRIP).await;
                }
            });
        }
        until("acme is turned away", async || street.post(png(100)).await.status != 202).await;
        Crowd { _clients: clients }
    }
}

/// Sends an upload little by little until the server has an answer.
async fn drip(stream: std::io::Result<TcpStream>, head: &str) -> std::io::Result<()> {
    let (mut from, mut to) = stream?.into_split();
    let sending = async {
        to.write_all(&[head.as_bytes(), &png(64 << 10)].concat()).await?;
        loop {
            tokio::time::sleep(DRIP).await;
            to.write_all(&[7; 1024]).await?;
        }
    };
    tokio::select! {
        sent = sending => sent,
        answered = from.read_u8() => answered.map(drop),
    }
}

/// Uploads as `globex` and adds to `times` what each took.
async fn measure(street: &Street, times: &mut Vec<Duration>) {
    for _ in 0..UPLOADS_A_ROUND {
        let begun = Instant::now();
        let answer = street.send(street.request("globex").body(png(20_000))).await;
        times.push(begun.elapsed());
        assert_eq!(answer.status, 202, "others are never turned away: {answer:?}");
    }
}

fn p99(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64()
}

/// Says how much longer the slowest hundredth takes beside the crowd than without it.
async fn slower(street: &Street) -> f64 {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        measure(street, &mut alone).await;
        let crowd = Crowd::gather(street).await;
        measure(street, &mut beside).await;
        drop(crowd);
        until("acme has room again", async || street.post(png(100)).await.status == 202).await;
    }
    p99(&mut beside) / p99(&mut alone)
}

#[tokio::test]
async fn one_customers_64_slow_large_uploads_hold_nobody_else_up() {
    let street = Street::start(&["--customer-requests-per-sec-max=0"]).await;
    let crowd = Crowd::gather(&street).await;
    let refused = street.post(png(100)).await;
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    assert!(refused.retry_after().is_some());
    let large = street.send(street.request("globex").body(png(SLOW_BYTES))).await;
    assert_eq!(large.status, 202, "large ones of others fit too: {large:?}");
    drop(crowd);
    let mut measured = Vec::new();
    for _ in 0..MEASUREMENTS_MAX {
        measured.push(slower(&street).await);
        if measured.last().is_some_and(|&slower| slower <= SLOWER_MAX) {
            return;
        }
    }
    panic!("others' p99 beside the crowd, as a multiple of what it is without: {measured:.2?}");
}

#[tokio::test]
async fn a_customers_share_is_a_part_of_the_uploads_and_of_the_bytes() {
    for room in ["--uploads-max=8", "--uploads-bytes-max=67108864"] {
        let street = Street::start(&[room, "--customer-uploads-percent-max=50"]).await;
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(waiting(&street, "acme").await);
        }
        assert_eq!(held.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [100; 4], "{room}");
        assert_eq!(waiting(&street, "acme").await.1, 429, "{room}");
        assert_eq!(waiting(&street, "globex").await.1, 100, "{room}");
        drop(held);
        until("acme has room again", async || waiting(&street, "acme").await.1 == 100).await;
    }
}

/// Begins a large upload and waits for the first status: 100 says that there is room.
async fn waiting(street: &Street, customer: &str) -> (TcpStream, u16) {
    let head = format!(
        "POST /v1/images HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {SLOW_BYTES}\r\nexpect: 100-continue\r\n\r\n",
        street.issuer.token(customer)
    );
    street.first_status(&head).await
}

#[tokio::test]
async fn trouble_with_one_key_shuts_the_door_for_nobody() {
    let street = Street::start(&["--probe-interval-secs=60"]).await;
    let acme = CustomerId::parse("acme").unwrap();
    for key in ["first", "second"] {
        let claim = ObjectKey::claim(&acme, key).to_string();
        street.s3.put(&claim, b"no image id").await;
    }
    for key in ["first", "first", "second", "first"] {
        let troubled = street.post_keyed(key, png(100)).await;
        assert_eq!((troubled.status, troubled.code()), (503, "outcome_unknown"), "{troubled:?}");
        assert!(street.health.is_ready());
        let other = street.send(street.request("globex").body(png(100))).await;
        assert_eq!(other.status, 202, "{other:?}");
    }
}

#[tokio::test]
async fn parts_that_a_killed_process_left_are_cleared() {
    let street = Street::start(&["--upload-secs-max=2", "--http-body-secs-max=1"]).await;
    let acme = CustomerId::parse("acme").unwrap();
    street.s3.begin_upload(&ObjectKey::original(&acme, proto::ImageId::mint()).to_string()).await;
    assert_eq!(street.s3.unfinished_uploads().await, 1);
    until("it is aborted", async || street.s3.unfinished_uploads().await == 0).await;
}
