//! A client of the live stream, as small as the format allows: it reads one answer to its end and keeps the last id.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;

use crate::wait::PATIENCE;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which kind.
    pub name: String,
    /// What it says.
    pub data: Value,
}

/// An open stream.
pub struct Events {
    chunks: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
    /// The last id seen, as a browser keeps it.
    pub last_id: String,
}

impl Events {
    /// Begins to read an answer, which must be a stream.
    pub fn of(response: reqwest::Response) -> Events {
        assert_eq!(response.status(), 200, "the stream opens");
        Events { chunks: response.bytes_stream().boxed(), text: String::new(), last_id: String::new() }
    }

    /// Returns the next event; none when the stream has ended. Panics after 30 s of nothing but signs of life.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.whenever()).await.expect("an event in time")
    }

    /// Returns the next event, whenever it comes; none when the stream has ended.
    pub async fn whenever(&mut self) -> Option<Event> {
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
    }

    /// Waits until the stream has said where it is.
    pub async fn until_open(&mut self) {
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
