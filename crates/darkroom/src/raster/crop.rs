//! Owns the cut: the part of a shrunk picture that a rendition keeps.

use std::borrow::Cow;

use crate::Frame;
use crate::raster::picture::Picture;

/// The part of `whole` that `frame` keeps; `whole` has the frame's scale.
pub(crate) fn part<'a>(whole: &'a Picture, frame: &Frame) -> Cow<'a, Picture> {
    assert_eq!(whole.size, frame.whole, "a frame is cut from a picture of its scale");
    if frame.is_whole() {
        return Cow::Borrowed(whole);
    }
    let count = whole.channels.count();
    let row_bytes = whole.size.width as usize * count;
    let (left, kept) = (frame.left as usize * count, frame.size.width as usize * count);
    let height = frame.size.height as usize;
    let rows = whole.bytes.chunks_exact(row_bytes).skip(frame.top as usize).take(height);
    let mut bytes = Vec::with_capacity(kept * height);
    rows.for_each(|row| bytes.extend_from_slice(&row[left..left + kept]));
    Cow::Owned(Picture::new(frame.size, whole.channels, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::picture::Channels;
    use crate::{Extent, Gravity, Size};

    #[test]
    fn the_part_that_gravity_names_is_kept() {
        let picture = Picture::new(Extent::new(4, 2), Channels::Grey, b"abcdefgh".to_vec());
        let kept = |gravity| {
            let frame = Size::Cover { width: 2, height: 2, gravity }.frame(picture.size);
            String::from_utf8(part(&picture, &frame).bytes.clone()).unwrap()
        };
        assert_eq!(kept(Gravity::West), "abef");
        assert_eq!(kept(Gravity::Centre), "bcfg");
        assert_eq!(kept(Gravity::NorthEast), "cdgh");
        let rows = |gravity| {
            let frame = Size::Cover { width: 4, height: 1, gravity }.frame(picture.size);
            String::from_utf8(part(&picture, &frame).bytes.clone()).unwrap()
        };
        assert_eq!((rows(Gravity::North), rows(Gravity::South)), ("abcd".into(), "efgh".into()));
    }
}
