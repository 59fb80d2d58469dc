//! What is odd beside the codes and touches no pixel: the picture is what it is without.

use super::*;

fn marker(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).unwrap()
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &u16::try_from(2 + payload.len()).unwrap().to_be_bytes()[..], payload].concat()
}

/// `file` with `bytes` behind its first marker.
fn with(file: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&file[..2], bytes, &file[2..]].concat()
}

/// `file` with other last bytes in its scan header.
fn with_band(file: &[u8], band: [u8; 3]) -> Vec<u8> {
    let scan = marker(file, SOS);
    let end = scan + 2 + usize::from(u16::from_be_bytes([file[scan + 2], file[scan + 3]]));
    [&file[..end - 3], &band, &file[end..]].concat()
}

fn assert_same(odd: &[u8], plain: &[u8], what: &str) {
    let [odd, plain] = [odd, plain].map(|file| decode(file, &Limits::DEFAULT));
    let odd = odd.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(odd.picture == plain.unwrap().picture, "{what}: other pixels");
}

#[test]
fn what_libjpeg_only_warns_of_in_a_header_changes_nothing() {
    let icc = |number, count, bytes: &[u8]| {
        segment(0xe2, &[b"ICC_PROFILE\0", &[number, count][..], bytes].concat())
    };
    let jfif = |version| segment(0xe0, &[b"JFIF\0", &[version, 2][..], &[0, 0, 1, 0, 1, 0, 0]].concat());
    let adobe = |transform| segment(0xee, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
    let oddities = [
        ("stray bytes", b"\x17\x2a\0\0".to_vec()),
        ("a stuffed byte and fill bytes", b"\xff\0\xff\xff\xff".to_vec()),
        ("a profile of nothing", icc(1, 1, b"")),
        ("a profile that is told twice", [icc(1, 1, b"none"), icc(1, 1, b"none")].concat()),
        ("a profile's second part alone", icc(2, 2, b"none")),
        ("a profile's part 0", icc(0, 1, b"none")),
        ("JFIF 2", jfif(2)),
        ("JFIF 255", jfif(255)),
        ("an unknown transform", adobe(3)),
        ("a comment whose length is nothing", b"\xff\xfe\0\0".to_vec()),
        ("a short segment", b"\xff\xe5\0\x01".to_vec()),
        ("a marker without a segment", b"\xff\x01".to_vec()),
        ("a restart before any scan", b"\xff\xd3".to_vec()),
    ];
    for file in kinds() {
        for (what, bytes) in &oddities {
            assert_same(&with(&file, bytes), &file, what);
        }
    }
}

#[test]
fn a_sequential_scan_that_says_little_of_itself_is_read_whole() {
    let [file, _] = kinds();
    for band in [[0, 0, 0], [0, 64, 0], [0, 63, 1], [1, 5, 0x21]] {
        assert_same(&with_band(&file, band), &file, &format!("{band:?}"));
    }
}

#[test]
fn a_picture_is_whole_when_its_scans_are_whatever_follows_them() {
    let samsung = b"\0\0\xff\xd4SEFH\x6b\0\0\0\xff\xd8\xff\xda\0\x04aa\x18\0\0\0SEFT";
    for file in kinds() {
        let scans = &file[..file.len() - 2];
        for (what, trailer) in [
            ("nothing", &b""[..]),
            ("half a marker", b"\xff"),
            ("a trailer", samsung),
            ("a cut segment", b"\xff\xe1\x40\0Exif"),
            ("another picture", &file),
            ("a marker of no JPEG", b"\xff\x05\xff\xc0\0\x02"),
        ] {
            assert_same(&[scans, trailer].concat(), &file, what);
            assert_same(&[&file[..], trailer].concat(), &file, what);
        }
    }
}

#[test]
fn a_sequential_file_without_codes_has_the_standards() {
    let file = sample(|_| ());
    let mut bare = file.clone();
    while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
        bare.drain(at..at + 2 + length);
    }
    assert!(bare.len() + 400 < file.len(), "four tables are gone");
    assert_same(&bare, &file, "no table");
}

#[test]
fn a_file_without_quantisers_is_corrupt() {
    for file in kinds() {
        let mut bare = file.clone();
        while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xdb]) {
            let length = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
            bare.drain(at..at + 2 + length);
        }
        let error = decode(&bare, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::Corrupt(_)), "{error}");
    }
}

#[test]
fn a_header_that_no_decoder_takes_is_corrupt() {
    let [file, _] = kinds();
    let frame = marker(&file, 0xc0);
    let length = usize::from(u16::from_be_bytes([file[frame + 2], file[frame + 3]]));
    let twice = [&file[..frame], &file[frame..frame + 2 + length], &file[frame..]].concat();
    let unknown_component = {
        let mut file = file.clone();
        let scan = marker(&file, SOS);
        file[scan + 5] = 77;
        file
    };
    for (what, bytes) in [
        ("two frames", twice),
        ("a second start", with(&file, b"\xff\xd8")),
        ("a marker of no JPEG", with(&file, b"\xff\x05\0\x02")),
        ("a component that is not there", unknown_component),
        ("a quantiser of slot 15", with(&file, &segment(0xdb, &[&[15][..], &[1; 64]].concat()))),
        ("codes of slot 8", with(&file, &segment(0xc4, &[&[8][..], &[0; 16]].concat()))),
        ("a table that is shorter than its length", with(&file, &segment(0xdb, &[0, 1, 2]))),
    ] {
        let error = decode(&bytes, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::Corrupt(_)), "{what}: {error}");
    }
}

#[test]
fn a_picture_may_come_in_as_many_scans_as_bring_it() {
    // Each table has one code, of one bit: no difference, and no coefficient in the whole block.
    let codes = [0x00, 0x10].map(|table| segment(0xc4, &[&[table, 1][..], &[0; 16]].concat()));
    let scan =
        |place: u8, high_low: u8| [segment(SOS, &[1, 1, 0x00, place, place, high_low]), vec![0x7f]].concat();
    let file = |fine: &dyn Fn(u8) -> Vec<u8>| {
        let head =
            [segment(0xdb, &[&[0][..], &[1; 64]].concat()), segment(0xc2, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0])];
        let fine: Vec<u8> = (1..64).flat_map(fine).collect();
        [&[0xff, 0xd8][..], &head.concat(), &codes.concat(), &scan(0, 0), &fine, &[0xff, 0xd9]].concat()
    };
    let coarse = file(&|place| scan(place, 0));
    let fine = file(&|place| {
        (0..13).rev().flat_map(|low| scan(place, if low < 12 { (low + 1) << 4 | low } else { low })).collect()
    });
    assert_eq!(fine.windows(2).filter(|pair| *pair == [0xff, SOS]).count(), 1 + 63 * 13);
    assert_same(&fine, &coarse, "820 scans");
}
