//! Owns our whole path as a service: `safelight up` with every station, an upload over HTTP, and the renditions read
//! when the live stream says that they are there. Also what its processes cost, split by what they are for.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::child::Program;
use super::clients::agent;
use crate::machine::output;
use crate::meter;

const CUSTOMER: &str = "bench";
const ENDED_MAX: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(20);
const RENDITIONS: usize = 3;

/// A running stack and a client of it.
pub(crate) struct Ours {
    stack: Program,
    http: ureq::Agent,
    address: String,
    bearer: String,
    photo: Vec<u8>,
    count: AtomicU32,
    ended: Arc<Ended>,
    // Last: removed when the stack is gone.
    _folder: TempDir,
}

/// Image id to status, as the stream tells it.
#[derive(Default)]
struct Ended {
    statuses: Mutex<HashMap<String, String>>,
    news: Condvar,
}

/// CPU seconds of the stack so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// Of the workers, where pixels are.
    pub workers: f64,
    /// Of the broker, which is not ours.
    pub broker: f64,
    /// Of everything else: the stations and the stand-ins for S3, DynamoDB and the registry.
    pub rest: f64,
}

impl Ours {
    /// Starts a stack on Apache Kafka where its jars are, else on the embedded broker, and opens its stream.
    pub(crate) fn start(safelight: &Path, cache: &Path, photo: &[u8]) -> Result<Ours> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data").display().to_string();
        let mut up = Command::new(safelight);
        up.args([
            "up",
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--kafka",
            broker(cache),
            "--data",
            &data,
        ]);
        up.env("SAFELIGHT_CACHE", cache).env_remove("KAFKA_BOOTSTRAP_SERVERS");
        let mut stack = Program::start(&up, &folder.path().join("log"))?;
        let ready = stack.first_line().context("start `safelight up`")?;
        let address = ready["http"].as_str().context("the ready line names its address")?.to_owned();
        let program = safelight.display().to_string();
        let token =
            output(&program, &["token", "--data", &data, "--customer", CUSTOMER]).context("make a token")?;
        let ours = Ours {
            stack,
            http: agent(),
            address,
            bearer: format!("Bearer {token}"),
            photo: photo.to_vec(),
            count: AtomicU32::new(0),
            ended: Arc::default(),
            _folder: folder,
        };
        ours.listen()?;
        Ok(ours)
    }

    /// One image, from the request to the last byte of its third rendition.
    pub(crate) fn image(&self) -> Result<()> {
        let id = self.upload()?;
        let status = self.ended.wait(&id)?;
        ensure!(status == "processed", "image {id} ended as {status}");
        let image: Value = serde_json::from_slice(&self.get(&format!("/v1/images/{id}"))?)?;
        let renditions = image["renditions"].as_array().context("a processed image has renditions")?;
        ensure!(renditions.len() == RENDITIONS, "image {id} has {} renditions", renditions.len());
        for rendition in renditions {
            let bytes = self.get(rendition["url"].as_str().context("a rendition has a url")?)?;
            ensure!(rendition["bytes"] == bytes.len(), "a rendition of {id} is not whole");
        }
        Ok(())
    }

    /// Uploads a photo that nobody has uploaded yet. Where the service says that it has enough, asks again.
    fn upload(&self) -> Result<String> {
        let url = format!("{}/v1/images?filename=bench.jpg", self.address);
        let photo = distinct(&self.photo, self.count.fetch_add(1, Ordering::Relaxed));
        let deadline = Instant::now() + ENDED_MAX;
        loop {
            let request = self.http.post(&url).header("content-type", "image/jpeg");
            match request.header("authorization", &self.bearer).send(&photo) {
                Ok(mut answer) => {
                    let body: Value = serde_json::from_slice(&answer.body_mut().read_to_vec()?)?;
                    return Ok(body["id"].as_str().context("an accepted upload has an id")?.to_owned());
                }
                Err(ureq::Error::StatusCode(429 | 503)) if Instant::now() < deadline => {
                    std::thread::sleep(AGAIN);
                }
                Err(error) => return Err(error).context("upload"),
            }
        }
    }

    /// What the stack's processes have used so far.
    pub(crate) fn spent(&self) -> Spent {
        let mut spent = Spent { workers: 0.0, broker: 0.0, rest: 0.0 };
        for pid in meter::tree_of(self.stack.id()) {
            let secs = meter::cpu_secs_of(pid);
            match meter::command_of(pid) {
                command if command.starts_with("darkroom-worker") => spent.workers += secs.own,
                command if command.contains("kafka.Kafka") => spent.broker += secs.own,
                _ => {
                    spent.rest += secs.own;
                    // The children that are gone were workers: nothing else ends while the stack runs.
                    spent.workers += secs.gone_children;
                }
            }
        }
        spent
    }

    fn get(&self, path: &str) -> Result<Vec<u8>> {
        let request = self.http.get(format!("{}{path}", self.address)).header("authorization", &self.bearer);
        let mut answer = request.call().with_context(|| format!("get {path}"))?;
        Ok(answer.body_mut().read_to_vec()?)
    }

    /// Follows the stream in a thread of its own, which ends with the stack.
    fn listen(&self) -> Result<()> {
        let request =
            self.http.get(format!("{}/v1/stream", self.address)).header("authorization", &self.bearer);
        let stream = request.call().context("open the stream")?.into_body().into_reader();
        let ended = Arc::clone(&self.ended);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let Some(data) = line.strip_prefix("data: ") else { continue };
                ended.hear(&serde_json::from_str(data).unwrap_or_default());
            }
        });
        Ok(())
    }
}

impl Ended {
    fn hear(&self, image: &Value) {
        if let (Some(id), Some(status @ ("processed" | "failed"))) =
            (image["id"].as_str(), image["status"].as_str())
        {
            self.statuses
                .lock()
                .expect("nobody panics with the lock")
                .insert(id.to_owned(), status.to_owned());
            self.news.notify_all();
        }
    }

    fn wait(&self, id: &str) -> Result<String> {
        let statuses = self.statuses.lock().expect("nobody panics with the lock");
        let unknown = |statuses: &mut HashMap<String, String>| !statuses.contains_key(id);
        let waited = self.news.wait_timeout_while(statuses, ENDED_MAX, unknown);
        let (mut statuses, _) = waited.expect("nobody panics with the lock");
        statuses.remove(id).with_context(|| format!("image {id} does not come to its end"))
    }
}

/// Which broker the stack runs on.
pub(crate) fn broker(cache: &Path) -> &'static str {
    let fetched = std::fs::read_dir(cache).into_iter().flatten().flatten();
    let has_jars =
        fetched.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("kafka-"));
    if has_jars && crate::engine::is_on_path("java") { "apache" } else { "embedded" }
}

/// The program, beside this one unless told otherwise.
pub(crate) fn program(told: Option<&PathBuf>) -> Option<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("safelight"));
    told.cloned().or_else(beside).filter(|path| path.is_file())
}

/// The photo with a comment that only it has, so that no two uploads are the same file.
pub(crate) fn distinct(photo: &[u8], number: u32) -> Vec<u8> {
    let (start, rest) = photo.split_at(2);
    [start, &[0xff, 0xfe, 0x00, 0x06], &number.to_be_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distinct_photo_is_still_the_photo() {
        let photo = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../photos/mountains.jpg")).unwrap();
        let (one, two) = (distinct(&photo, 1), distinct(&photo, 2));
        assert_ne!(one, two);
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        assert_eq!(pixels(&one), pixels(&photo));
    }
}
