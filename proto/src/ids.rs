//! Who and what: customer and image ids. Owns their text forms; refuses everything that is not exactly one of them,
//! because both become parts of object keys.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::Date;
use uuid::{Timestamp, Uuid};

use crate::UnixMillis;

/// The id of an image: a UUIDv7, minted before the first byte of the body is read. Its timestamp is the upload's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(Uuid);

/// Says that a text is not a UUIDv7 in its canonical form.
#[derive(Debug, thiserror::Error)]
#[error("an image id is a UUIDv7 of 36 lower-case characters")]
pub struct InvalidImageId;

impl ImageId {
    /// Mints a new id for this moment; ids of one process ascend.
    pub fn mint() -> ImageId {
        ImageId(Uuid::now_v7())
    }

    /// Mints a new id for `moment`.
    pub fn mint_at(moment: UnixMillis) -> ImageId {
        let millis = u64::try_from(moment.0).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).expect("below 1000") * 1_000_000;
        ImageId(Uuid::new_v7(Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos)))
    }

    /// Returns the moment of the upload.
    pub fn uploaded_at(self) -> UnixMillis {
        let bytes = self.0.as_bytes();
        let millis = bytes[..6].iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
        UnixMillis(millis)
    }

    /// Returns the UTC date of the upload.
    pub fn day(self) -> Date {
        self.uploaded_at().date()
    }

    /// Returns the last hexadecimal digit: which of 16 prefixes the objects lie under.
    pub fn shard(self) -> char {
        char::from_digit(u32::from(self.0.as_bytes()[15] & 0x0f), 16).expect("a nibble")
    }
}

impl FromStr for ImageId {
    type Err = InvalidImageId;

    fn from_str(text: &str) -> Result<ImageId, InvalidImageId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidImageId)?;
        let id = ImageId(uuid);
        // Other spellings of the same UUID (upper case, braces, no hyphens) would be other object keys.
        if uuid.get_version_num() != 7 || id.to_string() != text {
            return Err(InvalidImageId);
        }
        Ok(id)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl TryFrom<String> for ImageId {
    type Error = InvalidImageId;

    fn try_from(text: String) -> Result<ImageId, InvalidImageId> {
        text.parse()
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> String {
        id.to_string()
    }
}

/// The longest percent-encoded form of a customer's id, in bytes.
const CUSTOMER_ENCODED_BYTES_MAX: usize = 128;

/// What stands unencoded in a key: `[A-Za-z0-9_-]`.
const KEY_SAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Whose image it is, as the verified token says. Never taken from a body, a header or a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerId(String);

/// Says why a text is no customer id.
#[derive(Debug, thiserror::Error)]
#[error("a customer id has 1 to 128 bytes when percent-encoded and no control characters")]
pub struct InvalidCustomer;

impl CustomerId {
    /// Parses a customer id as a token carries it.
    pub fn parse(text: &str) -> Result<CustomerId, InvalidCustomer> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(InvalidCustomer);
        }
        let customer = CustomerId(text.to_owned());
        if customer.key_part().len() > CUSTOMER_ENCODED_BYTES_MAX {
            return Err(InvalidCustomer);
        }
        Ok(customer)
    }

    /// Returns the id as the token carried it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the percent-encoded form that stands in object keys.
    pub(crate) fn key_part(&self) -> String {
        utf8_percent_encode(&self.0, KEY_SAFE).to_string()
    }

    /// Parses the percent-encoded form; refuses any spelling but the canonical one.
    pub(crate) fn from_key_part(part: &str) -> Result<CustomerId, InvalidCustomer> {
        let text = percent_decode_str(part).decode_utf8().map_err(|_| InvalidCustomer)?;
        let customer = CustomerId::parse(&text)?;
        if customer.key_part() == part { Ok(customer) } else { Err(InvalidCustomer) }
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CustomerId {
    type Err = InvalidCustomer;

    fn from_str(text: &str) -> Result<CustomerId, InvalidCustomer> {
        CustomerId::parse(text)
    }
}

impl TryFrom<String> for CustomerId {
    type Error = InvalidCustomer;

    fn try_from(text: String) -> Result<CustomerId, InvalidCustomer> {
        CustomerId::parse(&text)
    }
}

impl From<CustomerId> for String {
    fn from(customer: CustomerId) -> String {
        customer.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_knows_its_moment_its_day_and_its_shard() {
        let id = ImageId::mint_at(UnixMillis(1_795_255_200_123));
        assert_eq!(id.uploaded_at(), UnixMillis(1_795_255_200_123));
        assert_eq!(id.day().to_string(), "2026-11-21");
        assert!(id.to_string().ends_with(id.shard()));
    }

    #[test]
    fn other_spellings_and_versions_are_refused() {
        let text = ImageId::mint().to_string();
        assert!(text.parse::<ImageId>().is_ok());
        let upper = "0193AC4E-0000-7000-8000-00000000000A";
        for bad in [text.replace('-', "").as_str(), upper, "", "00000000-0000-4000-8000-000000000000"] {
            assert!(bad.parse::<ImageId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_customer_survives_the_key(text in "\\PC{1,40}") {
            if let Ok(customer) = CustomerId::parse(&text) {
                prop_assert_eq!(CustomerId::from_key_part(&customer.key_part()).unwrap(), customer);
            }
        }

        #[test]
        fn ids_round_trip(millis in 0_i64..253_402_300_799_999) {
            let id = ImageId::mint_at(UnixMillis(millis));
            prop_assert_eq!(id.to_string().parse::<ImageId>().unwrap(), id);
            prop_assert_eq!(id.uploaded_at().0, millis);
        }
    }

    #[test]
    fn a_customer_with_slashes_or_dots_never_leaves_its_place_in_the_key() {
        let customer = CustomerId::parse("../a/b").unwrap();
        assert_eq!(customer.key_part(), "%2E%2E%2Fa%2Fb");
    }
}
