//! Others judge what comes out: Pillow the pixels, a byte scanner and exiftool what else a rendition carries.

#![expect(clippy::print_stdout, reason = "a judge's table is worth reading when it is content, too")]

mod agreement;
mod foreign;
mod metadata;
mod press;
mod scan;
