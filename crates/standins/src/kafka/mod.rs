//! The local stack's Kafka: a real Apache Kafka as a supervised child wherever Java is, librdkafka's in-memory broker
//! where it is not. Clients are the same for both; only what is behind the address differs.

mod apache;
mod child;
mod detect;
mod embedded;
mod kind;
mod provision;

use std::path::Path;

use conveyor::KafkaArgs;

pub use detect::{Detected, Jars, detect};
pub use kind::Kind;
pub use provision::{Provisioned, TopicPlan, provision};

use apache::Apache;
use embedded::Embedded;

/// A running broker with every topic. Dropping it kills it; `stop` is the gentle way.
#[derive(Debug)]
pub struct Broker {
    /// Its address, `HOST:PORT`.
    pub bootstrap: String,
    /// Which one it is.
    pub kind: Kind,
    /// Names this life of the log, where the broker has no ids that do.
    pub epoch_override: Option<String>,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Apache(Apache),
    Embedded(Embedded),
}

impl Broker {
    /// Starts a broker and returns when it answers and has every topic of the house. All its files are in `folder`, which
    /// is its own. Port 0 takes a free one; the embedded broker always does, and keeps no files.
    pub async fn start(kind: Kind, folder: &Path, port: u16) -> anyhow::Result<Broker> {
        let broker = match kind {
            Kind::Apache => {
                let apache = Apache::start(folder, port).await?;
                let bootstrap = apache.bootstrap().to_owned();
                Broker { bootstrap, kind, epoch_override: None, running: Running::Apache(apache) }
            }
            Kind::Embedded => {
                let embedded = Embedded::start().await?;
                let (bootstrap, epoch) = (embedded.bootstrap().to_owned(), embedded.epoch().to_owned());
                Broker { bootstrap, kind, epoch_override: Some(epoch), running: Running::Embedded(embedded) }
            }
        };
        if kind == Kind::Apache {
            provision(&broker.client_args(), &TopicPlan::local()).await?;
        }
        Ok(broker)
    }

    /// Returns what a client of this broker has to know.
    pub fn client_args(&self) -> KafkaArgs {
        KafkaArgs {
            epoch: self.epoch_override.clone(),
            fetch_wait_ms: self.fetch_wait_ms(),
            ..KafkaArgs::plaintext(&self.bootstrap)
        }
    }

    /// Returns how long a fetch may wait, in milliseconds: the embedded broker does not wake one that waits.
    pub fn fetch_wait_ms(&self) -> u32 {
        match self.kind {
            Kind::Apache => 500,
            Kind::Embedded => 5,
        }
    }

    /// Returns the process id of the child, while there is one.
    pub fn pid(&self) -> Option<u32> {
        match &self.running {
            Running::Apache(apache) => apache.pid(),
            Running::Embedded(_) => None,
        }
    }

    /// Stops the broker gently: its log is closed, and the next start is quick. Bounded.
    pub async fn stop(self) {
        match self.running {
            Running::Apache(apache) => apache.stop().await,
            Running::Embedded(embedded) => drop(embedded),
        }
    }
}
