//! A steady load of uploads that retries as a good client does: same key until there is a definite answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::api::Api;

/// Uploads running in the background.
pub struct Load {
    stop: Arc<AtomicBool>,
    ids: Arc<Mutex<Vec<String>>>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts `clients` clients, each uploading `photo` again and again.
    pub fn start(api: &Api, photo: &[u8], clients: usize) -> Load {
        let (stop, ids) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        let mut set = JoinSet::new();
        for client in 0..clients {
            let (api, photo) = (api.clone(), photo.to_vec());
            let (stop, ids) = (Arc::clone(&stop), Arc::clone(&ids));
            set.spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let id = insist(&api, &photo, &format!("load-{client}-{number}")).await;
                    ids.lock().expect("nobody panics with the lock").push(id);
                }
            });
        }
        Load { stop, ids, clients: set }
    }

    /// Returns how many uploads were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.ids.lock().expect("nobody panics with the lock").len()
    }

    /// Cuts the load off where it stands, as its server was, and returns every id acknowledged until then.
    pub async fn abandon(mut self) -> Vec<String> {
        self.clients.abort_all();
        while self.clients.join_next().await.is_some() {}
        self.ids.lock().expect("nobody panics with the lock").clone()
    }

    /// Ends the load and returns every acknowledged id.
    pub async fn finish(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        self.ids.lock().expect("nobody panics with the lock").clone()
    }
}

/// Uploads until there is a definite yes; anything else in between must be one of the passing answers.
async fn insist(api: &Api, photo: &[u8], key: &str) -> String {
    loop {
        if let Ok(answer) = api.post(photo, Some(key)).await {
            let status = answer.status();
            let body: Value = answer.json().await.unwrap_or_default();
            if status == StatusCode::ACCEPTED {
                return body["id"].as_str().expect("an accepted upload has an id").to_owned();
            }
            assert!(matches!(status.as_u16(), 409 | 429 | 503), "{status}: {body}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
