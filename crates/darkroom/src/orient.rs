//! Owns how a stored picture is turned to be seen upright: the eight orientations of EXIF. Reads no files.

use image::metadata::Orientation;

use crate::picture::Picture;

/// Where a pixel of the upright picture comes from.
struct Turn {
    /// Rows become columns.
    transposed: bool,
    from_right: bool,
    from_bottom: bool,
}

impl Turn {
    fn of(orientation: Orientation) -> Self {
        let (transposed, from_right, from_bottom) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, true, false),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, false, true),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, false, true),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, true, false),
        };
        Self { transposed, from_right, from_bottom }
    }
}

/// The size of the upright picture.
pub(crate) fn upright_size(orientation: Orientation, (width, height): (u32, u32)) -> (u32, u32) {
    if Turn::of(orientation).transposed { (height, width) } else { (width, height) }
}

/// Turns a picture as stored into the picture as seen.
pub(crate) fn upright(picture: Picture, orientation: Orientation) -> Picture {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let turn = Turn::of(orientation);
    let size = upright_size(orientation, (picture.width, picture.height));
    let count = picture.channels.count();
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut bytes = Vec::with_capacity(picture.bytes.len());
    for y in 0..size.1 as usize {
        for x in 0..size.0 as usize {
            let (column, row) = if turn.transposed { (y, x) } else { (x, y) };
            let column = if turn.from_right { width - 1 - column } else { column };
            let row = if turn.from_bottom { height - 1 - row } else { row };
            let start = (row * width + column) * count;
            bytes.extend_from_slice(&picture.bytes[start..start + count]);
        }
    }
    Picture::new(size, picture.channels, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

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
            let picture = Picture::new((width, 6 / width), Channels::Grey, pixels.into());
            let seen = upright(picture, orientation);
            assert_eq!((seen.width, seen.height), (3, 2), "orientation {value}");
            assert_eq!(seen.bytes, b"abcdef", "orientation {value}");
        }
    }
}
