//! Damage in scan data: one rule for every way through the codec.

use super::*;

/// A grey picture of `count` blocks one above the other, a restart before each but the first, with a colour profile or
/// none. `edit` gets the codes of each block and the restart marker before it.
fn strip(count: usize, edit: impl Fn(usize, &mut Vec<u8>, &mut [u8; 2])) -> Vec<u8> {
    const SOS_BYTES: usize = 10;
    let [begin, rest, first] = block(1);
    let mut file = [
        &begin,
        &(8 * count as u16).to_be_bytes()[..],
        &[0, 8],
        &rest,
        &[0xff, 0xdd, 0, 4, 0, 1],
        &first[..SOS_BYTES],
    ]
    .concat();
    for index in 0..count {
        let [_, _, scan] = block((index % 200) as u8 + 1);
        let (mut codes, mut restart) = (scan[SOS_BYTES..].to_vec(), [0xff, 0xd0 + ((index + 7) % 8) as u8]);
        edit(index, &mut codes, &mut restart);
        if index > 0 {
            file.extend(restart);
        }
        file.extend(codes);
    }
    [&file[..], &[0xff, 0xd9]].concat()
}

/// How a file ends by every way: planes drawn whole, in quarters and by their means, and pixels at every scale.
fn ends(file: &[u8]) -> Vec<Option<&'static str>> {
    let reason = |error: RenderError| error.reason().as_str();
    let jpeg = match Jpeg::open(file, &Limits::DEFAULT) {
        Ok(jpeg) => jpeg,
        Err(error) => return vec![Some(reason(error))],
    };
    let mut decoder = JpegDecoder::default();
    let mut ends = Vec::new();
    for reduction in [1.0, 2.0, 4.0, 8.0] {
        ends.push(jpeg.planes(reduction, &mut decoder).err().map(reason));
        ends.push(jpeg.pixels(reduction, &Limits::DEFAULT).err().map(reason));
    }
    ends
}

fn assert_ends(file: &[u8], expected: Option<&'static str>, what: &str) {
    for end in ends(file) {
        assert_eq!(end, expected, "{what}");
    }
}

const COUNT: usize = 11;

#[test]
fn a_restart_that_is_lost_or_wrong_is_corrupt_by_every_way() {
    assert_ends(&strip(COUNT, |_, _, _| ()), None, "whole");
    for wrong in 1..COUNT {
        for bit in 0..8 {
            let file = strip(COUNT, |index, _, restart| restart[1] ^= u8::from(index == wrong) << bit);
            assert_ends(&file, Some("corrupt"), &format!("restart {wrong}, bit {bit}"));
        }
        let file = strip(COUNT, |index, _, restart| restart[0] ^= u8::from(index == wrong));
        assert_ends(&file, Some("corrupt"), &format!("restart {wrong} is none"));
    }
}

#[test]
fn stray_bytes_are_harmless_and_do_not_hide_missing_codes() {
    let stray = |at: usize| {
        move |index: usize, codes: &mut Vec<u8>| {
            if index == at {
                codes.extend([1, 2]);
            }
        }
    };
    for at in 0..COUNT {
        let file = strip(COUNT, |index, codes, _| stray(at)(index, codes));
        assert_ends(&file, None, &format!("stray bytes behind {at}"));
        for cut in at + 1..COUNT {
            let file = strip(COUNT, |index, codes, _| {
                stray(at)(index, codes);
                if index == cut {
                    codes.truncate(codes.len() / 2);
                }
            });
            assert_ends(&file, Some("corrupt"), &format!("stray bytes behind {at}, {cut} is cut"));
        }
    }
}

#[test]
fn a_hole_is_corrupt_and_an_end_that_is_missing_truncated() {
    for cut in 0..COUNT {
        let file = strip(COUNT, |index, codes, _| {
            if index == cut {
                codes.truncate(codes.len() / 2);
            }
        });
        let is_last = cut + 1 == COUNT;
        let reason = if is_last { "truncated" } else { "corrupt" };
        assert_ends(&file, Some(reason), &format!("{cut} is cut"));
    }
}

#[test]
fn restarts_are_counted_beyond_what_a_byte_holds() {
    const MANY: usize = 1100;
    assert_ends(&strip(MANY, |_, _, _| ()), None, "whole");
    for at in [0, 255, 256, 257, 512, MANY - 1] {
        let stray = |index: usize, codes: &mut Vec<u8>, _: &mut [u8; 2]| {
            if index == at {
                codes.extend([1, 2]);
            }
        };
        assert_ends(&strip(MANY, stray), None, &format!("stray bytes behind {at}"));
    }
}
