//! SHA-256 as a value. Owns its text forms (hex for facts and rows, base64 for S3 headers) and nothing else.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// A SHA-256 digest: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

/// Says that a text is not 64 hexadecimal digits, or a byte string not 32 bytes.
#[derive(Debug, thiserror::Error)]
#[error("a SHA-256 is 64 lower-case hexadecimal digits or 32 bytes")]
pub struct InvalidSha256;

/// A digest in the making, for bytes that come in pieces.
pub struct Hasher(digest::Context);

impl Sha256 {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Sha256 {
        let mut hasher = Sha256::hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Starts a digest over bytes that arrive in pieces.
    pub fn hasher() -> Hasher {
        Hasher(digest::Context::new(&digest::SHA256))
    }

    /// Returns 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Parses 64 hexadecimal digits.
    pub fn parse_hex(text: &str) -> Result<Sha256, InvalidSha256> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidSha256)?;
        Ok(Sha256(bytes))
    }

    /// Returns the standard base64 form that S3's checksum headers take.
    pub fn to_base64(self) -> String {
        base64_of(&self.0)
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Sha256, InvalidSha256> {
        bytes.try_into().map(Sha256).map_err(|_| InvalidSha256)
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

impl Hasher {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all pieces.
    pub fn finish(self) -> Sha256 {
        let digest = self.0.finish();
        Sha256::from_slice(digest.as_ref()).expect("SHA-256 yields 32 bytes")
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Sha256, InvalidSha256> {
        Sha256::parse_hex(text)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidSha256;

    fn try_from(text: String) -> Result<Sha256, InvalidSha256> {
        Sha256::parse_hex(&text)
    }
}

impl From<Sha256> for String {
    fn from(sha256: Sha256) -> String {
        sha256.to_hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_in_fips_180() {
        assert_eq!(
            Sha256::of(b"abc").to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Sha256::of(b"abc").to_base64(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let mut hasher = Sha256::hasher();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Sha256::of(b"abc"));
    }

    #[test]
    fn text_of_another_length_is_refused() {
        assert!(Sha256::parse_hex("ba78").is_err());
    }
}
