//! The registry codec: Protobuf in Confluent's wire format (0x00, four bytes of schema id, message index).
//!
//! Owns the frame and the talk with the schema registry. A registry that is away is the world being wrong and is told
//! apart from a record that is wrong, because only the latter may become a dead letter.

use std::error::Error as _;
use std::time::Duration;

use schema_registry_converter::async_impl::proto_raw::{ProtoRawDecoder, ProtoRawEncoder};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{
    RawError, SchemaType, SubjectNameStrategy, SuppliedSchema,
};

use crate::{Event, ImageFailed, ImageProcessed, ImageUploaded, Malformed};

/// 0x00, then four bytes of schema id, then at least one byte of message index.
const FRAME_BYTES_MIN: usize = 6;
/// The registry's own code for a schema id that it does not know.
const SCHEMA_NOT_FOUND: u32 = 40_403;
/// The registry's code for a schema that it does not take: incompatible, or, in Apicurio, lost to a race.
const CONFLICT: u32 = 409;
/// How often a schema is offered that meets a conflict. Stations that start together register the same one, and Apicurio
/// tells the losers that it exists already; a schema that is incompatible is refused every time.
const REGISTER_TRIES_MAX: u32 = 3;

/// Encodes and decodes facts by the schema registry. Schemas are asked for once and then kept.
#[derive(Debug)]
pub struct Codec {
    encoder: ProtoRawEncoder,
    decoder: ProtoRawDecoder,
}

/// Says that the registry's address is not usable.
#[derive(Debug, thiserror::Error)]
#[error("use `{url}` as the schema registry's address")]
pub struct InvalidRegistry {
    url: String,
    #[source]
    cause: SRCError,
}

/// Says why a fact could not be framed.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The registry did not answer, or not as one should: try again later.
    #[error("reach the schema registry for `{subject}`")]
    Unavailable {
        /// Whose schema was asked for.
        subject: String,
        /// What the client saw.
        #[source]
        cause: SRCError,
    },
    /// The registry refuses our schema as incompatible: an operator must act.
    #[error("register the schema of `{subject}`")]
    Refused {
        /// Whose schema was refused.
        subject: String,
        /// What the registry said.
        #[source]
        cause: SRCError,
    },
}

/// Says why a record's value is no fact.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not this message.
    #[error("decode the record: {0}")]
    Malformed(String),
    /// The registry does not know the schema that the frame names.
    #[error("find schema {0} in the registry")]
    SchemaUnknown(u32),
    /// The registry did not answer, or not as one should: try again later.
    #[error("reach the schema registry")]
    Unavailable(#[source] SRCError),
}

impl Codec {
    /// Makes a codec for the registry at `url`. Talks to nobody yet.
    pub fn new(url: &str, timeout: Duration) -> Result<Codec, InvalidRegistry> {
        let settings = SrSettings::new_builder(url.trim_end_matches('/').to_owned())
            .set_timeout(timeout)
            .build()
            .map_err(|cause| InvalidRegistry { url: url.to_owned(), cause })?;
        Ok(Codec { encoder: ProtoRawEncoder::new(settings.clone()), decoder: ProtoRawDecoder::new(settings) })
    }

    /// Registers the schema of every fact, or finds it registered. A station is ready only after this.
    pub async fn check(&self) -> Result<(), EncodeError> {
        self.frame::<ImageUploaded>(&[]).await?;
        self.frame::<ImageProcessed>(&[]).await?;
        self.frame::<ImageFailed>(&[]).await?;
        Ok(())
    }

    /// Returns the framed bytes of a fact.
    pub async fn encode<E: Event>(&self, event: &E) -> Result<Vec<u8>, EncodeError> {
        self.frame::<E>(&event.encode()).await
    }

    /// Parses the framed bytes of a fact.
    pub async fn decode<E: Event>(&self, value: &[u8]) -> Result<E, DecodeError> {
        let schema_id = schema_id(value)?;
        let decoded = self.decoder.decode(Some(value)).await.map_err(|cause| {
            self.decoder.remove_errors_from_cache();
            decode_error(schema_id, cause)
        })?;
        let decoded = decoded.ok_or_else(|| DecodeError::Malformed("empty value".to_owned()))?;
        if *decoded.full_name != *E::MESSAGE {
            let found = &decoded.full_name;
            return Err(DecodeError::Malformed(format!("a `{found}`, expected a `{}`", E::MESSAGE)));
        }
        E::decode(&decoded.bytes).map_err(|Malformed(why)| DecodeError::Malformed(why))
    }

    async fn frame<E: Event>(&self, bytes: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let mut tries = 1;
        loop {
            let schema = SuppliedSchema::new(None, SchemaType::Protobuf, E::SCHEMA.to_owned());
            let topic = E::TOPIC.name().to_owned();
            let strategy = SubjectNameStrategy::TopicNameStrategyWithSchema(topic, false, schema);
            let cause = match self.encoder.encode(bytes, E::MESSAGE, strategy).await {
                Ok(framed) => return Ok(framed),
                Err(cause) => cause,
            };
            self.encoder.remove_errors_from_cache();
            if tries == REGISTER_TRIES_MAX || registry_code(&cause) != Some(CONFLICT) {
                return Err(encode_error(E::TOPIC.subject(), cause));
            }
            tries += 1;
        }
    }
}

fn schema_id(value: &[u8]) -> Result<u32, DecodeError> {
    let malformed = |why: &str| DecodeError::Malformed(why.to_owned());
    match value {
        [0, a, b, c, d, _, ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            // Registries count in Java's `int` and answer a larger number as if they were broken, for ever.
            if i32::try_from(id).is_err() { Err(DecodeError::SchemaUnknown(id)) } else { Ok(id) }
        }
        [0, ..] | [] if value.len() < FRAME_BYTES_MIN => Err(malformed("shorter than a frame")),
        _ => Err(malformed("does not begin with the registry's magic byte 0x00")),
    }
}

fn decode_error(schema_id: u32, cause: SRCError) -> DecodeError {
    match registry_code(&cause) {
        Some(SCHEMA_NOT_FOUND) => DecodeError::SchemaUnknown(schema_id),
        Some(_) => DecodeError::Unavailable(cause),
        None if cause.retriable || !is_about_the_record(&cause) => DecodeError::Unavailable(cause),
        None => DecodeError::Malformed(cause.error),
    }
}

/// Says whether an error without the registry's own code is about the frame and its schema. What cannot be read as an
/// answer is not, though the client calls it final too: a body that breaks off, or a proxy's page with status 200.
fn is_about_the_record(cause: &SRCError) -> bool {
    // Only what came of asking for the schema is kept; the rest is the frame's message index against the schema.
    let came_of_asking = cause.cached;
    let is_other_type = cause.error.starts_with("type ") && cause.error.ends_with("is not correct");
    !came_of_asking || is_other_type || cause.error == "Could not parse protobuf schema"
}

fn encode_error(subject: String, cause: SRCError) -> EncodeError {
    match registry_code(&cause) {
        // 409xx: incompatible; 422xx: not a schema. Anything else is the registry having a bad day.
        Some(code) if (409..423).contains(&(code / if code > 999 { 100 } else { 1 })) => {
            EncodeError::Refused { subject, cause }
        }
        _ => EncodeError::Unavailable { subject, cause },
    }
}

/// Returns the registry's own error code, if it answered with one.
fn registry_code(cause: &SRCError) -> Option<u32> {
    let raw = cause.source()?.downcast_ref::<RawError>()?;
    Some(raw.error_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_none_is_malformed_before_anybody_is_asked() {
        for value in [&b""[..], b"\0", b"\0\0\0\0\x01", b"{\"json\":1}"] {
            assert!(matches!(schema_id(value), Err(DecodeError::Malformed(_))), "{value:?}");
        }
        assert_eq!(schema_id(b"\0\0\0\x01\x02\0").unwrap(), 258);
    }

    #[test]
    fn an_id_that_no_registry_can_give_is_unknown_before_anybody_is_asked() {
        assert_eq!(schema_id(b"\0\x7f\xff\xff\xff\0").unwrap(), 0x7fff_ffff);
        let refused = schema_id(b"\0\x80\0\0\0\0").unwrap_err();
        assert!(matches!(refused, DecodeError::SchemaUnknown(0x8000_0000)), "{refused:?}");
    }

    /// Decodes a frame of schema 1, with message index `index`, by a registry that answers once, and so.
    async fn decoded_by(head: &str, body: &str, index: &[u8]) -> DecodeError {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\n\r\n{body}");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let codec = Codec::new(&url, Duration::from_secs(5)).unwrap();
        let value = [&b"\0\0\0\0\x01"[..], index, b"bytes"].concat();
        codec.decode::<ImageUploaded>(&value).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_the_registry_being_away() {
        for (head, body) in [
            ("content-length: 5000", ""),
            ("content-length: 5000", "{\"schema\":"),
            ("transfer-encoding: chunked", "5\r\n{\"sch"),
            ("content-length: 15", "<html>hi</html>"),
            ("content-length: 15", "{\"status\":\"ok\"}"),
            ("content-length: 27", "{\"schemaType\":\"PROTOBUF\"}  "),
        ] {
            let error = decoded_by(head, body, b"\0").await;
            assert!(matches!(error, DecodeError::Unavailable(_)), "{head} {body}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_schema_that_does_not_fit_the_frame_is_the_record_being_wrong() {
        let proto = r#"{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message Other {}"}"#;
        let avro = r#"{"schema":"\"string\""}"#;
        let broken = r#"{"schemaType":"PROTOBUF","schema":"messsage"}"#;
        for (body, index) in [(proto, &b"\0"[..]), (proto, b"\x02\x08"), (avro, b"\0"), (broken, b"\0")] {
            let error = decoded_by(&format!("content-length: {}", body.len()), body, index).await;
            assert!(matches!(error, DecodeError::Malformed(_)), "{body}: {error:?}");
        }
    }
}
