//! What makes a message a fact: its topic, its key, its Protobuf form. Sealed: the facts of the house are all there are.

use crate::Topic;

/// A fact that travels on one topic.
pub trait Event: Sized + Send + Sync + sealed::Sealed {
    /// The topic it travels on.
    const TOPIC: Topic;
    /// The Protobuf message's full name.
    const MESSAGE: &'static str;
    /// The .proto file, as the schema registry keeps it.
    const SCHEMA: &'static str;

    /// Returns the record's key: the image's id, or empty where it is unknown.
    fn key(&self) -> String;

    /// Returns the Protobuf bytes, without the registry's frame.
    fn encode(&self) -> Vec<u8>;

    /// Parses Protobuf bytes, without the registry's frame. Fails with the reason when any field is not what it must be.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed>;
}

/// Says what in a message is not as it must be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    pub(crate) fn field(name: &str, why: impl std::fmt::Display) -> Malformed {
        Malformed(format!("field `{name}`: {why}"))
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::ImageUploaded {}
    impl Sealed for crate::ImageProcessed {}
    impl Sealed for crate::ImageFailed {}
}
