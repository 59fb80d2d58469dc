//! Others judge what comes out: Pillow the pixels, a byte scanner and exiftool what else a rendition carries.

mod agreement;
mod foreign;
mod metadata;
mod press;
mod scan;
