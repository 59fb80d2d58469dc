//! The three stations as processes of their own, as in production, on servers that somebody else runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::api::Api;
use crate::port::free_port;
use crate::process::Process;
use crate::tools::binary;
use crate::wait::eventually;

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

/// One station, which may be killed and started again on the same addresses.
pub struct Station {
    name: &'static str,
    process: Process,
    env: Vec<(String, String)>,
    folder: PathBuf,
    http: u16,
    admin: u16,
}

impl Station {
    /// Starts a station and waits until it is ready.
    pub async fn start(name: &'static str, env: &[(String, String)], folder: &Path) -> Station {
        let (http, admin) = (free_port(), free_port());
        let mut env = env.to_vec();
        let mut set = |name: &str, value: String| {
            env.retain(|(other, _)| other != name);
            env.push((name.to_owned(), value));
        };
        set("SAFELIGHT_HTTP_ADDR", format!("127.0.0.1:{http}"));
        set("SAFELIGHT_ADMIN_ADDR", format!("127.0.0.1:{admin}"));
        set("SAFELIGHT_DATA_DIR", folder.join(format!("{name}-data")).display().to_string());
        let process = Process::start(&binary(name), &[], &env, folder);
        let mut station = Station { name, process, env, folder: folder.to_owned(), http, admin };
        station.ready().await;
        station
    }

    /// Waits until `/readyz` says so.
    pub async fn ready(&mut self) {
        let url = format!("{}/readyz", self.admin_url());
        eventually(&format!("{} ready", self.name), READY_MAX, async || {
            assert!(self.process.is_running(), "{} ended before it was ready", self.name);
            let answer = reqwest::get(&url).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop; it must end cleanly.
    pub async fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.ended(STOP_MAX).await;
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// Starts it again and waits until it is ready.
    pub async fn again(&mut self) {
        self.process = Process::start(&binary(self.name), &[], &self.env, &self.folder);
        self.ready().await;
    }

    /// Returns where its API is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Returns where its health and metrics are.
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin)
    }

    /// Returns the process, for its log.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// All three.
pub struct Stations {
    /// Station 1.
    pub ingest: Station,
    /// Station 2.
    pub processor: Station,
    /// Station 3.
    pub sink: Station,
}

impl Stations {
    /// Starts all three and waits until they are ready.
    pub async fn start(env: &[(String, String)], folder: &Path) -> Stations {
        let (ingest, processor, sink) = tokio::join!(
            Station::start("ingest", env, folder),
            Station::start("processor", env, folder),
            Station::start("sink", env, folder),
        );
        Stations { ingest, processor, sink }
    }

    /// Returns a client of the API.
    pub fn api(&self, token: &str) -> Api {
        Api::new(&self.ingest.url(), &self.sink.url(), token)
    }
}
