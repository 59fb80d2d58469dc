//! The program that measures latency works. How much it is depends on the machine: `make latency` prints it.

use std::time::Duration;

use street::latency::Latency;

#[tokio::test]
async fn an_upload_becomes_visible_while_one_watches() {
    let latency = Latency::measure("embedded", 20).await;
    assert_eq!(latency.visible.len(), 20);
    let slowest = latency.visible.last().unwrap();
    assert!(*slowest < Duration::from_secs(2), "{}", latency.to_json());
    assert!(latency.acknowledged[0] > Duration::ZERO && latency.pixels > Duration::ZERO);
    show(&latency.to_json().to_string());
}

#[expect(clippy::print_stderr, reason = "the figures are shown wherever the story runs")]
fn show(text: &str) {
    eprintln!("{text}");
}
