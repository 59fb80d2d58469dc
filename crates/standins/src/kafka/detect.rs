//! Owns the question whether an Apache Kafka can be run here: Java 17 or newer, and the jars.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::kind::Kind;

/// The version of Apache Kafka whose jars are looked for.
const VERSION: &str = "4.3.0";
const JAVA_MIN: u32 = 17;

/// What is here, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The broker to run.
    pub kind: Kind,
    /// One sentence for people: what was chosen and what that means.
    pub why: String,
}

/// What it takes to run Apache Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jars {
    /// The Java virtual machine's program.
    pub java: PathBuf,
    /// The folder of jars.
    pub folder: PathBuf,
}

/// Chooses the broker for this machine: Apache Kafka where it can run, else the embedded one.
pub fn detect() -> Detected {
    match Jars::find() {
        Ok(_) => Detected {
            kind: Kind::Apache,
            why: format!("Apache Kafka {VERSION}: its log is kept in the data folder, and any client works"),
        },
        Err(missing) => Detected {
            kind: Kind::Embedded,
            why: format!(
                "the embedded broker, because {missing}: it forgets its log at exit, and only librdkafka clients work"
            ),
        },
    }
}

impl Jars {
    /// Finds Java and the jars; else says what is missing.
    pub fn find() -> Result<Jars, String> {
        let folder = jar_folders().into_iter().find(|folder| holds_kafka(folder)).ok_or_else(|| {
            format!("Apache Kafka's jars are not in `.cache/kafka-{VERSION}` (`make kafka` fetches them)")
        })?;
        let java = java();
        match java_major(&java) {
            Some(major) if major >= JAVA_MIN => Ok(Jars { java, folder }),
            Some(major) => Err(format!("Java is {major}, and Apache Kafka needs {JAVA_MIN}")),
            None => Err(format!("there is no Java {JAVA_MIN} here")),
        }
    }
}

/// Returns where the jars may be, best first: where the environment says, then `.cache` beside the current folder or
/// above it, then in the workspace this was built in.
fn jar_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("SAFELIGHT_KAFKA_JARS").map(PathBuf::from);
    let cache = std::env::var_os("SAFELIGHT_CACHE").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().map(|folder| folder.join(".cache")).collect::<Vec<_>>();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache");
    let caches = cache.into_iter().chain(above).chain([workspace]);
    named.into_iter().chain(caches.map(|cache| cache.join(format!("kafka-{VERSION}")))).collect()
}

fn holds_kafka(folder: &Path) -> bool {
    folder.join(format!("kafka_2.13-{VERSION}.jar")).is_file()
}

fn java() -> PathBuf {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    home.filter(|java| java.is_file()).unwrap_or_else(|| PathBuf::from("java"))
}

fn java_major(java: &Path) -> Option<u32> {
    let answer = Command::new(java).arg("-version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&answer.stderr))
}

/// Reads the number from `openjdk version "17.0.15" ...`; Java 8 calls itself `1.8.0`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split('"').nth(1)?;
    let version = version.strip_prefix("1.").unwrap_or(version);
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_number_is_read_from_what_it_says() {
        assert_eq!(parse_major("openjdk version \"17.0.15\" 2025-04-15\n..."), Some(17));
        assert_eq!(parse_major("java version \"1.8.0_392\""), Some(8));
        assert_eq!(parse_major("openjdk version \"24-ea\" 2025-03-18"), Some(24));
        assert_eq!(parse_major("command not found"), None);
    }

    #[test]
    fn what_is_chosen_is_said_in_words() {
        let detected = detect();
        assert!(detected.why.contains(if detected.kind == Kind::Apache { "any client" } else { "because" }));
    }
}
