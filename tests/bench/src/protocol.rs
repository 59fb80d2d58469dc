//! Owns the words between the harness and an engine: one JSON line each way for each job. Knows nothing about what
//! engines do. The peers in `peers/` speak the same words.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One job: an original, and the renditions to make of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The original's file. An engine reads it before it looks at its clock.
    pub input: PathBuf,
    /// The format of every rendition.
    pub format: Format,
    /// Longer sides in pixels, largest first. Nothing is enlarged.
    pub sides: Vec<u32>,
    /// The encoder's quality.
    pub quality: u8,
    /// How often the job is done in a row; the CPU time is that of all together.
    pub repeat: u32,
    /// Where the files are written to afterwards, as `SIDE.EXTENSION`.
    pub out: Option<PathBuf>,
}

/// The format of the renditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Baseline, 4:2:0, optimised Huffman tables.
    Jpeg,
    /// Lossy, method 4, with alpha where the original has it.
    Webp,
}

impl Format {
    /// `jpeg` or `webp`, also the extension of the files.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }
}

/// What an engine answers to a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The work is done.
    Done {
        /// User and system time of the engine and its children, milliseconds, for all repeats.
        cpu_ms: f64,
        /// Bytes of each rendition, in the order of `sides`.
        bytes: Vec<u64>,
        /// The largest resident set of a child that is gone by now, KiB.
        #[serde(default)]
        child_peak_kib: u64,
    },
    /// The engine cannot do this at all, and why.
    Unsupported(String),
    /// The engine failed.
    Failed(String),
}

/// An engine's first line: what it is made of, name to version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Such as `sharp` to `0.35.5`.
    pub versions: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_peer_is_understood() {
        let done: Reply = serde_json::from_str(r#"{"done": {"cpu_ms": 1.5, "bytes": [3, 2]}}"#).unwrap();
        assert_eq!(done, Reply::Done { cpu_ms: 1.5, bytes: vec![3, 2], child_peak_kib: 0 });
        let no: Reply = serde_json::from_str(r#"{"unsupported": "no WebP"}"#).unwrap();
        assert_eq!(no, Reply::Unsupported("no WebP".to_owned()));
    }
}
