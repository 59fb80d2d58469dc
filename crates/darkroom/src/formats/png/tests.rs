//! What a PNG's chunks make of its picture, its profile and its orientation.

use super::*;
use crate::raster::picture::Channels;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

fn sample(color: ExtendedColorType, bytes_per_pixel: usize) -> Vec<u8> {
    let pixels: Vec<u8> = (0..40 * 30 * bytes_per_pixel).map(|i| (i * 31 % 256) as u8).collect();
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&pixels, 40, 30, color).unwrap();
    file
}

#[test]
fn every_depth_and_colour_type_is_decoded() {
    for (color, bytes_per_pixel, channels) in [
        (ExtendedColorType::L8, 1, Channels::Grey),
        (ExtendedColorType::La8, 2, Channels::GreyAlpha),
        (ExtendedColorType::Rgb16, 6, Channels::Rgb),
        (ExtendedColorType::Rgba16, 8, Channels::Rgba),
    ] {
        let decoded = decode(&sample(color, bytes_per_pixel), &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.picture.channels, channels);
    }
}

#[test]
fn a_cut_before_the_end_of_the_pixel_data_is_truncated_and_a_later_one_is_nothing() {
    let file = sample(ExtendedColorType::Rgba8, 4);
    let whole = decode(&file, &Limits::DEFAULT).unwrap().picture;
    for end in SIGNATURE_BYTES..file.len() {
        match decode(&file[..end], &Limits::DEFAULT) {
            Ok(decoded) => assert!(decoded.picture == whole && end >= file.len() - 12, "cut at {end}"),
            Err(error) => {
                assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
                assert!(end < file.len() - 12, "cut at {end}: {error}");
            }
        }
    }
}

/// The chunks of a file of `rows`, each with the filter before it.
fn built(header: [u8; 4], chunks: &[Vec<u8>], rows: &[u8]) -> Vec<u8> {
    let [width, height, depth, colours] = header;
    let header = [0, 0, 0, width, 0, 0, 0, height, depth, colours, 0, 0, 0];
    // One stored block of deflate's.
    let length = (rows.len() as u16).to_le_bytes();
    let (mut a, mut b) = (1u32, 0u32);
    rows.iter()
        .for_each(|&byte| (a, b) = ((a + u32::from(byte)) % 65_521, (b + a + u32::from(byte)) % 65_521));
    let stored =
        [&[0x78, 0x01, 1][..], &length, &length.map(|byte| !byte), rows, &(b << 16 | a).to_be_bytes()];
    let chunks =
        [vec![chunk(b"IHDR", &header)], chunks.to_vec(), vec![chunk(b"IDAT", &stored.concat())]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat(), END].concat()
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [kind, content].concat();
    [&(content.len() as u32).to_be_bytes(), &named[..], &crc32(&named).to_be_bytes()].concat()
}

fn turn(way: u8) -> Vec<u8> {
    chunk(
        b"eXIf",
        &[&b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[way, 0, 0, 0, 0, 0, 0, 0]].concat(),
    )
}

/// As libpng has it, the bits that the depth has no room for do not count.
#[test]
fn grey_of_every_depth_is_transparent_where_its_level_is_the_transparent_one() {
    for depth in [1u8, 2, 4, 8] {
        for said in [0u16, 1, 2, 3, 9, 0x25, 0xff, 0x1ff] {
            let levels = 1u16 << depth;
            let row: Vec<u8> = (0..16).map(|at| (at * 7 % levels) as u8).collect();
            let packed = row
                .chunks(8 / usize::from(depth))
                .map(|few| few.iter().fold(0, |byte, level| byte << (depth % 8) | level));
            let rows: Vec<u8> = std::iter::once(0).chain(packed).collect();
            let file = built([16, 1, depth, 0], &[chunk(b"tRNS", &said.to_be_bytes())], &rows);
            let picture = decode(&file, &Limits::DEFAULT).unwrap().picture;
            for (pixel, &level) in picture.bytes.chunks_exact(2).zip(&row) {
                let alpha = if u16::from(level) == said % levels { 0 } else { 255 };
                let grey = u16::from(level) * 255 / (levels - 1);
                assert_eq!(pixel, [grey as u8, alpha], "{depth} bits, {said}");
            }
        }
    }
}

#[test]
fn sixteen_bits_are_transparent_only_where_all_of_them_are_said() {
    let (row, said) = ([0, 0x12, 0x34, 0x12, 0x35, 0x34, 0x12], [0x12, 0x34]);
    let grey = built([3, 1, 16, 0], &[chunk(b"tRNS", &said)], &row);
    let picture = decode(&grey, &Limits::DEFAULT).unwrap().picture;
    assert_eq!(picture.bytes.iter().skip(1).step_by(2).copied().collect::<Vec<_>>(), [0, 255, 255]);
    let row = [0, 0, 1, 0, 2, 0, 3, 0, 1, 0, 2, 0, 4];
    let colours = built([2, 1, 16, 2], &[chunk(b"tRNS", &[0, 1, 0, 2, 0, 3])], &row);
    let picture = decode(&colours, &Limits::DEFAULT).unwrap().picture;
    assert_eq!((picture.bytes[3], picture.bytes[7]), (0, 255));
    let colours = built([2, 1, 8, 2], &[chunk(b"tRNS", &[9, 1, 9, 2, 9, 3])], &[0, 1, 2, 3, 1, 2, 4]);
    let picture = decode(&colours, &Limits::DEFAULT).unwrap().picture;
    assert_eq!((picture.bytes[3], picture.bytes[7]), (0, 255));
}

#[test]
fn what_is_said_of_no_one_level_or_colour_makes_nothing_transparent() {
    for (kind, pixel_bytes) in [(GREY, 1), (COLOURED, 3)] {
        let row = vec![0; 1 + 3 * pixel_bytes];
        for length in (0..12).filter(|&length| length != 2 * pixel_bytes) {
            let file = built([3, 1, 8, kind], &[chunk(b"tRNS", &vec![0; length])], &row);
            let picture = decode(&file, &Limits::DEFAULT).unwrap().picture;
            assert!(matches!(picture.channels, Channels::Grey | Channels::Rgb), "{kind}, {length} bytes");
        }
    }
}

#[test]
fn a_palette_has_as_many_alphas_as_are_said_and_black_where_it_has_no_colour() {
    let palette = chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]);
    for depth in [1u8, 2, 4, 8] {
        let row: &[u8] = match depth {
            1 => &[0, 0b0100_0000],
            2 => &[0, 0b0001_1000],
            4 => &[0, 0x01, 0x20],
            _ => &[0, 0, 1, 2],
        };
        let file = built([3, 1, depth, 3], &[palette.clone(), chunk(b"tRNS", &[7])], row);
        let seen = decode(&file, &Limits::DEFAULT).unwrap().picture.bytes;
        let third: &[u8] = if depth == 1 { &[10, 20, 30, 7] } else { &[0, 0, 0, 255] };
        assert_eq!(seen, [&[10, 20, 30, 7, 40, 50, 60, 255], third].concat(), "{depth} bits");
    }
}

#[test]
fn a_palette_of_parts_of_colours_or_none_and_pixels_in_two_places_are_corrupt() {
    let corrupt = |file: &[u8]| {
        let error = decode(file, &Limits::DEFAULT).err().unwrap();
        assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
    };
    for bytes in [0, 2, 4, 13, 771] {
        let palette = chunk(b"PLTE", &vec![9; bytes]);
        corrupt(&built([2, 1, 8, 3], std::slice::from_ref(&palette), &[0, 0, 0]));
        let suggested = built([2, 1, 8, 0], &[palette], &[0, 1, 2]);
        assert_eq!(decode(&suggested, &Limits::DEFAULT).unwrap().picture.bytes, [1, 2]);
    }
    corrupt(&built([2, 1, 8, 3], &[], &[0, 0, 0]));
    let file = built([2, 1, 8, 0], &[], &[0, 1, 2]);
    let pixels = &file[33..file.len() - END.len()];
    let (one, other) = pixels[8..pixels.len() - 4].split_at(5);
    let apart = [chunk(b"IDAT", one), turn(6), chunk(b"IDAT", other)].concat();
    corrupt(&[&file[..33], &apart, END].concat());
}

#[test]
fn the_first_of_two_orientations_counts_and_one_behind_the_pixels_too() {
    let row = [0, 1, 2];
    let orientation = |file: &[u8]| decode(file, &Limits::DEFAULT).unwrap().orientation.to_exif();
    assert_eq!(orientation(&built([2, 1, 8, 0], &[turn(6), turn(3)], &row)), 6);
    let file = built([2, 1, 8, 0], &[], &row);
    let behind = [&file[..file.len() - END.len()], &turn(8), END].concat();
    assert_eq!(orientation(&behind), 8);
    assert_eq!(orientation(&[&behind[..], b"whatever follows"].concat()), 8);
}

/// A wrong end, a damaged checksum of what is dispensable, rows that nobody asked for.
#[test]
fn what_touches_no_pixel_is_no_damage() {
    let file = built([2, 1, 8, 0], &[], &[0, 1, 2]);
    let whole = decode(&file, &Limits::DEFAULT).unwrap().picture;
    let head = &file[..file.len() - END.len()];
    let mut stray = turn(6);
    *stray.last_mut().unwrap() ^= 1;
    for behind in [&b""[..], b"\0\0\0\0IEND....", b"\xff\xff\xff\xffwhat", b"\0\0", &stray] {
        assert_eq!(decode(&[head, behind].concat(), &Limits::DEFAULT).unwrap().picture, whole, "{behind:?}");
    }
    let more = built([2, 1, 8, 0], &[], &[0, 1, 2, 0, 3, 4]);
    assert_eq!(decode(&more, &Limits::DEFAULT).unwrap().picture, whole);
}

#[test]
fn a_part_of_no_pixels_counts_for_nothing_wherever_it_stands() {
    let file = built([2, 1, 8, 0], &[], &[0, 1, 2]);
    let pixels = &file[33..file.len() - END.len()];
    let (one, other) = pixels[8..pixels.len() - 4].split_at(5);
    let (one, other) = (chunk(b"IDAT", one), chunk(b"IDAT", other));
    let whole = decode(&file, &Limits::DEFAULT).unwrap().picture;
    for empty in [chunk(b"IDAT", b""), b"\0\0\0\0IDAT????".to_vec()] {
        for parts in [
            [&empty[..], &one, &other],
            [&one, &empty, &other],
            [&one, &other, &[turn(6), empty.clone()].concat()],
        ] {
            let file = [&file[..33], &parts.concat(), END].concat();
            assert_eq!(decode(&file, &Limits::DEFAULT).unwrap().picture, whole);
        }
    }
    let none = [&file[..33], &chunk(b"IDAT", b""), END].concat();
    assert!(decode(&none, &Limits::DEFAULT).is_err());
}

#[test]
fn a_chunk_before_the_pixels_has_a_name() {
    let row = [0, 1, 2];
    let named = |name| decode(&built([2, 1, 8, 0], &[chunk(name, b"?")], &row), &Limits::DEFAULT);
    assert!(named(b"abCd").is_ok());
    let error = named(b"ab\0d").err().unwrap();
    assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
}

#[test]
fn the_first_profile_that_can_be_read_counts_where_it_stands_before_the_palette() {
    let profile = |bytes: &[u8]| chunk(b"iCCP", &[b"a name\0\0", bytes].concat());
    let stored = |byte: u8| [0x78, 1, 1, 1, 0, 0xfe, 0xff, byte];
    let (bad, first, second) = (profile(b"no stream"), profile(&stored(1)), profile(&stored(2)));
    let palette = chunk(b"PLTE", &[9; 3]);
    let icc =
        |chunks: &[Vec<u8>]| decode(&built([2, 1, 8, 3], chunks, &[0, 0, 0]), &Limits::DEFAULT).unwrap().icc;
    assert_eq!(icc(&[first.clone(), second.clone(), palette.clone()]), Some(vec![1]));
    assert_eq!(icc(&[bad, second.clone(), palette.clone()]), Some(vec![2]));
    assert_eq!(icc(&[palette, second]), None);
}

#[test]
fn a_flipped_bit_is_corrupt() {
    let mut file = sample(ExtendedColorType::Rgb8, 3);
    let middle = file.len() / 2;
    file[middle] ^= 1;
    let error = decode(&file, &Limits::DEFAULT).err().unwrap();
    assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
}

#[test]
fn text_is_never_handed_on() {
    let mut file = sample(ExtendedColorType::L8, 1);
    // A text chunk whose checksum is wrong: whoever looked at it would complain.
    file.splice(33..33, *b"\0\0\0\x04zTXtbombXXXX");
    decode(&file, &Limits::DEFAULT).unwrap();
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut file = sample(ExtendedColorType::L8, 1);
    file[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let error = decode(&file, &Limits::DEFAULT).err().unwrap();
    assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
}
