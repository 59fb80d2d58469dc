//! Owns JPEG: what its markers say, our own reading and writing, and the way to libjpeg-turbo.
//!
//! # How a photo passes
//!
//! Most of what arrives is an ordinary JPEG that leaves as three smaller ones. The usual way through a library turns it into
//! RGB pixels, shrinks those three times, turns them back, and writes each file in two passes. Nearly all of that is work
//! that the picture does not need, so here it never leaves its planes: luma and chroma, as the camera stored them.
//!
//! 1. [`walk`] goes over the markers once, from the first to where the picture is complete. It notes what a decoder needs
//!    (tables, the frame, the scans: [`headers`]), the orientation and the profile, and reads headers as forgivingly as
//!    libjpeg does. *Whole* means that every block has been coded ([`coverage`]), whatever follows the last scan or lacks
//!    behind it; a file that ends inside a scan is `truncated`, and no more is done for it.
//! 2. [`decoder`] chooses. A rendition of an eighth of the size needs one sample for each block of 64, which is its DC
//!    coefficient; one of a quarter needs four, from the three lowest. [`read`] decodes just these and steps over the codes of
//!    the others, and of a progressive file it reads the scans that hold the means and no other. A whole sequential picture
//!    it decodes with two coefficients a look ([`read`]'s pairs) and a floating-point DCT in rows of eight ([`dct`]), by AVX2
//!    where there is one and with the same numbers where there is none.
//! 3. The planes are shrunk, sharpened and cut by `raster/`, each rendition made of the next larger one.
//! 4. [`write`] quantises them, counts its symbols while it makes them, builds Huffman tables for this picture alone and
//!    writes the file: one pass over the picture, where libjpeg's optimised coding takes two.
//!
//! What it gains is measured by `make bench`, in one run beside the others: the README's table has `jpeg3_vs_sharp` for three
//! renditions of a 12 MP photo (a third of sharp's CPU time), `thumb_vs_sharp` for a thumbnail, and
//! `thumb_progressive_vs_sharp` for one of a progressive file (a twentieth).
//!
//! # When libjpeg-turbo has the word
//!
//! Our own reader judges nothing. It draws all of a picture or gives up, and then [`libjpeg`] draws it from the beginning:
//! for arithmetic and lossless coding, CMYK and RGB, subsampling that few use, a half of the size, a whole progressive
//! picture, more than 256 segments, a table that is none, a code too few or too many. So a mistake in what is *accepted*
//! would need both to make it, and the fast way can stay small: [`judge`] holds it to libjpeg's pixels, file by file.
//!
//! libjpeg never sees the customer's file. It gets a [`bare`] one: the tables, the frame and the scans of the walk, and
//! nothing that it would only warn of: odd JFIF, Adobe and ICC segments, stray bytes between headers. What it still warns of
//! is then about the codes. It cannot say whether a pixel was touched, so in that case alone the codes are counted
//! ([`read::census`]): if each is there, the picture is drawn once more from the codes without the strays; if not, the file is
//! `truncated` or `corrupt`. The same rule holds by every way through this codec; no text of a message decides anything.
//! Arithmetic codes cannot be counted without decoding them: there the picture is drawn a second time, on what it has
//! inverted before, and if that comes to the same picture the warning was about what follows the last code.
//!
//! Without Huffman tables a file means those of T.81 K.3, as a webcam's frames do; without a quantisation table it means
//! nothing, and is `corrupt`.
//!
//! # What is kept from one file to the next
//!
//! Two buffers, for their capacity: [`JpegDecoder`] has the codes of a scan and the planes. Each is filled anew before it is
//! read. Tables, handles and errors live as long as one file: a TurboJPEG handle that failed in one file goes on in the next
//! where it stopped, and tables that a file lacks would be the last one's. `tests/chaos/sequences.rs` holds every format to
//! it: whatever a worker has seen before, the same file ends in the same bytes.

mod bare;
mod coverage;
mod dct;
mod decoder;
mod headers;
#[cfg(test)]
mod judge;
mod libjpeg;
mod markers;
mod profile;
mod read;
mod spot;
mod walk;
mod write;

pub(crate) use decoder::{Jpeg, JpegDecoder};
pub(crate) use markers::is_frame;
pub(crate) use walk::exif;
pub(crate) use write::JpegEncoder;
