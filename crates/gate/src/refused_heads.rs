//! Refusals by the head over real sockets: what a client hears that waits for 100 before it sends its body, and one that does
//! not wait.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use chassis::Shutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::forged_tokens::args;
use crate::problem::Problem;
use crate::serve::serve;

async fn start() -> SocketAddr {
    let router = Router::new()
        .route("/take", post(async |body: Bytes| format!("took {}", body.len())))
        .route("/refuse", post(async || Problem::forbidden()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { serve(listener, router, &args(&[]), Shutdown::new()).await });
    addr
}

async fn send(addr: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Reads until the server has said everything; a reset is a failure.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer without a reset");
    answer
}

#[tokio::test]
async fn a_client_that_waits_hears_its_refusal_at_once_and_is_asked_for_nothing() {
    let addr = start().await;
    for (line, status) in [
        ("POST /refuse", 403),
        ("POST /nowhere", 404),
        ("PUT /nowhere", 404),
        ("GET /nowhere", 404),
        ("PUT /take", 405),
        ("PATCH /take", 405),
        ("DELETE /refuse", 405),
    ] {
        for framing in ["content-length: 20000000", "transfer-encoding: chunked"] {
            for expect in [
                "expect: 100-continue",
                "Expect: 100-Continue\r\nExpect: 100-continue",
                "expect: 100-continue,",
            ] {
                let begun = Instant::now();
                let head = format!("{line} HTTP/1.1\r\nhost: x\r\n{framing}\r\n{expect}\r\n\r\n");
                let answer = rest(send(addr, &head).await).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}{answer}");
                assert!(
                    answer.contains("\r\nconnection: close\r\n") && answer.contains("\"code\":"),
                    "{answer}"
                );
                assert!(begun.elapsed() < Duration::from_secs(1), "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_wanted_is_asked_for_and_the_connection_goes_on() {
    let addr = start().await;
    let head = "POST /take HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = send(addr, head).await;
    for round in 0..2 {
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"abc").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"took 3") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{round}");
        stream.write_all(head.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_sends_without_waiting_hears_its_refusal_too() {
    let addr = start().await;
    let body = vec![0; 8 << 20];
    for _ in 0..20 {
        let head = format!(
            "POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        let mut stream = send(addr, &head).await;
        stream.write_all(&body).await.expect("the body is read and dropped");
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with('}'), "{answer}");
    }
}

#[tokio::test]
async fn an_expectation_in_http_1_0_is_ignored() {
    let addr = start().await;
    for (path, status) in [("/take", 200), ("/refuse", 403), ("/nowhere", 404)] {
        for expect in ["100-continue", "something"] {
            let head = format!("POST {path} HTTP/1.0\r\ncontent-length: 3\r\nexpect: {expect}\r\n\r\nabc");
            let answer = rest(send(addr, &head).await).await;
            assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{answer}");
        }
    }
}

#[tokio::test]
async fn another_expectation_fails() {
    let addr = start().await;
    for framing in ["content-length: 20000000", "content-length: 0", "transfer-encoding: chunked"] {
        for expect in ["200-ok", "100-continue, 200-ok", "100-continue\r\nexpect: x"] {
            let head = format!(
                "POST /take HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\nexpect: {expect}\r\n\r\n"
            );
            let answer = rest(send(addr, &head).await).await;
            assert!(answer.starts_with("HTTP/1.1 417 ") && answer.contains("expectation_failed"), "{answer}");
        }
    }
}
