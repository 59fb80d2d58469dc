//! Owns the settings every client of ours has, and what librdkafka says about its connections. librdkafka's own
//! defaults lose data or stall for a minute; each line here that differs from them says why.

use std::sync::{Arc, Mutex};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext, Statistics};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{KafkaArgs, SaslMechanism, SecurityProtocol};

/// The largest record that may pass: a dead letter holds a whole record.
pub(crate) const MESSAGE_BYTES_MAX: usize = 2 << 20;

/// Half of the smallest `max.message.bytes` of our topics. A single record may be larger.
const BATCH_BYTES: usize = 128 << 10;

/// Says that the settings for Kafka cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKafka {
    /// The password file could not be read.
    #[error("read the password for Kafka from `{path}`")]
    PasswordFile {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// The client refused a setting.
    #[error("make a Kafka client of these settings")]
    Client(#[from] KafkaError),
    /// The machine has no thread for it.
    #[error("start a thread for a Kafka client")]
    Thread(#[source] std::io::Error),
}

/// Says why Kafka cannot be used right now.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The brokers refuse us: an operator must act.
    #[error("be let in by Kafka: {0}")]
    Refused(String),
    /// The brokers do not answer, or not as they should: try again later.
    #[error("reach Kafka at `{bootstrap}`")]
    Unavailable {
        /// The brokers we know.
        bootstrap: String,
        /// What the client saw.
        #[source]
        cause: KafkaError,
    },
}

impl CheckError {
    /// Says whether `error` is a refusal somewhere down its chain: the process names it and ends as misconfigured.
    pub fn is_refusal(error: &anyhow::Error) -> bool {
        error.chain().any(|cause| matches!(cause.downcast_ref(), Some(CheckError::Refused(_))))
    }
}

impl KafkaArgs {
    /// Returns the settings that every client shares: for provisioning, which talks to the brokers by itself.
    pub fn client_config(&self) -> Result<ClientConfig, InvalidKafka> {
        common(self)
    }
}

/// Returns the settings that producers and consumers share.
pub(crate) fn common(kafka: &KafkaArgs) -> Result<ClientConfig, InvalidKafka> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &kafka.bootstrap_servers)
        .set("client.id", "safelight")
        .set("security.protocol", protocol(kafka.security_protocol))
        .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
        .set("socket.keepalive.enable", "true")
        // 60 s: a request to a dead broker would hold up everything behind it.
        .set("socket.timeout.ms", "10000")
        // 10 s: a broker that is back is to be found at once.
        .set("reconnect.backoff.max.ms", "1000")
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Warning);
    if matches!(kafka.security_protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl) {
        set_identity(&mut config, kafka)?;
    }
    if let Some(path) = &kafka.ssl_ca_location {
        config.set("ssl.ca.location", path.to_string_lossy());
    }
    Ok(config)
}

fn set_identity(config: &mut ClientConfig, kafka: &KafkaArgs) -> Result<(), InvalidKafka> {
    if let Some(mechanism) = kafka.sasl_mechanism {
        config.set("sasl.mechanism", mechanism_name(mechanism));
    }
    if let Some(username) = &kafka.sasl_username {
        config.set("sasl.username", username);
    }
    if let Some(password) = password(kafka)? {
        config.set("sasl.password", password.expose_secret());
    }
    Ok(())
}

/// Returns the settings of every consumer; `group` is joined only if it subscribes.
pub(crate) fn consumer(kafka: &KafkaArgs, group: &str) -> Result<ClientConfig, InvalidKafka> {
    let mut config = common(kafka)?;
    config
        .set("group.id", group)
        // The new protocol (KIP-848) had a fatal error that only librdkafka 2.15 mends.
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        // 45 s: after a kill its partitions would stand still that long.
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1500")
        .set("max.poll.interval.ms", "60000")
        // `largest` skips what came before a new group's first read.
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("check.crcs", "true")
        .set("allow.auto.create.topics", "false")
        // 64 MiB: what is fetched ahead lies in memory and is thrown away at every pause.
        .set("queued.max.messages.kbytes", "16384")
        .set("queued.min.messages", "1000")
        .set("fetch.wait.max.ms", kafka.fetch_wait_ms.to_string())
        // 500 ms: after an error a partition would be silent that long.
        .set("fetch.error.backoff.ms", "100");
    Ok(config)
}

/// Returns the settings of the producer.
pub(crate) fn producer(kafka: &KafkaArgs) -> Result<ClientConfig, InvalidKafka> {
    let mut config = common(kafka)?;
    let queue_kbytes = (kafka.publish_bytes_max / 1024).max(MESSAGE_BYTES_MAX / 1024);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // librdkafka's default puts a key elsewhere than every Java producer does.
        .set("partitioner", "murmur2_random")
        // 1 MB: a batch counts against the topic's `max.message.bytes`, and many small records together would pass it.
        .set("batch.size", BATCH_BYTES.to_string())
        // 5 ms is paid twice on the way from upload to page.
        .set("linger.ms", "0")
        .set("queue.buffering.max.messages", kafka.publish_records_max.max(1).to_string())
        .set("queue.buffering.max.kbytes", queue_kbytes.to_string())
        .set("request.timeout.ms", "5000")
        .set("retry.backoff.ms", "50")
        // 300 s: nobody waits for an answer that long.
        .set("message.timeout.ms", (kafka.publish_max().as_millis() * 4 / 5).to_string());
    Ok(config)
}

fn protocol(protocol: SecurityProtocol) -> &'static str {
    match protocol {
        SecurityProtocol::Plaintext => "PLAINTEXT",
        SecurityProtocol::Ssl => "SSL",
        SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
        SecurityProtocol::SaslSsl => "SASL_SSL",
    }
}

fn mechanism_name(mechanism: SaslMechanism) -> &'static str {
    match mechanism {
        SaslMechanism::Plain => "PLAIN",
        SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
        SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}

fn password(kafka: &KafkaArgs) -> Result<Option<SecretString>, InvalidKafka> {
    let Some(path) = &kafka.sasl_password_file else { return Ok(kafka.sasl_password.clone()) };
    let text = std::fs::read_to_string(path)
        .map_err(|cause| InvalidKafka::PasswordFile { path: path.display().to_string(), cause })?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
}

/// Says whether the brokers know us and do not let us do this: waiting will not help.
pub(crate) fn lacks_rights(error: &KafkaError) -> bool {
    // The one kind whose code rdkafka does not tell.
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    matches!(
        code,
        Some(
            RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed
        )
    )
}

/// Hears what librdkafka says about its connections and remembers a refusal. Clones hear for one another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear {
    refusal: Arc<Mutex<Option<String>>>,
}

impl Ear {
    /// Returns what a failed call to Kafka means: a refusal if it is one or one was heard since the last call, else its
    /// absence.
    pub(crate) fn judge(&self, kafka: &KafkaArgs, cause: KafkaError) -> CheckError {
        match self.refusal.lock().expect("no holder panics").take() {
            Some(reason) => CheckError::Refused(reason),
            None if lacks_rights(&cause) => CheckError::Refused(cause.to_string()),
            None => CheckError::Unavailable { bootstrap: kafka.bootstrap_servers.clone(), cause },
        }
    }

    pub(crate) fn hear_error(&self, error: &KafkaError, reason: &str) {
        let is_stranger = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::Authentication
                    | RDKafkaErrorCode::SSL
                    | RDKafkaErrorCode::SaslAuthenticationFailed
            )
        );
        if is_stranger || lacks_rights(error) {
            *self.refusal.lock().expect("no holder panics") = Some(reason.to_owned());
        }
        // Whoever uses the client says once what a lost connection means; these lines come for every try.
        tracing::debug!(target: "librdkafka", error = %error, "{reason}");
    }
}

pub(crate) fn hear_log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", "{facility} {line}");
        }
        _ => tracing::debug!(target: "librdkafka", "{facility} {line}"),
    }
}

impl ClientContext for Ear {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        hear_log(level, facility, line);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.hear_error(&error, reason);
    }
}

impl ConsumerContext for Ear {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafka_takes_every_setting() {
        let mut kafka = KafkaArgs::plaintext("127.0.0.1:1");
        kafka.security_protocol = SecurityProtocol::SaslSsl;
        kafka.sasl_mechanism = Some(SaslMechanism::ScramSha512);
        kafka.sasl_username = Some("ann".into());
        kafka.sasl_password = Some(SecretString::from("secret"));
        for config in [consumer(&kafka, "group"), producer(&kafka)] {
            config.unwrap().create_native_config().unwrap();
        }
    }

    #[test]
    fn a_right_that_is_missing_is_a_refusal_and_a_broker_that_is_away_is_none() {
        let kafka = KafkaArgs::plaintext("127.0.0.1:1");
        let judge = |code| Ear::default().judge(&kafka, KafkaError::AdminOp(code));
        for code in [RDKafkaErrorCode::TopicAuthorizationFailed, RDKafkaErrorCode::GroupAuthorizationFailed] {
            let judged = anyhow::Error::new(judge(code)).context("ask");
            assert!(CheckError::is_refusal(&judged), "{judged:#}");
        }
        let away = judge(RDKafkaErrorCode::OperationTimedOut);
        assert!(matches!(away, CheckError::Unavailable { .. }) && !CheckError::is_refusal(&away.into()));
    }

    #[test]
    fn a_password_file_may_end_with_a_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret \n").unwrap();
        let kafka = KafkaArgs { sasl_password_file: Some(file.path().into()), ..KafkaArgs::plaintext("a:1") };
        assert_eq!(password(&kafka).unwrap().unwrap().expose_secret(), "secret ");
        let kafka = KafkaArgs { sasl_password_file: Some("/nowhere".into()), ..kafka };
        assert!(matches!(password(&kafka), Err(InvalidKafka::PasswordFile { .. })));
    }
}
