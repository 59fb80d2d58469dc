//! Sealed text: cursors and event ids that clients carry but can neither read nor forge. AES-256-GCM with the purpose and
//! owner as associated data.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

const KEY_CHARS_MIN: usize = 32;
const KEY_BYTES: usize = 32;
const SEALED_CHARS_MAX: usize = 8 * 1024;

/// Seals and opens text with a key shared by all instances.
#[derive(Clone)]
pub struct Seal(Arc<RandomizedNonceKey>);

/// Says that the key is too short.
#[derive(Debug, thiserror::Error)]
#[error("the cursor key needs at least 32 characters")]
pub struct InvalidSealKey;

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Derives the sealing key from `secret` (HKDF-SHA256).
    pub fn new(secret: &SecretString) -> Result<Seal, InvalidSealKey> {
        let secret = secret.expose_secret();
        if secret.chars().count() < KEY_CHARS_MIN {
            return Err(InvalidSealKey);
        }
        let derived = Salt::new(HKDF_SHA256, b"safelight").extract(secret.as_bytes());
        let mut key = [0; KEY_BYTES];
        derived
            .expand(&[b"seal v1"], &AES_256_GCM)
            .and_then(|okm| okm.fill(&mut key))
            .expect("32 bytes are within what HKDF-SHA256 gives");
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).expect("AES-256 takes 32 bytes");
        Ok(Seal(Arc::new(key)))
    }

    /// Seals `plain` for `context`, such as a purpose and a customer. Twice the same gives different text.
    pub fn seal(&self, context: &str, plain: &[u8]) -> String {
        let mut sealed = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .expect("AES-GCM seals anything short of 64 GiB");
        let text = [nonce.as_ref().as_slice(), &sealed].concat();
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Opens what was sealed for the same `context`; anything else gives none.
    pub fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > SEALED_CHARS_MAX {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        if bytes.len() < NONCE_LEN {
            return None;
        }
        let mut rest = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(context), &mut rest).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: &str) -> Seal {
        Seal::new(&SecretString::from(key)).unwrap()
    }

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn instances_with_one_key_open_each_others_text() {
        let text = seal(KEY).seal("list:acme", b"cursor");
        assert_eq!(seal(KEY).open("list:acme", &text).unwrap(), b"cursor");
    }

    #[test]
    fn another_customer_another_key_and_changed_text_open_nothing() {
        let text = seal(KEY).seal("list:acme", b"cursor");
        assert!(seal(KEY).open("list:globex", &text).is_none());
        assert!(seal(&KEY.replace('0', "1")).open("list:acme", &text).is_none());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(seal(KEY).open("list:acme", &String::from_utf8(changed).unwrap()).is_none(), "{at}");
        }
    }

    #[test]
    fn garbage_and_short_keys_are_refused() {
        for text in ["", "AAAA", "not base64!", &"A".repeat(9000)] {
            assert!(seal(KEY).open("c", text).is_none());
        }
        assert!(Seal::new(&SecretString::from("short")).is_err());
    }
}
