//! Owns the list of what may stand in a rendition: the parts of a file that make pixels, and nothing else. Walks bytes
//! by itself, with no decoder's help; what is not on the list is named.

/// Everything in a file that is not needed to show its pixels. Empty for a rendition as it should be.
pub(crate) fn strangers(file: &[u8]) -> Vec<String> {
    let walked = match file {
        [0xff, 0xd8, ..] => jpeg(file),
        [b'R', b'I', b'F', b'F', ..] => webp(file),
        [0x89, b'P', b'N', b'G', ..] => png(file),
        [b'G', b'I', b'F', ..] => Some(vec!["a GIF: no rendition is one".into()]),
        _ => None,
    };
    walked.unwrap_or_else(|| vec!["bytes that are not the format they begin as".into()])
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn be16(bytes: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// JFIF's APP0 without a thumbnail, tables, frame, scans, end.
fn jpeg(file: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = &file[2..];
    loop {
        let [0xff, marker] = *take(&mut rest, 2)? else { return None };
        if marker == 0xd9 {
            break;
        }
        let length = be16(rest.first_chunk::<2>()?);
        let content = &take(&mut rest, length)?[2..];
        match marker {
            0xe0 if content.len() == 14 && content.starts_with(b"JFIF\0") && content[12..] == [0, 0] => {}
            0xdb | 0xc0 | 0xc2 | 0xc4 => {}
            0xda => skip_scan(&mut rest)?,
            _ => found.push(format!("segment {marker:02x} of {length} bytes")),
        }
    }
    if !rest.is_empty() {
        found.push(format!("{} bytes behind the end", rest.len()));
    }
    Some(found)
}

/// Up to the next marker: stuffed bytes and restarts are the scan's own.
fn skip_scan(rest: &mut &[u8]) -> Option<()> {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
    let end = rest.windows(2).position(ends)?;
    take(rest, end).map(drop)
}

/// A picture, its alpha, and the header that announces the alpha and nothing else.
fn webp(file: &[u8]) -> Option<Vec<String>> {
    const ALPHA: u8 = 0x10;
    let mut found = Vec::new();
    let mut rest = file;
    let head = take(&mut rest, 12)?;
    let announced = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize + 8;
    if announced != file.len() || &head[8..] != b"WEBP" {
        found.push(format!("{} bytes where {announced} are announced", file.len()));
    }
    while !rest.is_empty() {
        let head = take(&mut rest, 8)?;
        let length = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        let content = take(&mut rest, length)?;
        let padding = take(&mut rest, length % 2)?;
        match &head[..4] {
            b"VP8X" if content.len() == 10 && content[0] & !ALPHA == 0 => {}
            b"VP8 " | b"VP8L" | b"ALPH" => {}
            kind => found.push(format!("chunk {} of {length} bytes", kind.escape_ascii())),
        }
        if padding.iter().any(|byte| *byte != 0) {
            found.push("a padding byte that says something".into());
        }
    }
    Some(found)
}

fn png(file: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = &file[8..];
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        let kind = &take(&mut rest, length.checked_add(12)?)?[4..8];
        match kind {
            b"IEND" => break,
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" => {}
            _ => found.push(format!("chunk {} of {length} bytes", kind.escape_ascii())),
        }
    }
    if !rest.is_empty() {
        found.push(format!("{} bytes behind the end", rest.len()));
    }
    Some(found)
}

#[test]
fn a_stranger_in_each_format_is_named() {
    let jfif = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xda\0\x02\xff\0\xff\xd9";
    assert_eq!(strangers(jfif), Vec::<String>::new());
    let comment = [&jfif[..20], b"\xff\xfe\0\x03x", &jfif[20..]].concat();
    assert_eq!(strangers(&comment), ["segment fe of 3 bytes"]);
    assert_eq!(strangers(&[&jfif[..], b"xy"].concat()), ["2 bytes behind the end"]);

    let webp = b"RIFF\x0e\0\0\0WEBPEXIF\x02\0\0\0xy";
    assert_eq!(strangers(webp), ["chunk EXIF of 2 bytes"]);
    let flagged = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\0\0\0\0\0\0";
    assert_eq!(strangers(flagged), ["chunk VP8X of 10 bytes"]);

    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x01tEXtx....\0\0\0\0IEND....z";
    assert_eq!(strangers(png), ["chunk tEXt of 1 bytes", "1 bytes behind the end"]);
    assert_eq!(strangers(b"\xff\xd8\xff"), ["bytes that are not the format they begin as"]);
}
