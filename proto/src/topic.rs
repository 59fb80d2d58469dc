//! The topic table. Owns names, subjects and size limits; `asyncapi.yaml` and provisioning are held to it.

use std::fmt;

/// Partitions of every topic in the local stack; 48 in AWS. Never changed in place: a key would move.
pub const PARTITIONS_LOCAL: i32 = 12;

/// A Kafka topic of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// `images.uploaded.v1`: an original is in S3.
    Uploaded,
    /// `images.processed.v1`: every rendition is in S3.
    Processed,
    /// `images.failed.v1`: dead letters.
    Failed,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 3] = [Topic::Uploaded, Topic::Processed, Topic::Failed];

    /// Returns the topic's name in Kafka.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Uploaded => "images.uploaded.v1",
            Topic::Processed => "images.processed.v1",
            Topic::Failed => "images.failed.v1",
        }
    }

    /// Returns the schema registry's subject for the topic's values (TopicNameStrategy).
    pub fn subject(self) -> String {
        format!("{}-value", self.name())
    }

    /// Returns the largest record batch that the broker takes on this topic, in bytes (`max.message.bytes`).
    pub fn message_bytes_max(self) -> usize {
        match self {
            // A dead letter holds the whole record that failed.
            Topic::Failed => 2 << 20,
            Topic::Uploaded | Topic::Processed => 256 << 10,
        }
    }

    /// Returns the topic of this name.
    pub fn parse(name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
