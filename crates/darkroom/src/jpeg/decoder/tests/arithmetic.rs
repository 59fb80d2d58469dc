//! Codes that are not counted: arithmetic ones, as libjpeg-turbo's `cjpeg -arithmetic` writes a small grey picture, and
//! lossless ones.

use super::*;

/// Everything before the scan header: quantisers, the frame of 16 by 24 samples, conditioning.
const HEAD: &str = "ffd8ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85\
                    b586909ea3abadab6780bcc9baa6c799a8aba4ffc9000b080018001001011100ffcc000600101005";
const RESTARTS: &str = "ffdd00040001";
const SCAN: &str = "ffda0008010100003f00";
const CODES: &str = "fe75143d77a0eeff00a6bdfd52f2f612ab405b81132d7334006b35c69404e501535433438fdbafd0295c3cf51ffbbf4b339e2c2328\
                     f0ade6c45aa41574faf70deaab3086a52a8aa86a461b1d2353877d0b89b8d817d9b4080f354980a0841c";
const CODES_BETWEEN_RESTARTS: &str = "fe75143d77a0efffd0ce5fd3248fba394299a8b7e76e6681015a71a5ffd1c1fcaa1f53e381d5fc45b2f871de\
    2fde33effcb0ffd2f8af5c2abf6761125c835684192a8850046155f0ffd3dce61da57f495db0cbd306942955b6bbe8d4c0ffd4ef104b7e915a8ad77268\
    229f242093049c072f50";

fn bytes(hexes: &[&str]) -> Vec<u8> {
    let digits: Vec<u32> = hexes.concat().chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn whole() -> Vec<u8> {
    bytes(&[HEAD, SCAN, CODES, "ffd9"])
}

fn with_strays(mut file: Vec<u8>, strays: &[u8]) -> Vec<u8> {
    let end = file.len() - 2;
    file.splice(end..end, strays.iter().copied());
    file
}

fn reason(file: &[u8]) -> Option<&'static str> {
    decode(file, &Limits::DEFAULT).err().map(|error| error.reason().as_str())
}

#[test]
fn arithmetic_codes_without_an_end_of_image_are_never_whole() {
    assert_eq!(reason(&whole()), None);
    let scan = bytes(&[HEAD, SCAN]).len();
    for end in scan..whole().len() - 1 {
        assert_eq!(reason(&whole()[..end]), Some("truncated"), "cut at {end}");
        let broken = [&whole()[..end], &bytes(&["ff66", "4242"])].concat();
        assert_eq!(reason(&broken), Some("corrupt"), "another marker at {end}");
    }
}

#[test]
fn bytes_behind_the_last_code_are_harmless_where_no_code_is_counted() {
    let picture = |file: &[u8]| decode(file, &Limits::DEFAULT).unwrap().picture;
    let lossless = sample(|compressor| {
        compressor.set_lossless(true).unwrap();
        compressor.set_subsamp(Subsamp::None).unwrap();
    });
    for file in [whole(), bytes(&[HEAD, RESTARTS, SCAN, CODES_BETWEEN_RESTARTS, "ffd9"]), lossless] {
        for strays in [&[1][..], &[1, 2, 3], &[0; 9], &[0x77; 300]] {
            assert_eq!(picture(&with_strays(file.clone(), strays)), picture(&file), "{strays:?}");
        }
    }
}

#[test]
fn damage_among_codes_that_are_not_counted_is_corrupt() {
    for wrong in 0..5 {
        let marker = format!("ffd{wrong}");
        for other in ["ffd7", "ee01ffd6"] {
            let codes = CODES_BETWEEN_RESTARTS.replacen(&marker, other, 1);
            let file = bytes(&[HEAD, RESTARTS, SCAN, &codes, "ffd9"]);
            assert_eq!(reason(&file), Some("corrupt"), "{marker} is {other}");
        }
    }
}
