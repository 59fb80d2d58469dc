//! A client of the live stream, as small as the format allows.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    chunks: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
    /// The last id seen, as a browser keeps it.
    pub(crate) last_id: String,
}

impl Events {
    pub(crate) fn of(response: reqwest::Response) -> Events {
        assert_eq!(response.status(), 200, "the stream opens");
        Events { chunks: response.bytes_stream().boxed(), text: String::new(), last_id: String::new() }
    }

    /// Returns the next event; none when the stream has ended. Panics after 30 s of nothing but signs of life.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let next = async {
            loop {
                while let Some((block, rest)) = self.text.split_once("\n\n") {
                    let (block, rest) = (block.to_owned(), rest.to_owned());
                    self.text = rest;
                    if let Some(event) = self.read(&block) {
                        return Some(event);
                    }
                }
                let chunk = self.chunks.next().await?.ok()?;
                self.text.push_str(std::str::from_utf8(&chunk).expect("whole blocks of UTF-8"));
            }
        };
        tokio::time::timeout(Duration::from_secs(30), next).await.expect("an event within 30 s")
    }

    /// Waits until the stream has said where it is.
    pub(crate) async fn until_open(&mut self) {
        while self.last_id.is_empty() {
            let chunk = self.chunks.next().await.expect("the stream goes on").expect("a chunk");
            self.text.push_str(std::str::from_utf8(&chunk).expect("whole blocks of UTF-8"));
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                assert_eq!(self.read(&block), None, "nothing has happened yet");
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let mut event = Event { name: String::new(), data: Value::Null };
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut self.last_id),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("the data is JSON"),
                _ => {}
            }
        }
        (!event.data.is_null()).then_some(event)
    }
}
