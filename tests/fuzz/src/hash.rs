//! SHA-256 for the recipe's modules, without the C library that the stations take it from.

use sha2::Digest as _;

pub(crate) struct Sha256(pub(crate) [u8; 32]);

impl Sha256 {
    pub(crate) fn of(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    pub(crate) fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}
