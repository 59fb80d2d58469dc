//! Owns the numbers of JPEG's markers, for those who read files and those who write them.

pub(crate) const SOF0: u8 = 0xc0;
pub(crate) const SOF2: u8 = 0xc2;
pub(crate) const SOF3: u8 = 0xc3;
pub(crate) const SOF9: u8 = 0xc9;
pub(crate) const SOF10: u8 = 0xca;
pub(crate) const DHT: u8 = 0xc4;
pub(crate) const DAC: u8 = 0xcc;
pub(crate) const RST0: u8 = 0xd0;
pub(crate) const RST7: u8 = 0xd7;
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
pub(crate) const APP15: u8 = 0xef;
pub(crate) const COM: u8 = 0xfe;
/// Stands alone and means nothing.
pub(crate) const TEM: u8 = 0x01;

/// Whether a frame begins: all SOFn, but not DHT (c4), JPG (c8) and DAC (cc), which share their range.
pub(crate) fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | 0xc8 | DAC)
}
