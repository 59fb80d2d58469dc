//! Owns the file that libjpeg-turbo gets to see: what a picture is made of and nothing else. Everything that it only warns of
//! in a header is gone (stray bytes, odd JFIF, Adobe and ICC segments, scan headers that say less than they mean), and all
//! that follows the picture; a warning is then about the scans.

use super::headers::{Coding, FrameHeader};
use super::markers::{APP14, EOI, SOI, SOS};
use super::walk::{Markers, Segment};

/// What stands behind the scan headers.
#[derive(Clone, Copy)]
pub(super) enum Codes<'a> {
    /// Nothing: the file ends with the first.
    None,
    /// What stands there in the original.
    AsTheyAre,
    /// This, for each scan.
    Tidied(&'a [Vec<u8>]),
}

/// Room for what stands before and between the scans of an everyday file.
const HEADERS_BYTES: usize = 4096;
/// Adobe's transform byte for components as they are.
const PLAIN: u8 = 0;
const YCBCR: u8 = 1;
const YCCK: u8 = 2;

/// Writes the bare file of a `frame` among its markers.
pub(super) fn file(frame: &FrameHeader, markers: &Markers<'_>, codes: Codes<'_>) -> Vec<u8> {
    let data: usize = match codes {
        Codes::None => 0,
        _ => markers.scans().map(|scan| scan.data.len()).sum(),
    };
    let mut file = Vec::with_capacity(HEADERS_BYTES + data);
    file.extend_from_slice(&[0xff, SOI]);
    if frame.components.len() > 1 {
        let transform = transform(frame, markers);
        segment(&mut file, APP14, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
    }
    let mut scans = 0;
    for Segment { marker, payload, scan } in &markers.segments {
        match (payload, scan) {
            ([start @ .., _, _, _], Some(_)) if frame.coding == Coding::Sequential => {
                segment(&mut file, SOS, &[start, &[0, 63, 0]].concat());
            }
            _ => segment(&mut file, *marker, payload),
        }
        let Some(scan) = scan else { continue };
        match codes {
            Codes::None => break,
            Codes::AsTheyAre => file.extend_from_slice(scan.data),
            Codes::Tidied(data) => file.extend_from_slice(&data[scans]),
        }
        scans += 1;
    }
    file.extend_from_slice(&[0xff, EOI]);
    file
}

/// What libjpeg makes of the markers and component ids, said in Adobe's way.
fn transform(frame: &FrameHeader, markers: &Markers<'_>) -> u8 {
    let is_lossless = frame.coding == Coding::Lossless;
    match (&frame.components[..], markers.adobe_transform) {
        ([_, _, _], _) if markers.is_jfif => YCBCR,
        ([_, _, _], Some(transform)) => if transform == PLAIN { PLAIN } else { YCBCR },
        ([red, green, blue], None) => match [red.id, green.id, blue.id] {
            [b'R', b'G', b'B'] => PLAIN,
            _ => if is_lossless { PLAIN } else { YCBCR },
        },
        (_, None | Some(PLAIN)) => PLAIN,
        (_, Some(_)) => YCCK,
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    let length = u16::try_from(2 + payload.len()).expect("a payload was as long in its own file");
    file.extend_from_slice(&[0xff, marker]);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(payload);
}
