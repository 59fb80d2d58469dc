//! Owns the way from a picture at a rendition's scale to the rendition's file: cut, lay on the background, sharpen,
//! encode, say the rights, in this order.

use std::borrow::Cow;

use crate::picture::{Channels, Picture};
use crate::rights::Rights;
use crate::{
    Alpha, Encoded, Format, RenderError, Rendition, SourceInfo, crop, embed, encode, flatten, sharpen,
};

/// What is known of an original when its renditions are finished.
pub(crate) struct Original {
    pub(crate) source: SourceInfo,
    /// What every rendition says again.
    pub(crate) rights: Option<Rights>,
}

/// Makes the file of one rendition from the upright sRGB picture at its scale.
pub(crate) fn finish(
    picture: &Picture,
    original: &Original,
    rendition: &Rendition,
) -> Result<Encoded, RenderError> {
    if rendition.program.is_some() {
        return Err(RenderError::unsupported("a rendition that a program makes"));
    }
    let source = original.source;
    let frame = rendition.size.frame(source.width, source.height);
    let alpha = if picture.channels == Channels::Rgba { Alpha::Sheer } else { Alpha::Opaque };
    let format = rendition.format.format(source.format, alpha);
    let mut picture = crop::part(picture, &frame);
    if format == Format::Jpeg && alpha == Alpha::Sheer {
        picture = Cow::Owned(flatten::on(rendition.background, picture.into_owned()));
    }
    if let Some(sharpen) = rendition.sharpen {
        picture = Cow::Owned(sharpen::sharpened(picture.into_owned(), sharpen));
    }
    let mut bytes = encode::encode(&picture, format, rendition.quality)?;
    if let Some(rights) = &original.rights {
        bytes = embed::exif(&bytes, format, &rights.to_block(), (frame.width, frame.height));
    }
    Ok(Encoded { name: rendition.name.clone(), format, width: frame.width, height: frame.height, bytes })
}
