//! Owns what can be set: how Kafka is reached, and how much a belt carries. Plain data, read by clap.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

/// How Kafka is reached and spoken to.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Brokers to begin with, `HOST:PORT` separated by commas.
    #[arg(long = "kafka-bootstrap-servers", env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "HOST:PORT,...")]
    pub bootstrap_servers: String,

    /// How the connection is protected.
    #[arg(
        long = "kafka-security-protocol",
        env = "KAFKA_SECURITY_PROTOCOL",
        default_value = "PLAINTEXT",
        ignore_case = true
    )]
    pub security_protocol: SecurityProtocol,

    /// How we prove who we are, where the protocol is one of SASL.
    #[arg(long = "kafka-sasl-mechanism", env = "KAFKA_SASL_MECHANISM", ignore_case = true)]
    pub sasl_mechanism: Option<SaslMechanism>,

    /// Our name at the brokers.
    #[arg(long = "kafka-sasl-username", env = "KAFKA_SASL_USERNAME")]
    pub sasl_username: Option<String>,

    /// Our password at the brokers.
    #[arg(long = "kafka-sasl-password", env = "KAFKA_SASL_PASSWORD", hide_env_values = true)]
    pub sasl_password: Option<SecretString>,

    /// A file that holds our password at the brokers; a line end after it is not part of it.
    #[arg(
        long = "kafka-sasl-password-file",
        env = "KAFKA_SASL_PASSWORD_FILE",
        conflicts_with = "sasl_password"
    )]
    pub sasl_password_file: Option<PathBuf>,

    /// PEM file of the authorities that may vouch for the brokers; without it, the system's own.
    #[arg(long = "kafka-ssl-ca-location", env = "KAFKA_SSL_CA_LOCATION")]
    pub ssl_ca_location: Option<PathBuf>,

    /// Names this life of the log in every coordinate, for a broker that has no cluster and topic ids of its own.
    #[arg(long = "kafka-epoch", env = "SAFELIGHT_KAFKA_EPOCH")]
    pub epoch: Option<String>,

    /// How long the broker may hold a fetch that finds nothing, in milliseconds. The embedded broker never wakes a
    /// waiting fetch, so this is its latency.
    #[arg(long = "kafka-fetch-wait-ms", env = "SAFELIGHT_KAFKA_FETCH_WAIT_MS", default_value_t = 500)]
    pub fetch_wait_ms: u32,

    /// How long one publish may take before its outcome counts as unknown, in seconds.
    #[arg(long = "kafka-publish-secs-max", env = "SAFELIGHT_KAFKA_PUBLISH_SECS_MAX", default_value_t = 10)]
    pub publish_secs_max: u64,

    /// Records that may wait for their acknowledgement; above four fifths new ones are refused.
    #[arg(
        long = "kafka-publish-records-max",
        env = "SAFELIGHT_KAFKA_PUBLISH_RECORDS_MAX",
        default_value_t = 10_000
    )]
    pub publish_records_max: usize,

    /// Bytes that may wait for their acknowledgement; above four fifths new records are refused.
    #[arg(
        long = "kafka-publish-bytes-max",
        env = "SAFELIGHT_KAFKA_PUBLISH_BYTES_MAX",
        default_value_t = 32 << 20
    )]
    pub publish_bytes_max: usize,

    /// Whose place a belt takes in its group. The place outlives the process, and the next belt that asks for it has it at
    /// once: nobody waits for the session of the dead one. Two at a time would throw each other out, so this is no setting.
    #[arg(skip)]
    pub group_instance_id: Option<String>,
}

/// How the connection to a broker is protected, in Kafka's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecurityProtocol {
    /// Not at all.
    #[value(name = "PLAINTEXT")]
    Plaintext,
    /// By TLS.
    #[value(name = "SSL")]
    Ssl,
    /// By a password over an open line.
    #[value(name = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// By a password over TLS.
    #[value(name = "SASL_SSL")]
    SaslSsl,
}

/// How a password is shown to a broker, in Kafka's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SaslMechanism {
    /// As it is.
    #[value(name = "PLAIN")]
    Plain,
    /// By challenge and response.
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// By challenge and response.
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl KafkaArgs {
    /// Returns the defaults for brokers that ask for nothing: the local stack and tests.
    pub fn plaintext(bootstrap_servers: impl Into<String>) -> KafkaArgs {
        KafkaArgs {
            bootstrap_servers: bootstrap_servers.into(),
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            sasl_password_file: None,
            ssl_ca_location: None,
            epoch: None,
            fetch_wait_ms: 500,
            publish_secs_max: 10,
            publish_records_max: 10_000,
            publish_bytes_max: 32 << 20,
            group_instance_id: None,
        }
    }

    pub(crate) fn publish_max(&self) -> Duration {
        Duration::from_secs(self.publish_secs_max.max(1))
    }
}

/// How much a belt carries at once and how long it waits for what.
#[derive(Args, Clone, Debug)]
pub struct BeltArgs {
    /// Records in hand at once; at the limit some more are held ready, then the partitions are paused.
    #[arg(long, env = "SAFELIGHT_IN_FLIGHT_RECORDS_MAX", default_value_t = 256)]
    pub in_flight_records_max: usize,

    /// Bytes in hand at once, as the handler counts them; at the limit as with records. One record may pass it. The
    /// processor has its own limit, by its workers: two images for each and two more.
    #[arg(long, env = "SAFELIGHT_IN_FLIGHT_BYTES_MAX", default_value_t = 64 << 20)]
    pub in_flight_bytes_max: u64,

    /// Records of one partition that may be handled above one that is not; at the limit the partition is paused. One that
    /// is set aside is not handled either: what is above it is read again after a restart.
    #[arg(long, env = "SAFELIGHT_WINDOW_RECORDS_MAX", default_value_t = 10_000)]
    pub window_records_max: usize,

    /// Records that failed again and again and wait aside, without a place in hand, to be tried again. At the limit further
    /// ones keep their place in hand, and in the end nothing more is read.
    #[arg(long, env = "SAFELIGHT_SET_ASIDE_RECORDS_MAX", default_value_t = 10_000)]
    pub set_aside_records_max: usize,

    /// One try of one record, in seconds; after it the record is tried again.
    #[arg(long, env = "SAFELIGHT_HANDLE_SECS_MAX", default_value_t = 300)]
    pub handle_secs_max: u64,

    /// Panics of the handler over one record before the record is rejected.
    #[arg(long, env = "SAFELIGHT_PANICS_MAX", default_value_t = 3)]
    pub panics_max: u32,

    /// What is in hand at shutdown has this long to end, in seconds; then it is left for the next member.
    #[arg(long, env = "SAFELIGHT_BELT_DRAIN_SECS", default_value_t = 20)]
    pub belt_drain_secs: u64,

    /// Records that wait while nothing moves for this long mean a stuck client: the station ends and is restarted.
    #[arg(long, env = "SAFELIGHT_STALL_SECS_MAX", default_value_t = 30)]
    pub stall_secs_max: u64,
}

impl BeltArgs {
    /// Returns how long records may wait while nothing moves.
    pub fn stall_max(&self) -> Duration {
        Duration::from_secs(self.stall_secs_max)
    }
}

impl Default for BeltArgs {
    fn default() -> BeltArgs {
        BeltArgs {
            in_flight_records_max: 256,
            in_flight_bytes_max: 64 << 20,
            window_records_max: 10_000,
            set_aside_records_max: 10_000,
            handle_secs_max: 300,
            panics_max: 3,
            belt_drain_secs: 20,
            stall_secs_max: 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        belt: BeltArgs,
    }

    fn parse(args: &[&str]) -> Cli {
        let all = ["cli", "--kafka-bootstrap-servers", "a:1"].into_iter().chain(args.iter().copied());
        Cli::try_parse_from(all).unwrap()
    }

    #[test]
    fn what_clap_defaults_to_is_what_the_code_defaults_to() {
        let cli = parse(&[]);
        assert_eq!(format!("{:?}", cli.kafka), format!("{:?}", KafkaArgs::plaintext("a:1")));
        assert_eq!(format!("{:?}", cli.belt), format!("{:?}", BeltArgs::default()));
    }

    #[test]
    fn kafkas_own_words_are_understood_and_the_password_is_never_shown() {
        let cli = parse(&[
            "--kafka-security-protocol=sasl_ssl",
            "--kafka-sasl-mechanism=SCRAM-SHA-512",
            "--kafka-sasl-password=hunter2",
        ]);
        assert_eq!(cli.kafka.security_protocol, SecurityProtocol::SaslSsl);
        assert_eq!(cli.kafka.sasl_mechanism, Some(SaslMechanism::ScramSha512));
        assert!(!format!("{cli:?}").contains("hunter2"));
    }
}
