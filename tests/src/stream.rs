//! A page's ear: follows the live stream through every restart by `Last-Event-ID` and writes down what it hears.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::events::{Event, Events};

const OPEN_MAX: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(50);

/// One `image` event: which image, which status.
pub type Heard = (String, String);

/// Listens until dropped.
pub struct Ear {
    heard: Arc<Mutex<Vec<(Heard, Instant)>>>,
    resets: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

impl Ear {
    /// Opens the stream and returns once the server has answered. A sink that has just started may say `503` until it
    /// knows where its topics end: a page asks again then.
    pub async fn open(api: &Api) -> Ear {
        let (heard, resets) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<u32>>::default());
        let deadline = Instant::now() + OPEN_MAX;
        let first = loop {
            let answer = api.stream(None).await.expect("the sink answers");
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE || Instant::now() > deadline {
                break answer;
            }
            tokio::time::sleep(AGAIN).await;
        };
        assert!(first.status().is_success(), "{}", first.status());
        let task = tokio::spawn(follow(api.clone(), first, Arc::clone(&heard), Arc::clone(&resets)));
        Ear { heard, resets, task }
    }

    /// Returns what was heard so far, in order.
    pub fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock().expect("nobody panics with the lock");
        heard.iter().map(|(heard, _)| heard.clone()).collect()
    }

    /// Returns when an image's status was first heard.
    pub fn when(&self, id: &str, status: &str) -> Option<Instant> {
        let heard = self.heard.lock().expect("nobody panics with the lock");
        heard.iter().find(|((image, of), _)| image == id && of == status).map(|(_, at)| *at)
    }

    /// Returns how often the server asked for a reload.
    pub fn resets(&self) -> u32 {
        *self.resets.lock().expect("nobody panics with the lock")
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    api: Api,
    first: reqwest::Response,
    heard: Arc<Mutex<Vec<(Heard, Instant)>>>,
    resets: Arc<Mutex<u32>>,
) {
    let (mut answer, mut last_id) = (Some(first), String::new());
    loop {
        if let Some(answer) = answer.take().filter(|answer| answer.status().is_success()) {
            let mut events = Events::of(answer);
            events.last_id.clone_from(&last_id);
            while let Some(event) = events.whenever().await {
                hear(&event, &heard, &resets);
            }
            last_id = events.last_id;
        }
        tokio::time::sleep(AGAIN).await;
        let behind = Some(&*last_id).filter(|id| !id.is_empty());
        answer = api.stream(behind).await.ok();
    }
}

fn hear(event: &Event, heard: &Mutex<Vec<(Heard, Instant)>>, resets: &Mutex<u32>) {
    match event.name.as_str() {
        "image" => {
            let text = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
            let heard_now = ((text("id"), text("status")), Instant::now());
            heard.lock().expect("nobody panics with the lock").push(heard_now);
        }
        "reset" => *resets.lock().expect("nobody panics with the lock") += 1,
        _ => {}
    }
}
