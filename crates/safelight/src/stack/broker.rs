//! Which Kafka the stack stands on: one of its own, or yours.

use std::path::Path;
use std::str::FromStr;

use conveyor::KafkaArgs;

use crate::stack::settings::Settings;
use standins::kafka::{Broker, Kind, TopicPlan, detect, provision};

/// What `--kafka` may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaChoice {
    /// Apache Kafka where it can run, else the embedded broker.
    Auto,
    /// This one, or an error.
    Own(Kind),
    /// A cluster that is there already: its bootstrap servers.
    External(String),
}

impl FromStr for KafkaChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<KafkaChoice, String> {
        match text {
            "auto" => Ok(KafkaChoice::Auto),
            "apache" => Ok(KafkaChoice::Own(Kind::Apache)),
            "embedded" => Ok(KafkaChoice::Own(Kind::Embedded)),
            servers if servers.contains(':') => Ok(KafkaChoice::External(servers.to_owned())),
            other => Err(format!("`{other}` is not `auto`, `apache`, `embedded` or HOST:PORT")),
        }
    }
}

/// The Kafka of a stack, running and with every topic.
pub(crate) enum StackKafka {
    Own(Box<Broker>),
    External(KafkaArgs),
}

impl StackKafka {
    /// Starts the broker, or makes the topics on yours.
    pub(crate) async fn start(choice: &KafkaChoice, data: &Path) -> anyhow::Result<StackKafka> {
        let kind = match choice {
            KafkaChoice::External(servers) => {
                let args = yours(servers)?;
                provision(&args, &TopicPlan::local()).await?;
                return Ok(StackKafka::External(args));
            }
            KafkaChoice::Own(kind) => *kind,
            KafkaChoice::Auto => {
                let detected = detect();
                tracing::info!(kafka.kind = %detected.kind, "{}", detected.why);
                detected.kind
            }
        };
        Ok(StackKafka::Own(Box::new(Broker::start(kind, data, 0).await?)))
    }

    /// Says whether it is the stack's own broker, which speaks in the clear on loopback.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, StackKafka::Own(_))
    }

    pub(crate) fn bootstrap(&self) -> &str {
        match self {
            StackKafka::Own(broker) => &broker.bootstrap,
            StackKafka::External(args) => &args.bootstrap_servers,
        }
    }

    /// Returns the word for it in the ready line.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            StackKafka::Own(broker) => broker.kind.name(),
            StackKafka::External(_) => "external",
        }
    }

    /// Returns the name under which this stack's stations keep their places in their groups from one life to the next. Only
    /// a broker in the data folder has one: its members live in the one process that holds the folder, and end with it.
    pub(crate) fn group_instance_id(&self) -> Option<String> {
        let keeps_groups = matches!(self, StackKafka::Own(broker) if broker.kind == Kind::Apache);
        keeps_groups.then(|| "safelight-up".to_owned())
    }

    /// Returns what a client of this broker has to know.
    pub(crate) fn client_args(&self) -> KafkaArgs {
        match self {
            StackKafka::Own(broker) => broker.client_args(),
            StackKafka::External(args) => args.clone(),
        }
    }

    pub(crate) async fn stop(self) {
        if let StackKafka::Own(broker) = self {
            broker.stop().await;
        }
    }
}

/// Returns how your cluster is reached: at `servers`, by the `KAFKA_*` variables as any station reads them.
fn yours(servers: &str) -> anyhow::Result<KafkaArgs> {
    #[derive(clap::Parser)]
    struct Wanted {
        #[command(flatten)]
        kafka: KafkaArgs,
    }
    let mut settings = Settings::default();
    settings.set("KAFKA_BOOTSTRAP_SERVERS", servers);
    Ok(settings.configure::<Wanted>()?.kafka)
}
