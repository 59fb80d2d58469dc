//! Headers of made-up images, for tests.

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(),
        &width.to_be_bytes(),
        &height.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat()
}

pub(crate) fn gif(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a".as_slice(), &size, b"\0\0\0\x2c\0\0\0\0", &size, &[0]].concat()
}

/// A JPEG's head with a segment of `exif_bytes` before the frame header.
pub(crate) fn jpeg(width: u16, height: u16, exif_bytes: u16) -> Vec<u8> {
    let exif =
        [b"\xff\xe1".as_slice(), &(exif_bytes + 2).to_be_bytes(), &vec![0; usize::from(exif_bytes)]].concat();
    let frame =
        [b"\xff\xff\xc2\0\x0b\x08".as_slice(), &height.to_be_bytes(), &width.to_be_bytes(), &[1, 1, 0x11, 0]]
            .concat();
    [b"\xff\xd8".as_slice(), &exif, &frame].concat()
}

fn webp(chunk: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"RIFF\0\0\0\0WEBP".as_slice(), chunk, &length, body].concat()
}

pub(crate) fn webp_lossy(width: u16, height: u16) -> Vec<u8> {
    webp(b"VP8 ", &[b"\0\0\0\x9d\x01\x2a".as_slice(), &width.to_le_bytes(), &height.to_le_bytes()].concat())
}

pub(crate) fn webp_lossless(width: u32, height: u32) -> Vec<u8> {
    webp(b"VP8L", &[b"\x2f".as_slice(), &((width - 1) | (height - 1) << 14).to_le_bytes()].concat())
}

pub(crate) fn webp_extended(width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    webp(b"VP8X", &[b"\0\0\0\0".as_slice(), &width[..3], &height[..3]].concat())
}
