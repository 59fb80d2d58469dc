//! A file that takes its decoder down takes nothing else down.

use std::time::Duration;

use street::api::Api;
use street::stack::Stack;
use street::tools::{binary, photo};

#[tokio::test]
async fn a_file_that_aborts_hangs_or_eats_memory_ends_in_a_reason() {
    let worker = binary("hostile_worker").display().to_string();
    let settings = [
        ("SAFELIGHT_WORKER_PROGRAM", &*worker),
        ("SAFELIGHT_WALL_SECS", "4"),
        ("SAFELIGHT_HOST_TRIES_MAX", "2"),
    ];
    let env = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stack = Stack::up_with(&["--kafka", "apache"], &env).await;
    let api = stack.api("acme");
    let bad = [("do:abort", "decoder_crashed"), ("do:hang", "decode_timeout"), ("do:eat", "decode_memory")];
    let mut ids = Vec::new();
    for (deed, reason) in bad {
        ids.push((hostile(&api, deed).await, reason));
    }
    let good = api.upload(&photo("friends.jpg")).await;
    api.processed(&good).await;
    for (id, reason) in ids {
        api.failed(&id, reason).await;
    }
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
}

/// Uploads a real photo with an order to the worker behind its end, where no decoder looks.
async fn hostile(api: &Api, deed: &str) -> String {
    let mut bytes = photo("friends.jpg");
    bytes.extend_from_slice(deed.as_bytes());
    api.upload(&bytes).await
}

#[tokio::test]
async fn what_is_no_image_by_its_bytes_is_refused_at_the_door() {
    let stack = Stack::up(&["--kafka", "embedded"]).await;
    let api = stack.api("acme");
    for (body, status, code) in [
        (&b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], 415, "unsupported_format"),
        // The client sends no length for a body of nothing.
        (&b""[..], 411, ""),
        (&vec![0xff; 21 << 20][..], 413, ""),
    ] {
        let answer =
            tokio::time::timeout(Duration::from_secs(30), api.post(body, None)).await.unwrap().unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let problem: serde_json::Value = answer.json().await.unwrap();
        let found = problem["code"].as_str().unwrap();
        assert!(!found.is_empty() && (code.is_empty() || found.starts_with(code)), "{problem}");
    }
    assert!(api.list().await.is_empty());
}
