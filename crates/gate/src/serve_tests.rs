use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::State;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::forged_tokens::args;

#[derive(Clone, Default)]
struct Gauge {
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

async fn slow(State(gauge): State<Gauge>) -> &'static str {
    gauge.entered.notify_one();
    gauge.release.notified().await;
    "finished"
}

async fn start(more: &[&str]) -> (SocketAddr, Gauge, Shutdown, JoinHandle<anyhow::Result<()>>) {
    let gauge = Gauge::default();
    let router = Router::new()
        .route("/quick", get(async || "quick"))
        .route("/slow", get(slow))
        .route("/big", get(async || vec![0_u8; 64 << 20]))
        .with_state(gauge.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (args, shutdown) = (args(more), Shutdown::new());
    let told = shutdown.clone();
    let serving = tokio::spawn(async move { serve(listener, router, &args, told).await });
    (addr, gauge, shutdown, serving)
}

async fn send(addr: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A cut connection ends in a reset: what came before it counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const QUICK: &str = "GET /quick HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_others_are_served() {
    chassis::raise_descriptor_limit();
    let (addr, ..) = start(&["--http-head-secs-max=5"]).await;
    let mut stalled = Vec::new();
    for _ in 0..2000 {
        stalled.push(send(addr, "GET /quick HTTP/1.1\r\nx-slow: ").await);
    }
    assert!(rest(send(addr, QUICK).await).await.ends_with("quick"));
    let begun = Instant::now();
    for stream in stalled {
        rest(stream).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn connections_leave_descriptors_for_everything_else() {
    assert_eq!(places(4096, None), 4096);
    assert_eq!(places(4096, Some(1024)), 1024 - 256);
    assert_eq!(places(4096, Some(100)), 1);
    assert_eq!(places(16, Some(20_000)), 16);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (addr, ..) = start(&["--http-head-secs-max=1"]).await;
    let answer = rest(send(addr, "GET /quick HTTP/1.1\r\nhost: x\r\n\r\n").await).await;
    assert!(answer.ends_with("quick"), "{answer}");
}

#[tokio::test]
async fn beyond_the_connection_limit_new_ones_wait_for_a_place() {
    let (addr, gauge, ..) = start(&["--http-connections-max=1"]).await;
    let first = send(addr, &SLOW.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")).await;
    gauge.entered.notified().await;
    let second = tokio::spawn(async move { rest(send(addr, QUICK).await).await });
    gauge.release.notify_one();
    assert!(rest(first).await.ends_with("finished"));
    assert!(second.await.unwrap().ends_with("quick"));
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut() {
    let (addr, _, shutdown, serving) = start(&["--http-stall-secs-max=1", "--http-drain-secs-max=30"]).await;
    let _unread = send(addr, "GET /big HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(rest(send(addr, QUICK).await).await.ends_with("quick"));
    let begun = Instant::now();
    shutdown.trigger();
    serving.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15), "the stall ends it, not the drain");
}

#[tokio::test]
async fn the_drain_finishes_what_is_in_hand_and_takes_nothing_new() {
    let (addr, gauge, shutdown, serving) = start(&[]).await;
    let idle = send(addr, "").await;
    let busy = send(addr, SLOW).await;
    gauge.entered.notified().await;
    shutdown.trigger();
    assert_eq!(rest(idle).await, "");
    gauge.release.notify_one();
    assert!(rest(busy).await.ends_with("finished"));
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn the_drain_is_bounded() {
    let (addr, gauge, shutdown, serving) = start(&["--http-drain-secs-max=1"]).await;
    let hanging = send(addr, SLOW).await;
    gauge.entered.notified().await;
    shutdown.trigger();
    serving.await.unwrap().unwrap();
    assert_eq!(rest(hanging).await, "");
}

#[tokio::test]
async fn a_head_of_a_megabyte_is_refused() {
    let (addr, ..) = start(&[]).await;
    let mut stream = send(addr, "GET /quick HTTP/1.1\r\nauthorization: Bearer ").await;
    let _ = stream.write_all("A".repeat(1 << 20).as_bytes()).await;
    let answer = rest(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}
