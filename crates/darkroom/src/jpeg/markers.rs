//! Owns the numbers of JPEG's markers, for those who read files and those who write them.

pub(crate) const SOF0: u8 = 0xc0;
pub(crate) const SOF2: u8 = 0xc2;
pub(crate) const DHT: u8 = 0xc4;
pub(crate) const SOI: u8 = 0xd8;
pub(crate) const EOI: u8 = 0xd9;
pub(crate) const SOS: u8 = 0xda;
pub(crate) const DQT: u8 = 0xdb;
pub(crate) const DNL: u8 = 0xdc;
pub(crate) const DRI: u8 = 0xdd;
pub(crate) const APP0: u8 = 0xe0;
pub(crate) const APP1: u8 = 0xe1;
pub(crate) const APP2: u8 = 0xe2;
pub(crate) const APP14: u8 = 0xee;

/// Whether a frame begins: all SOFn, but not DHT (c4), JPG (c8) and DAC (cc), which share their range.
pub(crate) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | 0xc8 | 0xcc)
}
