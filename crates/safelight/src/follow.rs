//! Follows the live stream for as long as somebody listens: comes back by `Last-Event-ID` after every end, with pauses
//! that grow. Owns where it goes on and which refusals are final.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};

use crate::client::{Client, NoStream};
use crate::output;
use crate::sse::{SseBlock, SseReader};

const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Silence after which a connection counts as dead; the server tells its position far more often.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// As the server names it: `image`, `reset`.
    pub(crate) name: String,
    /// JSON.
    pub(crate) data: String,
}

/// A reader of the stream that does not end with its connection.
pub(crate) struct Follower<O> {
    /// Makes a client, anew for each connection: a stack that comes back may have other ports, and a token ends.
    open: O,
    connection: Option<Connection>,
    last_id: Option<String>,
    was_open: bool,
    failures: u32,
}

struct Connection {
    bytes: Pin<Box<dyn Stream<Item = anyhow::Result<Bytes>> + Send>>,
    reader: SseReader,
}

impl Connection {
    /// Returns the next blocks; none at the end.
    async fn next(&mut self) -> anyhow::Result<Option<Vec<SseBlock>>> {
        let bytes = tokio::time::timeout(SILENCE_MAX, self.bytes.try_next()).await;
        match bytes.map_err(|_| anyhow::anyhow!("nothing was heard for {} s", SILENCE_MAX.as_secs()))?? {
            Some(bytes) => self.reader.push(&bytes).map(Some),
            None => Ok(None),
        }
    }
}

impl<O: Fn() -> anyhow::Result<Client>> Follower<O> {
    /// Begins with what happens from now on.
    pub(crate) fn new(open: O) -> Follower<O> {
        Follower { open, connection: None, last_id: None, was_open: false, failures: 0 }
    }

    /// Returns the next events, one at least. Fails when the server refuses us for good, or was never reached.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Vec<Event>> {
        loop {
            let Some(connection) = &mut self.connection else {
                self.connect().await?;
                continue;
            };
            match connection.next().await {
                Ok(Some(blocks)) => {
                    let events = self.take(blocks);
                    if !events.is_empty() {
                        return Ok(events);
                    }
                }
                Ok(None) => self.come_back(anyhow::anyhow!("the server has ended it"), None).await,
                Err(cause) => self.come_back(cause, None).await,
            }
        }
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        let opened = match (self.open)() {
            Ok(client) => {
                let opened = tokio::time::timeout(SILENCE_MAX, client.stream(self.last_id.as_deref())).await;
                opened.unwrap_or_else(|late| Err(NoStream::Unreachable(late.into())))
            }
            Err(cause) => Err(NoStream::Unreachable(cause)),
        };
        match opened {
            Ok(bytes) => {
                self.connection = Some(Connection { bytes: Box::pin(bytes), reader: SseReader::default() });
                self.was_open = true;
            }
            Err(NoStream::Unreachable(cause)) if self.was_open => self.come_back(cause, None).await,
            Err(NoStream::Later { cause, after }) => self.come_back(cause, after).await,
            Err(NoStream::Unreachable(cause) | NoStream::Refused(cause)) => return Err(cause),
        }
        Ok(())
    }

    /// A block without data has a place too: who comes back from there has not missed the quiet time before it.
    fn take(&mut self, blocks: Vec<SseBlock>) -> Vec<Event> {
        let mut events = Vec::new();
        for SseBlock { name, data, id } in blocks {
            self.failures = 0;
            if let Some(id) = id {
                self.last_id = Some(id).filter(|id| !id.is_empty());
            }
            events.extend(data.map(|data| Event { name, data }));
        }
        events
    }

    /// Lets the connection go and waits until it is time for the next.
    async fn come_back(&mut self, cause: anyhow::Error, after: Option<Duration>) {
        self.connection = None;
        if self.failures == 0 {
            output::message(format!("the live stream is interrupted, coming back: {cause:#}"));
        }
        let longest = PAUSE_MAX.min(PAUSE_FIRST * 2_u32.saturating_pow(self.failures.min(8)));
        self.failures += 1;
        // Spread, so that many do not come back together.
        tokio::time::sleep(after.unwrap_or_else(|| longest.mul_f64(0.1 + 0.9 * rand::random::<f64>()))).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::get;

    use super::*;

    /// Answers to give, one for each connection, and the `Last-Event-ID` that each brought.
    #[derive(Clone, Default)]
    struct Script {
        answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
        last_ids: Arc<Mutex<Vec<String>>>,
    }

    async fn answer(State(script): State<Script>, headers: HeaderMap) -> Response {
        let id = headers.get("last-event-id").map_or("", |id| id.to_str().expect("text"));
        script.last_ids.lock().expect("nobody panics").push(id.to_owned());
        let next = script.answers.lock().expect("nobody panics").pop_front();
        let (status, body) = next.unwrap_or((401, "{\"code\":\"unauthorized\"}"));
        (StatusCode::from_u16(status).expect("a status"), body).into_response()
    }

    /// Follows scripted answers until the refusal behind them. Returns the events and the ids that were sent.
    async fn follow(answers: &[(u16, &'static str)]) -> (Vec<String>, Vec<String>) {
        let script = Script::default();
        script.answers.lock().expect("nobody panics").extend(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router = Router::new().route("/v1/stream", get(answer)).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut follower = Follower::new(|| Client::at(&base, "t"));
        let mut heard = Vec::new();
        while let Ok(events) = follower.next().await {
            heard.extend(events.into_iter().map(|event| event.data));
        }
        let last_ids = script.last_ids.lock().expect("nobody panics").clone();
        (heard, last_ids)
    }

    #[tokio::test]
    async fn a_stream_that_ends_goes_on_where_it_last_said_it_was_with_data_or_without() {
        let (heard, last_ids) = follow(&[
            (200, ": alive\nid: p0\n\n"),
            (200, "id: e1\nevent: image\ndata: 1\n\n: alive\nid: p1\n\n: alive\nid: cut"),
            (503, "{\"code\":\"unavailable\"}"),
            (200, "id: e2\nevent: image\ndata: 2\n\n"),
        ])
        .await;
        assert_eq!(heard, ["1", "2"]);
        assert_eq!(last_ids, ["", "p0", "p1", "p1", "e2"]);
    }

    #[tokio::test]
    async fn a_server_that_was_never_reached_is_told_at_once() {
        // Nobody listens on the port of a listener that is gone.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        drop(listener);
        let mut follower = Follower::new(|| Client::at(&base, "t"));
        let told = tokio::time::timeout(Duration::from_secs(10), follower.next()).await.expect("at once");
        assert!(format!("{:#}", told.expect_err("nobody is there")).contains("reach"));
    }
}
