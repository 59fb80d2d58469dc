//! Owns where a rendition lies in its picture: how far the picture is shrunk, and which part of it is kept. Arithmetic
//! on whole pixels only; knows nothing about how pixels are stored.

use serde::{Deserialize, Serialize};

use super::extent::Extent;

/// How large a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// The whole picture, its longer side of so many pixels.
    LongerSide(u32),
    /// The whole picture, as large as fits into a box.
    Contain {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The part of the picture that fills a box.
    Cover {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Which part is kept.
        gravity: Gravity,
    },
}

/// Which part of a picture is kept where not all of it fits: the side or corner that stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gravity {
    /// The middle.
    #[default]
    Centre,
    /// The upper edge.
    North,
    /// The upper right corner.
    NorthEast,
    /// The right edge.
    East,
    /// The lower right corner.
    SouthEast,
    /// The lower edge.
    South,
    /// The lower left corner.
    SouthWest,
    /// The left edge.
    West,
    /// The upper left corner.
    NorthWest,
}

/// A rendition's place: the picture is shrunk to `whole`, then the part at `left`, `top` is kept.
///
/// `whole` is never larger than the picture, the part never larger than `whole`, and no side is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The whole picture at the rendition's scale.
    pub whole: Extent,
    /// Pixels of `whole` left of the kept part.
    pub left: u32,
    /// Pixels of `whole` above the kept part.
    pub top: u32,
    /// How large the kept part is, and so the rendition.
    pub size: Extent,
}

impl Frame {
    fn all(whole: Extent) -> Frame {
        Frame { whole, left: 0, top: 0, size: whole }
    }

    /// Whether the rendition is the whole picture.
    pub fn is_whole(&self) -> bool {
        self.whole == self.size
    }
}

impl Size {
    /// The most pixels that a rendition of this size has, whatever its picture.
    pub fn pixels_max(self) -> u64 {
        match self {
            Size::LongerSide(side) => Extent::new(side, side).pixels(),
            Size::Contain { width, height } | Size::Cover { width, height, .. } => {
                Extent::new(width, height).pixels()
            }
        }
    }

    /// Where this rendition of an upright picture lies.
    ///
    /// Sides are rounded to the nearest pixel, at least one, and nothing is ever enlarged. A picture that does not
    /// cover its box is not scaled: the largest part of the box's shape is kept as it is.
    pub fn frame(self, picture: Extent) -> Frame {
        let picture = picture.around(Extent::PIXEL);
        match self {
            Size::LongerSide(side) => Frame::all(contained(picture, Extent::new(side, side))),
            Size::Contain { width, height } => Frame::all(contained(picture, Extent::new(width, height))),
            Size::Cover { width, height, gravity } => covering(picture, Extent::new(width, height), gravity),
        }
    }
}

/// The largest size of the picture's shape within the box and the picture.
fn contained(picture: Extent, bounds: Extent) -> Extent {
    let bounds = bounds.around(Extent::PIXEL);
    if picture.fits_into(bounds) {
        picture
    } else if is_wider(picture, bounds) {
        Extent::new(bounds.width, scaled(picture.height, bounds.width, picture.width))
    } else {
        Extent::new(scaled(picture.width, bounds.height, picture.height), bounds.height)
    }
}

fn covering(picture: Extent, bounds: Extent, gravity: Gravity) -> Frame {
    let bounds = bounds.around(Extent::PIXEL);
    let wider = is_wider(picture, bounds);
    let (whole, kept) = if bounds.fits_into(picture) {
        let whole = match wider {
            true => Extent::new(scaled(picture.width, bounds.height, picture.height), bounds.height),
            false => Extent::new(bounds.width, scaled(picture.height, bounds.width, picture.width)),
        };
        (whole, bounds)
    } else {
        let kept = match wider {
            true => Extent::new(scaled(picture.height, bounds.width, bounds.height), picture.height),
            false => Extent::new(picture.width, scaled(picture.width, bounds.height, bounds.width)),
        };
        (picture, kept)
    };
    // The exact quotients are within these bounds, and rounding does not leave them.
    let size = kept.within(whole);
    let (across, down) = gravity.halves();
    let left = (whole.width - size.width) * across / 2;
    let top = (whole.height - size.height) * down / 2;
    Frame { whole, left, top, size }
}

/// Whether the first is at least as wide for its height as the second.
fn is_wider(first: Extent, second: Extent) -> bool {
    u64::from(first.width) * u64::from(second.height) >= u64::from(second.width) * u64::from(first.height)
}

/// `side * to / from`, rounded to the nearest, at least 1.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from));
    u32::try_from((side * to * 2 + from) / (from * 2)).unwrap_or(u32::MAX).max(1)
}

impl Gravity {
    /// How many halves of what is cut off are cut off left and above.
    fn halves(self) -> (u32, u32) {
        match self {
            Gravity::NorthWest => (0, 0),
            Gravity::North => (1, 0),
            Gravity::NorthEast => (2, 0),
            Gravity::West => (0, 1),
            Gravity::Centre => (1, 1),
            Gravity::East => (2, 1),
            Gravity::SouthWest => (0, 2),
            Gravity::South => (1, 2),
            Gravity::SouthEast => (2, 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(size: Size, width: u32, height: u32) -> (u32, u32) {
        let made = size.frame(Extent::new(width, height)).size;
        (made.width, made.height)
    }

    fn cover(width: u32, height: u32, gravity: Gravity) -> Size {
        Size::Cover { width, height, gravity }
    }

    #[test]
    fn sizes_keep_the_aspect_and_never_grow() {
        assert_eq!(size(Size::LongerSide(2048), 4000, 3000), (2048, 1536));
        assert_eq!(size(Size::LongerSide(320), 3000, 4000), (240, 320));
        assert_eq!(size(Size::LongerSide(320), 200, 100), (200, 100));
        assert_eq!(size(Size::LongerSide(320), 16_384, 1), (320, 1));
        assert_eq!(size(Size::Contain { width: 800, height: 600 }, 4000, 1000), (800, 200));
        assert_eq!(size(Size::Contain { width: 800, height: 600 }, 1000, 4000), (150, 600));
    }

    #[test]
    fn a_cover_fills_its_box_from_the_side_it_is_told() {
        let frame = |gravity| cover(400, 400, gravity).frame(Extent::new(4000, 3000));
        let (whole, size) = (Extent::new(533, 400), Extent::new(400, 400));
        let expected = |left| Frame { whole, left, top: 0, size };
        assert_eq!(frame(Gravity::Centre), expected(66));
        assert_eq!(frame(Gravity::West), expected(0));
        assert_eq!(frame(Gravity::SouthEast), expected(133));
        let tall = cover(400, 200, Gravity::South).frame(Extent::new(1000, 2000));
        let (whole, size) = (Extent::new(400, 800), Extent::new(400, 200));
        assert_eq!(tall, Frame { whole, left: 0, top: 600, size });
    }

    #[test]
    fn a_picture_that_does_not_cover_its_box_is_cut_to_the_boxs_shape() {
        assert_eq!(size(cover(600, 400, Gravity::Centre), 500, 500), (500, 333));
        assert_eq!(size(cover(600, 400, Gravity::Centre), 2000, 300), (450, 300));
        assert_eq!(size(cover(600, 400, Gravity::Centre), 300, 200), (300, 200));
        assert_eq!(size(cover(16_000, 1, Gravity::Centre), 300, 200), (300, 1));
    }

    fn any_size() -> impl Strategy<Value = Size> {
        let gravity = prop_oneof![
            Just(Gravity::Centre),
            Just(Gravity::North),
            Just(Gravity::NorthEast),
            Just(Gravity::SouthWest)
        ];
        let side = || prop_oneof![1u32..=40, 1u32..=16_384];
        prop_oneof![
            side().prop_map(Size::LongerSide),
            (side(), side()).prop_map(|(width, height)| Size::Contain { width, height }),
            (side(), side(), gravity).prop_map(|(width, height, gravity)| cover(width, height, gravity)),
        ]
    }

    fn any_side() -> impl Strategy<Value = u32> {
        prop_oneof![1u32..=40, 1u32..=16_384]
    }

    proptest! {
        #[test]
        fn the_longer_side_is_exact_and_the_other_within_half_a_pixel(
            width in any_side(), height in any_side(), target in 1u32..4096,
        ) {
            let (w, h) = size(Size::LongerSide(target), width, height);
            prop_assert_eq!(w.max(h), target.min(width.max(height)));
            let exact = f64::from(width.min(height)) * f64::from(w.max(h)) / f64::from(width.max(height));
            prop_assert!((f64::from(w.min(h)) - exact).abs() <= 0.5 || w.min(h) == 1);
        }

        #[test]
        fn a_frame_is_never_enlarged_never_empty_and_within_its_picture(
            size in any_size(), width in any_side(), height in any_side(),
        ) {
            let Frame { whole, left, top, size: kept } = size.frame(Extent::new(width, height));
            prop_assert!(whole.fits_into(Extent::new(width, height)));
            prop_assert!(Extent::PIXEL.fits_into(kept));
            prop_assert!(left + kept.width <= whole.width && top + kept.height <= whole.height);
            prop_assert!(kept.pixels() <= size.pixels_max());
        }

        /// Whichever renditions a plan has, sorted by their pixels each can be made of the one before.
        #[test]
        fn of_two_frames_of_a_picture_the_smaller_fits_into_the_larger(
            one in any_size(), other in any_size(), width in any_side(), height in any_side(),
        ) {
            let [a, b] = [one, other].map(|size| size.frame(Extent::new(width, height)).whole);
            let (large, small) = if a.pixels() >= b.pixels() { (a, b) } else { (b, a) };
            prop_assert!(small.fits_into(large), "{large:?} {small:?}");
        }

        #[test]
        fn a_covered_box_is_filled_exactly(
            box_width in 1u32..500, box_height in 1u32..500, more in 0u32..3000, further in 0u32..3000,
        ) {
            let made = size(cover(box_width, box_height, Gravity::Centre), box_width + more, box_height + further);
            prop_assert_eq!(made, (box_width, box_height));
        }
    }
}
