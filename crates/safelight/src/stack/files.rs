//! The files that `up` keeps in its data folder beside the servers' own: the lock, the keys, the addresses, the
//! environment for others. Owns their names and their modes.

use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use standins::write_private;

const LOCK_FILE: &str = "lock";
const KEYS_FILE: &str = "keys.json";
const ADDRESSES_FILE: &str = "stack.json";
const ENV_FILE: &str = "env";

/// Holds the data folder for this process; let go when the process ends, however it ends.
pub(crate) struct FolderLock {
    _file: File,
}

/// Makes the folder and takes its lock. Fails at once when another `up` holds it.
pub(crate) fn lock(dir: &Path) -> anyhow::Result<FolderLock> {
    std::fs::create_dir_all(dir).with_context(|| format!("make `{}`", dir.display()))?;
    let path = dir.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("open `{}`", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            anyhow::bail!(
                "another `safelight up` is running on `{}`: stop it, or choose another `--data`",
                dir.display()
            )
        }
        Err(cause) => Err(cause).with_context(|| format!("lock `{}`", path.display())),
    }
}

/// The local stack's own secrets, made once for each data folder.
#[derive(Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) cursor_key: String,
}

impl Keys {
    /// Reads the folder's keys, or makes them.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Keys> {
        let path = dir.join(KEYS_FILE);
        if !path.exists() {
            let keys = Keys {
                access_key_id: format!("local{}", random_hex::<8>()),
                secret_access_key: random_hex::<20>(),
                cursor_key: random_hex::<32>(),
            };
            write_private(&path, &serde_json::to_vec(&keys)?)?;
        }
        let text = std::fs::read(&path).with_context(|| format!("read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("understand `{}`", path.display()))
    }
}

fn random_hex<const BYTES: usize>() -> String {
    hex::encode(rand::random::<[u8; BYTES]>())
}

/// Where a running stack answers: the line that `up` prints, kept for the other commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Addresses {
    /// Always true; the line appears once the stack is.
    pub ready: bool,
    /// The API and the page, a URL.
    pub http: String,
    /// `/livez`, `/readyz`, `/metrics`, a URL.
    pub admin: String,
    /// Kafka's bootstrap servers, `HOST:PORT`.
    pub kafka: String,
    /// `apache`, `embedded` or `external`.
    pub kafka_kind: String,
    /// The S3 endpoint, a URL.
    pub s3: String,
    /// The DynamoDB endpoint, a URL.
    pub dynamodb: String,
    /// The schema registry, a URL; the token issuer's `/.well-known/` is there too.
    pub schema_registry: String,
}

impl Addresses {
    /// Reads what the last `up` left in its data folder.
    pub fn read(dir: &Path) -> anyhow::Result<Addresses> {
        let path = dir.join(ADDRESSES_FILE);
        let text = std::fs::read(&path)
            .with_context(|| format!("find a stack: `{}`; is `safelight up` running?", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("understand `{}`", path.display()))
    }

    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        write_private(&dir.join(ADDRESSES_FILE), &serde_json::to_vec(self)?)
    }
}

/// Writes `NAME=value` lines for shells, readable by the owner only.
pub(crate) fn write_env(dir: &Path, settings: &[(&'static str, String)]) -> anyhow::Result<()> {
    let lines: String = settings.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect();
    write_private(&dir.join(ENV_FILE), lines.as_bytes())
}

fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,@%+".contains(&byte);
    if value.bytes().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        let refused = lock(dir.path()).err().expect("the folder is held").to_string();
        assert!(refused.contains("another `safelight up`"), "{refused}");
        drop(held);
        lock(dir.path()).unwrap();
    }

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:80"), "http://127.0.0.1:80");
        assert_eq!(quoted("a b'c$(d)"), r"'a b'\''c$(d)'");
    }
}
