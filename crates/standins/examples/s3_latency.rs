//! Prints how long a put and a get of the local S3 take through the SDK: one after the other, and 32 at once.

#![expect(clippy::print_stdout, reason = "the figures are the program's output")]

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use futures::stream::{self, StreamExt as _};
use standins::s3::{Credentials as Keys, Store, serve};

const CALLS: usize = 400;
const SIZES_BYTES: [usize; 3] = [4 * 1024, 300 * 1024, 5 * 1024 * 1024];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A folder of the disk in question, if given: a temporary one may lie in memory.
    let base = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let dir = tempfile::tempdir_in(base)?;
    let store = Store::open(dir.path())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(store, listener, Keys::new("k", "s"), std::future::pending()));
    let client = client(&endpoint);
    client.create_bucket().bucket("bench").send().await?;
    for size in SIZES_BYTES {
        let calls = if size > 1024 * 1024 { CALLS / 8 } else { CALLS };
        for at_once in [1, 32] {
            let puts = measure(calls, at_once, |number| put(&client, number, size)).await;
            print("put", size, at_once, puts);
            let gets = measure(calls, at_once, |number| get(&client, number, size)).await;
            print("get", size, at_once, gets);
        }
    }
    Ok(())
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("k", "s", None, None, "example"))
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

async fn put(client: &Client, number: usize, size: usize) {
    let body = vec![u8::try_from(number % 251).expect("below 251"); size];
    let put = client.put_object().bucket("bench").key(format!("{size}/{number}")).body(body.into());
    put.send().await.expect("the put is answered");
}

async fn get(client: &Client, number: usize, size: usize) {
    let got = client.get_object().bucket("bench").key(format!("{size}/{number}")).send().await;
    let body = got.expect("the get is answered").body.collect().await.expect("the body comes");
    assert_eq!(body.into_bytes().len(), size);
}

/// How long each call took, the shortest first, and all together.
struct Measured {
    took: Vec<Duration>,
    whole: Duration,
}

async fn measure<F>(calls: usize, at_once: usize, call: impl Fn(usize) -> F) -> Measured
where
    F: Future<Output = ()>,
{
    let begun = Instant::now();
    let timed = |number| {
        let call = call(number);
        async move {
            let begun = Instant::now();
            call.await;
            begun.elapsed()
        }
    };
    let mut took: Vec<_> = stream::iter(0..calls).map(timed).buffer_unordered(at_once).collect().await;
    took.sort_unstable();
    Measured { took, whole: begun.elapsed() }
}

fn print(what: &str, size: usize, at_once: usize, measured: Measured) {
    let Measured { took, whole } = measured;
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    let rate = took.len() as f64 / whole.as_secs_f64();
    println!(
        "{what} {:>5} KiB, {at_once:>2} at once: p50 {:>7.2} ms  p99 {:>7.2} ms  {rate:>7.0}/s",
        size / 1024,
        at(50),
        at(99),
    );
}
