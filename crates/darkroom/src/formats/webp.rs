//! Owns WebP's container: the still picture or the first frame, what is said about it, and whether the file is whole.
//! What the header does not announce is not there, and of two chunks of a kind the first counts, as browsers have it.

use image::metadata::Orientation;

use super::webp_decode::Bitstream;
use super::{Decoded, check_size, orientation_of, within_limit};
use crate::raster::canvas::{Corner, on_canvas};
use crate::raster::picture::Channels;
use crate::{Extent, Limits, RenderError};

/// `RIFF`, length, `WEBP`.
const HEADER_BYTES: usize = 12;
const IS_ANIMATED: u8 = 0x02;
const HAS_EXIF: u8 = 0x08;
const HAS_ALPHA: u8 = 0x10;
const HAS_ICC: u8 = 0x20;
/// Place, size, duration and flags of a frame.
const FRAME_HEADER_BYTES: usize = 16;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let parts = walk(file)?;
    if let Some(canvas) = parts.canvas {
        check_size(canvas, limits)?;
    }
    let frame = parts.frame.as_ref().ok_or_else(|| RenderError::corrupt("no picture"))?;
    let bits = Bitstream::open(frame.chunks)?;
    check_size(bits.size, limits)?;
    let canvas = parts.canvas.unwrap_or(bits.size);
    let corner = frame.corner(bits.size, canvas)?;
    let is_sheer = bits.has_alpha && (parts.canvas.is_none() || parts.announces(HAS_ALPHA));
    let channels = if is_sheer || bits.size != canvas { Channels::Rgba } else { Channels::Rgb };
    let picture = on_canvas(bits.pixels(channels)?, corner, canvas);
    let orientation: Orientation = orientation_of(parts.exif);
    let icc = within_limit(parts.icc.map(<[u8]>::to_vec), limits);
    Ok(Decoded { picture, size: canvas, times: 1.0, orientation, icc })
}

/// The block of EXIF, where there is one.
pub(super) fn exif(file: &[u8]) -> Option<&[u8]> {
    walk(file).ok()?.exif
}

/// A still picture, or the first frame of an animation.
struct Frame<'a> {
    /// Where an animation has it; a still picture is its canvas.
    corner: Option<Corner>,
    chunks: &'a [u8],
}

impl Frame<'_> {
    /// Where a picture of this size lies on its canvas. Its own header says how large it is, whatever its frame does.
    fn corner(&self, size: Extent, canvas: Extent) -> Result<Corner, RenderError> {
        let corner = self.corner.unwrap_or(Corner::FIRST);
        let fits = corner.reach(size).fits_into(canvas);
        if !fits || (self.corner.is_none() && size != canvas) {
            return Err(RenderError::corrupt("a picture of another size than its canvas"));
        }
        Ok(corner)
    }
}

#[derive(Default)]
struct Parts<'a> {
    /// What the extended header announces; a simple file has none.
    flags: u8,
    canvas: Option<Extent>,
    exif: Option<&'a [u8]>,
    icc: Option<&'a [u8]>,
    /// Whether there is what every animation says of itself before its frames.
    is_animation: bool,
    frame: Option<Frame<'a>>,
    /// Still pictures among the chunks.
    stills: u32,
}

impl<'a> Parts<'a> {
    fn announces(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn note(&mut self, chunk: &Chunk<'a>, is_first: bool) -> Result<(), RenderError> {
        match (chunk.kind, chunk.content) {
            (b"VP8X", [flags, _, _, _, size @ ..]) if is_first && size.len() >= 6 => {
                self.flags = *flags;
                self.canvas = Some(Extent::new(le24(size, 0) + 1, le24(size, 3) + 1));
            }
            (b"EXIF", content) if self.announces(HAS_EXIF) => {
                self.exif.get_or_insert(content);
            }
            (b"ICCP", content) if self.announces(HAS_ICC) => {
                self.icc.get_or_insert(content);
            }
            (b"ANIM", _) => self.is_animation = true,
            (b"ANMF", _) if self.announces(IS_ANIMATED) && !self.is_animation => {
                return Err(RenderError::corrupt("a frame of no animation"));
            }
            (b"ANMF", content) if self.announces(IS_ANIMATED) && self.frame.is_none() => {
                self.frame = Some(frame(content)?);
            }
            (b"VP8L" | b"VP8 ", _) => self.stills += 1,
            _ if is_first => return Err(RenderError::corrupt("the first chunk is no picture and no header")),
            _ => {}
        }
        Ok(())
    }
}

/// Walks the chunks within the announced length. Fails as `truncated` when the file or a chunk ends before it should.
fn walk(file: &[u8]) -> Result<Parts<'_>, RenderError> {
    let announced = u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize + 8;
    let Some(chunks) = file.get(HEADER_BYTES..announced.max(HEADER_BYTES)) else {
        return Err(RenderError::truncated("the file is shorter than it announces"));
    };
    let mut parts = Parts::default();
    let mut rest = chunks;
    while !rest.is_empty() {
        let is_first = rest.len() == chunks.len();
        let (chunk, after) = next_chunk(rest)?;
        parts.note(&chunk, is_first)?;
        rest = after;
    }
    if parts.canvas.is_some() && parts.stills > 1 {
        return Err(RenderError::corrupt("two still pictures"));
    }
    if !parts.announces(IS_ANIMATED) {
        let still = |chunks| Frame { corner: None, chunks };
        parts.frame = pixels_in(chunks)?.map(still);
    }
    Ok(parts)
}

fn frame(content: &[u8]) -> Result<Frame<'_>, RenderError> {
    let Some((head, rest)) = content.split_at_checked(FRAME_HEADER_BYTES) else {
        return Err(RenderError::corrupt("a frame shorter than its header"));
    };
    let chunks = pixels_in(rest)?.ok_or_else(|| RenderError::corrupt("a frame without a picture"))?;
    Ok(Frame { corner: Some(Corner { left: 2 * le24(head, 0), top: 2 * le24(head, 3) }), chunks })
}

/// The first pixels among chunks, with the alpha channel that stands before them.
fn pixels_in(chunks: &[u8]) -> Result<Option<&[u8]>, RenderError> {
    let (mut rest, mut alpha) = (chunks, None);
    while !rest.is_empty() {
        let (chunk, after) = next_chunk(rest)?;
        let begin = match chunk.kind {
            b"ALPH" => {
                alpha.get_or_insert(rest);
                None
            }
            b"VP8 " => Some(alpha.unwrap_or(rest)),
            b"VP8L" => Some(rest),
            _ => None,
        };
        if let Some(begin) = begin {
            return Ok(Some(&begin[..begin.len() - after.len()]));
        }
        rest = after;
    }
    Ok(None)
}

struct Chunk<'a> {
    kind: &'a [u8; 4],
    content: &'a [u8],
}

fn next_chunk(bytes: &[u8]) -> Result<(Chunk<'_>, &[u8]), RenderError> {
    let cut = || RenderError::truncated("the file ends in a chunk");
    let (kind, after) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let (length, after) = after.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_le_bytes(*length) as usize;
    let content = after.get(..length).ok_or_else(cut)?;
    // Chunks are padded to even lengths; the last one's padding is sometimes forgotten.
    let after = after.get(length + length % 2..).unwrap_or_default();
    if kind == b"ALPH" && !after.starts_with(b"VP8 ") {
        return Err(RenderError::corrupt("an alpha channel without its picture"));
    }
    Ok((Chunk { kind, content }, after))
}

fn le24(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::webp_encode::encode_pixels;
    use crate::raster::picture::Picture;
    use image::{ExtendedColorType, ImageEncoder, codecs::webp::WebPEncoder};

    fn pixels() -> Vec<u8> {
        (0..60 * 44 * 4).map(|i| (i * i / 53 % 256) as u8).collect()
    }

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let padding = &[0][..content.len() % 2];
        [kind, &(content.len() as u32).to_le_bytes()[..], content, padding].concat()
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        chunk(b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
    }

    /// An extended header for 60 x 44 pixels.
    fn extended(flags: u8) -> Vec<u8> {
        chunk(b"VP8X", &[flags, 0, 0, 0, 59, 0, 0, 43, 0, 0])
    }

    /// The chunks of a lossless picture of 60 x 44.
    fn still() -> Vec<u8> {
        kinds()[0][HEADER_BYTES..].to_vec()
    }

    fn turn(way: u8) -> Vec<u8> {
        let block = [&b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[way, 0, 0, 0, 0, 0, 0, 0]];
        chunk(b"EXIF", &block.concat())
    }

    fn read(chunks: &[Vec<u8>]) -> Decoded {
        decode(&file(chunks), &Limits::DEFAULT).unwrap()
    }

    #[test]
    fn the_first_of_two_chunks_counts_and_what_is_not_announced_is_not_there() {
        let icc = |name: &[u8]| chunk(b"ICCP", name);
        for (flags, way, profile) in [
            (0, 1, None),
            (HAS_EXIF, 6, None),
            (HAS_ICC, 1, Some("one")),
            (HAS_EXIF | HAS_ICC, 6, Some("one")),
        ] {
            let decoded = read(&[extended(flags), icc(b"one"), icc(b"two"), still(), turn(6), turn(3)]);
            assert_eq!(decoded.orientation.to_exif(), way, "{flags}");
            assert_eq!(decoded.icc.as_deref(), profile.map(str::as_bytes), "{flags}");
        }
        assert_eq!(read(&[still(), turn(6)]).orientation.to_exif(), 1, "a simple file announces nothing");
    }

    #[test]
    fn alpha_that_is_not_announced_is_not_seen() {
        let lossy = kinds()[1].clone();
        assert_eq!(&lossy[HEADER_BYTES..][..4], b"VP8X");
        let chunks = lossy[HEADER_BYTES + 18..].to_vec();
        assert_eq!(&chunks[..4], b"ALPH");
        for pixels in [chunks, still()] {
            assert_eq!(read(&[extended(HAS_ALPHA), pixels.clone()]).picture.channels, Channels::Rgba);
            assert_eq!(read(&[extended(0), pixels]).picture.channels, Channels::Rgb);
        }
    }

    #[test]
    fn alpha_belongs_to_the_picture_right_behind_it() {
        let lossy = kinds()[1].clone();
        let (first, picture) = next_chunk(&lossy[HEADER_BYTES + 18..]).unwrap();
        let (alpha, stranger) = (chunk(first.kind, first.content), chunk(b"ABCD", b"what"));
        let picture = picture.to_vec();
        let head = extended(HAS_ALPHA);
        read(&[head.clone(), alpha.clone(), picture.clone()]);
        for chunks in [
            vec![alpha.clone(), alpha.clone(), picture.clone()],
            vec![alpha.clone(), stranger, picture.clone()],
            vec![picture, alpha.clone()],
            vec![alpha, still()],
        ] {
            let error =
                decode(&file(&[vec![head.clone()], chunks].concat()), &Limits::DEFAULT).err().unwrap();
            assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
        }
    }

    #[test]
    fn alpha_that_cannot_be_read_is_corrupt_and_no_lack_of_memory() {
        let lossy = kinds()[1].clone();
        let alpha = HEADER_BYTES + 18;
        assert_eq!(&lossy[alpha..][..4], b"ALPH");
        let mut refused = 0;
        for header in 0..=u8::MAX {
            let mut damaged = lossy.clone();
            damaged[alpha + 8] = header;
            if let Err(error) = decode(&damaged, &Limits::DEFAULT) {
                assert_eq!(error.reason(), crate::Reason::Corrupt, "{header}: {error}");
                refused += 1;
            }
        }
        assert!(refused > 0, "some header is none");
    }

    #[test]
    fn the_longest_sides_of_the_format_are_read() {
        for (width, height) in [(16_384, 4), (3, 16_384), (16_383, 2)] {
            let mut file = Vec::new();
            let grey = vec![77; width as usize * height as usize * 3];
            WebPEncoder::new_lossless(&mut file)
                .write_image(&grey, width, height, ExtendedColorType::Rgb8)
                .unwrap();
            let picture = decode(&file, &Limits::DEFAULT).unwrap().picture;
            assert_eq!((picture.size, picture.bytes), (Extent::new(width, height), grey));
        }
    }

    #[test]
    fn a_first_frame_stands_at_its_place_on_a_transparent_canvas() {
        let (width, height) = (20, 10);
        let mut small = Vec::new();
        let red = [200, 10, 20].repeat(width * height);
        WebPEncoder::new_lossless(&mut small).write_image(&red, 20, 10, ExtendedColorType::Rgb8).unwrap();
        let head = [&[3, 0, 0, 2, 0, 0, 19, 0, 0, 9, 0, 0, 50, 0, 0][..], &[0]].concat();
        let frame = chunk(b"ANMF", &[&head, &small[HEADER_BYTES..]].concat());
        let animation = chunk(b"ANIM", &[9, 9, 9, 255, 0, 0]);
        let picture = read(&[extended(IS_ANIMATED), animation.clone(), frame.clone(), frame.clone()]).picture;
        for (at, pixel) in picture.bytes.chunks_exact(4).enumerate() {
            let (x, y) = (at % 60, at / 60);
            let is_frame = (6..26).contains(&x) && (4..14).contains(&y);
            assert_eq!(pixel, if is_frame { [200, 10, 20, 255] } else { [0; 4] }, "{x} {y}");
        }
        let mut outside = frame.clone();
        outside[8] = 25;
        let mut other = frame.clone();
        other[14] = 18;
        let says_another_size = read(&[extended(IS_ANIMATED), animation.clone(), other]).picture;
        assert_eq!(says_another_size, picture, "the picture's own header counts");
        let error = decode(&file(&[extended(IS_ANIMATED), frame]), &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::Corrupt(_)), "no animation: {error}");
        for frame in [outside, chunk(b"ANMF", &head), chunk(b"ANMF", b"short")] {
            let file = file(&[extended(IS_ANIMATED), animation.clone(), frame]);
            let error = decode(&file, &Limits::DEFAULT).err().unwrap();
            assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
        }
    }

    #[test]
    fn a_canvas_beyond_the_limits_or_of_another_size_is_refused() {
        let huge = chunk(b"VP8X", &[0, 0, 0, 0, 0xff, 0x3f, 0, 0xff, 0x3f, 0]);
        let error = decode(&file(&[huge, still()]), &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
        let other = chunk(b"VP8X", &[0, 0, 0, 0, 58, 0, 0, 43, 0, 0]);
        let stranger = chunk(b"ABCD", b"what");
        for chunks in [
            vec![other, still()],
            vec![extended(0)],
            vec![stranger.clone(), still()],
            vec![chunk(b"VP8X", &[0, 0, 0, 0, 59]), still()],
            vec![extended(0), still(), still()],
            vec![],
        ] {
            let error = decode(&file(&chunks), &Limits::DEFAULT).err().unwrap();
            assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
        }
    }

    fn kinds() -> [Vec<u8>; 2] {
        let mut lossless = Vec::new();
        WebPEncoder::new_lossless(&mut lossless)
            .write_image(&pixels(), 60, 44, ExtendedColorType::Rgba8)
            .unwrap();
        let lossy = encode_pixels(&Picture::new(Extent::new(60, 44), Channels::Rgba, pixels()), 70).unwrap();
        [lossless, lossy]
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        for file in kinds() {
            decode(&file, &Limits::DEFAULT).unwrap();
            for end in HEADER_BYTES..file.len() {
                let error = decode(&file[..end], &Limits::DEFAULT).err().unwrap();
                assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
            }
        }
    }

    #[test]
    fn a_cut_with_a_mended_length_is_rejected() {
        for file in kinds() {
            for end in (HEADER_BYTES + 8..file.len() - 2).step_by(13) {
                let mut cut = file[..end].to_vec();
                let announced = u32::try_from(end - 8).unwrap();
                cut[4..8].copy_from_slice(&announced.to_le_bytes());
                let error = decode(&cut, &Limits::DEFAULT).err().unwrap();
                assert!(
                    matches!(error, RenderError::Truncated(_) | RenderError::Corrupt(_)),
                    "cut at {end}: {error}"
                );
            }
        }
    }
}
