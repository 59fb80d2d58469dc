//! A colour as a value. Owns its text form `#rrggbb` and nothing else.

use std::fmt;
use std::str::FromStr;

/// Red, green and blue in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour(pub [u8; 3]);

/// Says that a text is no colour.
#[derive(Debug, thiserror::Error)]
#[error("a colour is `#` and six lower-case hexadecimal digits")]
pub struct InvalidColour;

impl Colour {
    /// What a page is before anything is on it.
    pub const WHITE: Colour = Colour([255; 3]);
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Colour, InvalidColour> {
        let mut channels = [0; 3];
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        hex::decode_to_slice(digits, &mut channels).map_err(|_| InvalidColour)?;
        let colour = Colour(channels);
        if colour.to_string() == text { Ok(colour) } else { Err(InvalidColour) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_one_text() {
        assert_eq!("#ff8000".parse::<Colour>().unwrap(), Colour([255, 128, 0]));
        assert_eq!(Colour([1, 2, 3]).to_string(), "#010203");
        for wrong in ["", "#", "ff8000", "#FF8000", "#ff80", "#ff80000", "#gg0000", "#é000"] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }
}
