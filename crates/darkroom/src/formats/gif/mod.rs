//! Owns GIF decoding: the first frame on its screen, and whether the frame is whole. The decoder is handed a file of that
//! frame alone, so that nothing behind it decides anything: not a missing end, not the damage of a later frame. A
//! colour profile is ignored, as everybody does.

mod codes;
mod first;

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::metadata::Orientation;

use super::{Decoded, check_size, from_image_error, read_pixels};
use crate::raster::canvas::on_canvas;
use crate::{Limits, RenderError};
use first::First;
pub(crate) use first::canvas;

/// Colours of a table of the largest size.
const COLOURS: usize = 256;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let first = First::find(file)?;
    check_size(first.size, limits)?;
    check_size(first.canvas, limits)?;
    let (codes, is_cut) = first.codes();
    let codes = codes::up_to_last_pixel(&codes, first.code_size, first.size.pixels()).unwrap_or(codes);
    let alone = alone(&first, &codes);
    let decoder = GifDecoder::new(Cursor::new(&alone)).map_err(from_image_error)?;
    let frame = read_pixels(decoder, limits).map_err(|error| match error {
        RenderError::Corrupt(_) if is_cut => RenderError::truncated("the file ends in its first frame"),
        error => error,
    })?;
    let picture = on_canvas(frame, first.corner, first.canvas);
    let size = first.canvas;
    Ok(Decoded { picture, size, times: 1.0, orientation: Orientation::NoTransforms, icc: None })
}

/// A file of nothing but this frame, on a screen of its size.
fn alone(first: &First<'_>, codes: &[u8]) -> Vec<u8> {
    // Both sides come from 16 bits.
    let side = |pixels: u32| (pixels as u16).to_le_bytes();
    let size = [side(first.size.width), side(first.size.height)].concat();
    let mut file = [&b"GIF89a"[..], &size, &[0, 0, 0]].concat();
    if let Some(index) = first.transparent {
        file.extend([0x21, 0xf9, 4, 1, 0, 0, index, 0]);
    }
    let interlaced = if first.is_interlaced { 0x40 } else { 0 };
    file.extend([&[0x2c, 0, 0, 0, 0][..], &size, &[0x87 | interlaced]].concat());
    file.extend(table(first.colours));
    file.push(first.code_size);
    for block in codes.chunks(255) {
        file.push(u8::try_from(block.len()).expect("a chunk of at most 255"));
        file.extend_from_slice(block);
    }
    file.extend([0, 0x3b]);
    file
}

/// A whole table: black where the file has no colour for a code. A file without any table is shades of grey.
fn table(colours: &[u8]) -> [u8; 3 * COLOURS] {
    let mut table = [0; 3 * COLOURS];
    if colours.is_empty() {
        table.chunks_exact_mut(3).zip(0..=255).for_each(|(colour, shade)| colour.fill(shade));
    }
    table[..colours.len()].copy_from_slice(colours);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extent;
    use crate::raster::picture::Picture;
    use image::{Frame, RgbaImage, codecs::gif::GifEncoder};

    fn sample() -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new(&mut file);
        for shade in [10, 200] {
            let frame =
                RgbaImage::from_fn(31, 17, |x, y| image::Rgba([shade, (x * 8) as u8, (y * 15) as u8, 255]));
            encoder.encode_frame(Frame::new(frame)).unwrap();
        }
        drop(encoder);
        file
    }

    /// Where the frames' blocks begin.
    fn frames(file: &[u8]) -> Vec<usize> {
        let is_frame = |at: &usize| file[*at..].starts_with(&[0x2c, 0, 0, 0, 0, 31, 0, 17, 0]);
        (0..file.len()).filter(is_frame).collect()
    }

    /// A file of a frame of `size` at `place` on a screen, every pixel of the second of two colours.
    fn framed(screen: (u16, u16), place: (u16, u16), size: (u16, u16)) -> Vec<u8> {
        let pair = |(a, b): (u16, u16)| [a.to_le_bytes(), b.to_le_bytes()].concat();
        let mut file = [&b"GIF89a"[..], &pair(screen), &[0x80, 0, 0, 1, 2, 3, 200, 100, 50]].concat();
        file.extend([&[0x2c][..], &pair(place), &pair(size), &[0, 2]].concat());
        let pixels = usize::from(size.0) * usize::from(size.1);
        // Each code of three bits: a clear code, two colours, again and again, and an end.
        let codes = (0..pixels.div_ceil(2))
            .flat_map(|pair| [4, 1, 1][..3 - usize::from(pair * 2 + 2 > pixels)].to_vec());
        let bits: Vec<u8> = codes.chain([5]).flat_map(|code| [code & 1, code >> 1 & 1, code >> 2]).collect();
        let bytes: Vec<u8> =
            bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
        bytes.chunks(255).for_each(|block| file.extend([&[block.len() as u8][..], block].concat()));
        file.extend([0, 0x3b]);
        file
    }

    fn read(file: &[u8]) -> Picture {
        decode(file, &Limits::DEFAULT).unwrap().picture
    }

    #[test]
    fn a_screen_grows_to_hold_its_first_frame() {
        for (screen, place, canvas) in [
            ((30, 20), (0, 0), Extent::new(34, 23)),
            ((0, 0), (0, 0), Extent::new(34, 23)),
            ((30, 20), (100, 5), Extent::new(134, 28)),
            ((50, 20), (10, 2), Extent::new(50, 25)),
        ] {
            let picture = read(&framed(screen, place, (34, 23)));
            assert_eq!(picture.size, canvas);
            for (at, pixel) in picture.bytes.chunks_exact(4).enumerate() {
                let width = canvas.width as usize;
                let (x, y) = ((at % width) as u16, (at / width) as u16);
                let is_frame = (place.0..place.0 + 34).contains(&x) && (place.1..place.1 + 23).contains(&y);
                assert_eq!(
                    pixel,
                    if is_frame { [200, 100, 50, 255] } else { [0; 4] },
                    "{x} {y} on {screen:?}"
                );
            }
            assert_eq!(canvas_of(&framed(screen, place, (34, 23))), canvas);
        }
        let tall = framed((0, 0), (0, 0xffff), (1, 1));
        let error = decode(&tall, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
    }

    fn canvas_of(file: &[u8]) -> Extent {
        canvas(file).unwrap()
    }

    /// What stands where a block should begin: zeros, an extension that nobody knows, or another program's words.
    #[test]
    fn nothing_between_or_behind_the_blocks_takes_the_first_frame_away() {
        let file = framed((9, 9), (0, 0), (9, 9));
        let whole = read(&file);
        let (head, trailer) = (19, file.len() - 1);
        for between in [&b"\0"[..], b"\0\0\0", b"\x21\x42\x03abc\x01d\0", b"\x21\xfe\0", b"\x21\xf9\0"] {
            assert_eq!(read(&[&file[..head], between, &file[head..]].concat()), whole, "{between:?} before");
            assert_eq!(read(&[&file[..trailer], between, b";"].concat()), whole, "{between:?} behind");
        }
        for behind in [
            &b""[..],
            b";",
            b";;junk",
            b"\0\0",
            b"junk",
            b"\x21",
            b"\x2c\0",
            b"\x2c\xff\xff\xff\xff\xff\xff\xff\xff\0\xff",
        ] {
            assert_eq!(read(&[&file[..trailer], behind].concat()), whole, "{behind:?}");
        }
        let error =
            decode(&[&file[..head], b"junk", &file[head..]].concat(), &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
    }

    /// An end code, and what some writers let follow it or write in its place.
    #[test]
    fn a_frame_ends_with_its_last_pixel_whatever_its_codes_go_on_with() {
        let file = sample();
        let whole = read(&file);
        let codes = First::find(&file).unwrap().codes().0;
        let data = file.windows(codes.len().min(64)).position(|at| codes.starts_with(at)).unwrap() - 1;
        let with = |codes: &[u8]| {
            let blocks = codes.chunks(255).flat_map(|block| [&[block.len() as u8][..], block].concat());
            [&file[..data], &blocks.collect::<Vec<_>>(), &[0, 0x3b]].concat()
        };
        assert_eq!(read(&with(&codes)), whole);
        // The end code of nine bits and more lies in the last two bytes.
        for kept in [codes.len(), codes.len() - 1] {
            for behind in [&[0xff; 3][..], &[0x55; 300], &[0; 40]] {
                assert_eq!(read(&with(&[&codes[..kept], behind].concat())), whole, "{kept} {behind:?}");
            }
        }
        let cut = decode(&with(&codes[..codes.len() - 3]), &Limits::DEFAULT).err().unwrap();
        assert!(matches!(cut, RenderError::Corrupt(_)), "{cut}");
    }

    #[test]
    fn a_frame_without_a_table_is_grey_and_a_colour_beyond_its_table_black() {
        let file = framed((9, 9), (0, 0), (9, 9));
        let bare = [&file[..10], &[0], &file[11..13], &file[19..]].concat();
        assert_eq!(read(&bare).bytes[..4], [1, 1, 1, 255]);
        // Code 1 becomes code 3, of a table of two.
        let mut beyond = file.clone();
        let codes = 31..beyond.len() - 2;
        assert_eq!(usize::from(beyond[30]), codes.len());
        let bits: Vec<u8> =
            beyond[codes.clone()].iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1)).collect();
        let bits: Vec<u8> = bits
            .chunks(3)
            .flat_map(|code| if code == [1, 0, 0] { vec![1, 1, 0] } else { code.to_vec() })
            .collect();
        for (byte, bits) in beyond[codes].iter_mut().zip(bits.chunks(8)) {
            *byte = bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
        }
        assert_eq!(read(&beyond).bytes[..4], [0, 0, 0, 255]);
    }

    #[test]
    fn a_control_that_says_nothing_of_transparency_takes_none_away() {
        let file = framed((9, 9), (0, 0), (9, 9));
        let with = |controls: &[u8]| read(&[&file[..19], controls, &file[19..]].concat()).bytes[3];
        let (none, first, zeroth) =
            (*b"\x21\xf9\x04\0\0\0\0\0", *b"\x21\xf9\x04\x01\0\0\x01\0", *b"\x21\xf9\x04\x01\0\0\0\0");
        assert_eq!([&none[..], &first, &zeroth].map(with), [255, 0, 255]);
        assert_eq!(with(&[first, none].concat()), 0);
        assert_eq!(with(&[first, zeroth].concat()), 255);
    }

    #[test]
    fn a_profile_is_ignored() {
        let file = framed((9, 9), (0, 0), (9, 9));
        let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        let mut blocks = b"\x21\xff\x0bICCRGBG1012".to_vec();
        icc.chunks(255).for_each(|block| blocks.extend([&[block.len() as u8][..], block].concat()));
        blocks.push(0);
        let decoded = decode(&[&file[..19], &blocks, &file[19..]].concat(), &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.icc, None);
        assert_eq!(decoded.picture, read(&file));
    }

    #[test]
    fn the_first_frame_is_the_picture() {
        let decoded = decode(&sample(), &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.picture.size, Extent::new(31, 17));
        assert!(decoded.picture.bytes[0] < 40, "the second frame's shade is 200");
    }

    #[test]
    fn a_cut_before_the_last_pixel_of_the_first_frame_is_truncated_and_a_later_one_is_nothing() {
        let file = sample();
        let whole = decode(&file, &Limits::DEFAULT).unwrap().picture;
        let second = frames(&file)[1];
        let mut cuts = (6..file.len()).map(|end| (end, decode(&file[..end], &Limits::DEFAULT)));
        for (end, decoded) in cuts.by_ref().take_while(|(_, decoded)| decoded.is_err()) {
            let error = decoded.err().unwrap();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
            assert!(end < second);
        }
        for (end, decoded) in cuts {
            assert_eq!(decoded.unwrap().picture, whole, "cut at {end}");
        }
    }

    #[test]
    fn a_frame_beyond_the_limits_is_refused_whatever_the_screen() {
        let mut file = sample();
        let image = file.windows(10).position(|at| at[0] == 0x2c && at[5..9] == [31, 0, 17, 0]);
        let image = image.unwrap();
        file[image + 5..image + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        let error = decode(&file, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
    }
}
