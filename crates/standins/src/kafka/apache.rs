//! Owns one Apache Kafka in KRaft mode, broker and controller in one process, its log in the data folder. Loopback only.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, TopicPartitionList};
use rustix::fs::{FlockOperation, fcntl_lock};
use uuid::Uuid;

use super::Jars;
use super::child::{Supervised, tie_to_this_thread};

const READY_MAX: Duration = Duration::from_secs(90);
const LOCK_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// Heap, and what a laptop needs of a virtual machine: a quick start rather than speed after an hour.
const JVM: [&str; 4] = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
/// What the child said of itself is kept up to this size from start to start.
const OUTPUT_BYTES_MAX: u64 = 1 << 20;
/// How often a free port may be snatched away before the start is given up.
const PORT_TRIES: u32 = 3;

/// A running Apache Kafka. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Apache {
    bootstrap: String,
    child: Supervised,
}

/// Where everything of one broker lies.
#[derive(Clone, Debug)]
struct Home {
    jars: Jars,
    folder: PathBuf,
}

impl Apache {
    /// Starts the broker whose log is in `folder` and returns when it answers.
    pub(super) async fn start(folder: &Path, port: u16) -> anyhow::Result<Apache> {
        let jars = Jars::find().map_err(|missing| anyhow::anyhow!("run Apache Kafka here: {missing}"))?;
        let folder = folder.to_owned();
        let home = tokio::task::spawn_blocking(move || Home::prepare(jars, &folder)).await??;
        let mut tries = if port == 0 { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            match Apache::start_once(&home, port).await {
                Err(error) if tries > 0 => tracing::debug!("start Apache Kafka again: {error:#}"),
                started => return started,
            }
        }
    }

    async fn start_once(home: &Home, port: u16) -> anyhow::Result<Apache> {
        let port = if port == 0 { free_port()? } else { port };
        home.configure(port, free_port()?)?;
        home.format().await?;
        let kept = home.clone();
        let child = Supervised::start("kafka", move || kept.command("kafka.Kafka", &[kept.properties()]));
        let apache = Apache { bootstrap: format!("127.0.0.1:{port}"), child };
        apache.wait_until_it_answers().await.with_context(|| home.last_words())?;
        apache.wait_until_it_coordinates().await.with_context(|| home.last_words())?;
        Ok(apache)
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.pid()
    }

    pub(super) async fn stop(self) {
        self.child.stop().await;
    }

    async fn wait_until_it_answers(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_MAX;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("reconnect.backoff.max.ms", "100");
        while Instant::now() < deadline {
            ensure!(self.child.deaths() == 0, "Apache Kafka ended as soon as it was started");
            let config = config.clone();
            // Most of the wait is for the port to open at all: no client is made for that.
            let is_open = std::net::TcpStream::connect(&self.bootstrap).is_ok();
            if is_open && tokio::task::spawn_blocking(move || answers(&config)).await? {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("Apache Kafka did not answer within {} s", READY_MAX.as_secs());
    }

    /// The first question about a group makes the broker create its memory of groups. A member that asks to join meanwhile
    /// waits three seconds before it asks again.
    async fn wait_until_it_coordinates(&self) -> anyhow::Result<()> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", "warm-up");
        let waited = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + READY_MAX;
            let asker: BaseConsumer = config.create()?;
            while !coordinates(&asker) {
                ensure!(Instant::now() < deadline, "Apache Kafka coordinates no groups");
                std::thread::sleep(LOOK_EVERY);
            }
            Ok(())
        });
        waited.await?
    }
}

/// Says whether the broker knows what a group has committed, if only that it is nothing.
fn coordinates(asker: &BaseConsumer) -> bool {
    let mut nothing = TopicPartitionList::new();
    nothing.add_partition(Topic::Uploaded.name(), 0);
    asker.committed_offsets(nothing, ANSWER_MAX).is_ok()
}

fn answers(config: &ClientConfig) -> bool {
    let Ok(asker) = config.create::<BaseConsumer>() else { return false };
    asker.fetch_metadata(None, ANSWER_MAX).is_ok_and(|metadata| !metadata.brokers().is_empty())
}

impl Home {
    /// Makes the folders and waits for the lock of a broker that is still on its way out. Blocks.
    fn prepare(jars: Jars, folder: &Path) -> anyhow::Result<Home> {
        std::fs::create_dir_all(folder.join("log"))
            .with_context(|| format!("make `{}`", folder.display()))?;
        let folder = folder.canonicalize()?;
        let path = folder.to_string_lossy();
        ensure!(!path.contains(','), "Kafka cannot keep its log in a folder with a comma: `{path}`");
        let home = Home { jars, folder };
        home.wait_for_the_lock()?;
        Ok(home)
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    /// A broker that was killed with its parent may still hold its log for a moment. The lock is the broker's own: a
    /// record lock on `.lock`, held as long as it lives.
    fn wait_for_the_lock(&self) -> anyhow::Result<()> {
        let path = self.folder.join("log/.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        let deadline = Instant::now() + LOCK_MAX;
        while let Err(error) = fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive) {
            let held = [rustix::io::Errno::AGAIN, rustix::io::Errno::ACCESS].contains(&error);
            ensure!(held, "lock `{}`: {error}", path.display());
            ensure!(Instant::now() < deadline, "another Kafka is using `{}`", self.folder.display());
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn configure(&self, port: u16, controller_port: u16) -> anyhow::Result<()> {
        let properties = properties(&self.folder.join("log"), port, controller_port);
        std::fs::write(self.properties(), properties).context("write Kafka's properties")
    }

    /// Gives the log its cluster id, once.
    async fn format(&self) -> anyhow::Result<()> {
        if self.folder.join("log/meta.properties").is_file() {
            return Ok(());
        }
        let home = self.clone();
        let formatted = tokio::task::spawn_blocking(move || {
            let id = URL_SAFE_NO_PAD.encode(Uuid::now_v7().as_bytes());
            let mut command = home.command("kafka.tools.StorageTool", &[])?;
            command.args(["format", "--ignore-formatted", "-t", &id, "-c"]).arg(home.properties());
            tie_to_this_thread(&mut command);
            command.status()
        });
        let status = formatted.await?.context("run Kafka's StorageTool")?;
        ensure!(status.success(), "format Kafka's log ({status}): {}", self.last_words());
        Ok(())
    }

    /// Returns the command that runs a class of Kafka; what it says goes to a file beside the log.
    fn command(&self, class: &str, arguments: &[PathBuf]) -> io::Result<Command> {
        let output = self.open_output()?;
        let mut command = Command::new(&self.jars.java);
        command
            .args(JVM)
            .arg("-cp")
            .arg(self.jars.folder.join("*"))
            .arg(class)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        Ok(command)
    }

    fn open_output(&self) -> io::Result<File> {
        let path = self.folder.join("broker.log");
        let is_long = std::fs::metadata(&path).is_ok_and(|known| known.len() > OUTPUT_BYTES_MAX);
        if is_long {
            std::fs::remove_file(&path)?;
        }
        OpenOptions::new().create(true).append(true).open(path)
    }

    /// Returns the end of what the child said.
    fn last_words(&self) -> String {
        let path = self.folder.join("broker.log");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        let words = lines.into_iter().rev().collect::<Vec<_>>().join(" | ");
        format!("see `{}`: {words}", path.display())
    }
}

/// Returns a port that is free now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

fn properties(log: &Path, port: u16, controller_port: u16) -> String {
    // A broker that was killed cannot register again before its last session is over: by default that is nine seconds, far
    // longer than the start itself.
    // In a properties file a backslash begins an escape.
    let log = log.to_string_lossy().replace('\\', "\\\\");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={log}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_properties_stay_on_the_loopback_and_survive_odd_folders() {
        let text = properties(Path::new("/data/a\\b c/log"), 19092, 19093);
        assert!(text.contains("log.dirs=/data/a\\\\b c/log\n"));
        for line in text.lines().filter(|line| line.contains("listeners=")) {
            assert!(line.contains("127.0.0.1") && !line.contains("0.0.0.0"), "{line}");
        }
    }

    #[test]
    fn a_cluster_id_is_22_characters_and_begins_with_no_dash() {
        let id = URL_SAFE_NO_PAD.encode(Uuid::now_v7().as_bytes());
        assert_eq!(id.len(), 22);
        // The high bits of a UUIDv7 are the clock's, far below where a dash would come.
        assert!(!id.starts_with('-'), "{id}");
    }
}
