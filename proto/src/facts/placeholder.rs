//! What stands for an image until its renditions are there. Owns which bytes may be a ThumbHash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Colour;

/// What stands for an image until its renditions are there; each part only where its recipe asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholder {
    /// A blurred image in a few bytes.
    pub thumbhash: Option<ThumbHash>,
    /// The most frequent colour; none of an image that is not seen at all.
    pub dominant_colour: Option<Colour>,
}

/// A blurred image in 5 to 25 bytes, as <https://evanw.github.io/thumbhash/> describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThumbHash(Vec<u8>);

/// Says that bytes are no ThumbHash by their number.
#[derive(Debug, thiserror::Error)]
#[error("a ThumbHash has 5 to 25 bytes")]
pub struct InvalidThumbHash;

impl ThumbHash {
    /// Takes bytes as a ThumbHash.
    pub fn new(bytes: Vec<u8>) -> Result<ThumbHash, InvalidThumbHash> {
        if (5..=25).contains(&bytes.len()) { Ok(ThumbHash(bytes)) } else { Err(InvalidThumbHash) }
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the standard base64 form.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl std::str::FromStr for ThumbHash {
    type Err = InvalidThumbHash;

    fn from_str(text: &str) -> Result<ThumbHash, InvalidThumbHash> {
        STANDARD.decode(text).map_err(|_| InvalidThumbHash).and_then(ThumbHash::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_round_trips_through_base64_and_others_are_refused() {
        for length in 0..40 {
            let hash = ThumbHash::new(vec![7; length]);
            assert_eq!(hash.is_ok(), (5..=25).contains(&length));
            if let Ok(hash) = hash {
                assert_eq!(hash.to_base64().parse::<ThumbHash>().unwrap(), hash);
            }
        }
        assert!("not base64!".parse::<ThumbHash>().is_err());
    }
}
