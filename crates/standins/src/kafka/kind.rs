//! Names the two brokers.

use std::fmt;

/// Which broker runs behind the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Apache Kafka, a child process; its log is in the data folder, and any client works.
    Apache,
    /// librdkafka's in-memory broker: forgets everything at exit, and only librdkafka clients work.
    Embedded,
}

impl Kind {
    /// Returns the word for it on the command line and in the ready line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Apache => "apache",
            Kind::Embedded => "embedded",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
