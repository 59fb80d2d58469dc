//! Owns what is behind a picture that is not opaque, where its file knows no alpha.

use crate::raster::picture::{Channels, Picture};

/// Lays an RGBA picture on `background`; others are returned as they are. Mixes in sRGB, as browsers do.
pub(crate) fn on(background: [u8; 3], picture: Picture) -> Picture {
    if picture.channels != Channels::Rgba {
        return picture;
    }
    let laid = |pixel: &[u8]| [0, 1, 2].map(|channel| mixed(pixel[channel], background[channel], pixel[3]));
    let bytes = picture.bytes.chunks_exact(4).flat_map(laid).collect();
    Picture::new(picture.size, Channels::Rgb, bytes)
}

fn mixed(front: u8, back: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    let sum = u32::from(front) * alpha + u32::from(back) * (255 - alpha);
    u8::try_from((sum + 127) / 255).expect("a mean of bytes is a byte")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extent;

    #[test]
    fn what_is_sheer_shows_the_background_through() {
        let bytes = vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 255, 100, 128];
        let flat = on([255, 0, 100], Picture::new(Extent::new(3, 1), Channels::Rgba, bytes));
        assert_eq!(flat.channels, Channels::Rgb);
        assert_eq!(flat.bytes, [10, 20, 30, 255, 0, 100, 127, 128, 100]);
    }

    #[test]
    fn an_opaque_picture_is_left_alone() {
        let picture = Picture::new(Extent::PIXEL, Channels::Rgb, vec![1, 2, 3]);
        assert_eq!(on([255; 3], picture.clone()), picture);
    }
}
