//! `ImageFailed` on the wire.

use prost::Message as _;

use crate::event::{Event, Malformed};
use crate::v1::image_failed as wire;
use crate::wire::decode;
use crate::{DeadRecord, ImageFailed, Reason, Sha256, Topic, UnixMillis, v1};

impl Event for ImageFailed {
    const TOPIC: Topic = Topic::Failed;
    const MESSAGE: &'static str = "safelight.v1.ImageFailed";
    const SCHEMA: &'static str = include_str!("../../safelight/v1/image_failed.proto");

    fn key(&self) -> String {
        self.source.as_ref().map(|source| source.image_id.to_string()).unwrap_or_default()
    }

    fn encode(&self) -> Vec<u8> {
        let original = &self.original;
        let wire = v1::ImageFailed {
            source: self.source.as_ref().map(Into::into),
            attempt: self.attempt,
            reason: wire_reason(self.reason),
            detail: self.detail.clone(),
            failed_at_unix_ms: self.failed_at.0,
            original_value: original.value.clone(),
            original_headers: original.headers.iter().map(wire_header).collect(),
            original_value_bytes: original.value_bytes,
            original_value_sha256: original.value_sha256.map(|sha256| sha256.0.to_vec()).unwrap_or_default(),
        };
        wire.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<ImageFailed, Malformed> {
        let wire: v1::ImageFailed = decode(bytes)?;
        Ok(ImageFailed {
            source: wire.source.map(TryInto::try_into).transpose()?,
            attempt: wire.attempt,
            reason: reason(wire.reason)?,
            detail: wire.detail,
            failed_at: UnixMillis(wire.failed_at_unix_ms),
            original: DeadRecord {
                value: wire.original_value,
                headers: wire
                    .original_headers
                    .into_iter()
                    .map(|header| (header.name, header.value))
                    .collect(),
                value_bytes: wire.original_value_bytes,
                value_sha256: value_sha256(&wire.original_value_sha256)?,
            },
        })
    }
}

fn wire_header((name, value): &(String, Vec<u8>)) -> wire::Header {
    wire::Header { name: name.clone(), value: value.clone() }
}

fn value_sha256(bytes: &[u8]) -> Result<Option<Sha256>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let sha256 =
        Sha256::from_slice(bytes).map_err(|error| Malformed::field("original_value_sha256", error))?;
    Ok(Some(sha256))
}

// The numbers on the wire are the places in `Reason::ALL`, counted from 1; a test holds the .proto file to it.
fn wire_reason(reason: Reason) -> i32 {
    let place = Reason::ALL.iter().position(|other| *other == reason).expect("every reason is in ALL");
    i32::try_from(place + 1).expect("few reasons")
}

fn reason(number: i32) -> Result<Reason, Malformed> {
    usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .and_then(|place| Reason::ALL.get(place).copied())
        .ok_or_else(|| Malformed::field("reason", "unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_the_numbers_and_names_of_the_proto_file() {
        for reason in Reason::ALL {
            let wire = wire::Reason::try_from(wire_reason(reason)).unwrap();
            let name = format!("REASON_{}", reason.name().to_uppercase());
            assert_eq!(wire.as_str_name(), name);
            assert_eq!(self::reason(wire as i32).unwrap(), reason);
        }
        assert!(wire::Reason::try_from(16).is_err(), "a reason of the .proto file is missing in `Reason`");
    }
}
