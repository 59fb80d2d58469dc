//! Owns how a stored picture is turned to be seen upright: the eight orientations of EXIF. Reads no files.

use image::metadata::Orientation;

use crate::Extent;
use crate::raster::picture::Picture;
use crate::raster::transpose::transpose;
use crate::raster::turn::Turn;

/// The size of the upright picture.
pub(crate) fn upright_size(orientation: Orientation, stored: Extent) -> Extent {
    if Turn::of(orientation).transposed { stored.turned() } else { stored }
}

/// Turns pixels of `N` bytes, stored in rows of `width`, into `upright`, which is as long as `stored`.
pub(crate) fn turned<const N: usize>(turn: Turn, stored: &[u8], width: usize, upright: &mut [u8]) {
    if turn.transposed {
        return transpose::<N>(stored, width, turn, upright);
    }
    let (stored, upright) = (stored.as_chunks::<N>().0, upright.as_chunks_mut::<N>().0);
    let height = stored.len() / width;
    for (y, target) in upright.chunks_exact_mut(width).enumerate() {
        let row = if turn.from_bottom { height - 1 - y } else { y };
        target.copy_from_slice(&stored[row * width..][..width]);
        if turn.from_right {
            target.reverse();
        }
    }
}

/// Turns a picture as stored into the picture as seen.
pub(crate) fn upright(picture: Picture, orientation: Orientation) -> Picture {
    let turn = Turn::of(orientation);
    if turn == Turn::NONE {
        return picture;
    }
    let size = upright_size(orientation, picture.size);
    let mut bytes = vec![0; picture.bytes.len()];
    let width = picture.size.width as usize;
    match picture.channels.count() {
        1 => turned::<1>(turn, &picture.bytes, width, &mut bytes),
        2 => turned::<2>(turn, &picture.bytes, width, &mut bytes),
        3 => turned::<3>(turn, &picture.bytes, width, &mut bytes),
        _ => turned::<4>(turn, &picture.bytes, width, &mut bytes),
    }
    Picture::new(size, picture.channels, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::picture::Channels;

    /// EXIF says where row 0 and column 0 of the stored picture lie in the upright one; each case is the stored
    /// picture of the same upright `a b c / d e f`.
    #[test]
    fn every_orientation_shows_the_same_picture() {
        let stored: [(u8, u32, &str); 8] = [
            (1, 3, "abcdef"),
            (2, 3, "cbafed"),
            (3, 3, "fedcba"),
            (4, 3, "defabc"),
            (5, 2, "adbecf"),
            (6, 2, "cfbead"),
            (7, 2, "fcebda"),
            (8, 2, "daebfc"),
        ];
        for (value, width, pixels) in stored {
            let orientation = Orientation::from_exif(value).unwrap();
            let picture = Picture::new(Extent::new(width, 6 / width), Channels::Grey, pixels.into());
            let seen = upright(picture, orientation);
            assert_eq!(seen.size, Extent::new(3, 2), "orientation {value}");
            assert_eq!(seen.bytes, b"abcdef", "orientation {value}");
        }
    }
}
