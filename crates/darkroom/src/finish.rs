//! Owns the way from a picture at a rendition's scale to the rendition's file: cut, lay on the background, sharpen,
//! encode, say the rights, in this order. A program of the operator's gets its pixels as they are before they are encoded.

use std::borrow::Cow;

use crate::formats::encode::Encoder;
use crate::raster::picture::{Channels, Picture};
use crate::raster::{crop, flatten, sharpen};
use crate::rights::{Rights, embed};
use crate::{Alpha, Encoded, Extent, Format, ProgramInput, RenderError, Rendition, SourceInfo, pam_header};

/// What is known of an original when its renditions are finished.
pub(crate) struct Original {
    pub(crate) source: SourceInfo,
    /// What every rendition says again.
    pub(crate) rights: Option<Rights>,
}

impl Original {
    /// Says the original's rights in the file of a rendition of `size`, where they are kept.
    pub(crate) fn signed(&self, bytes: Vec<u8>, format: Format, size: Extent) -> Vec<u8> {
        match &self.rights {
            Some(rights) => embed::exif(&bytes, format, &rights.to_block(), size),
            None => bytes,
        }
    }
}

/// Makes the file of one rendition from the upright sRGB picture at its scale; of one that a program makes of pixels, the
/// PAM file that the program reads. What a program makes of the original is none of ours.
pub(crate) fn finish(
    picture: &Picture,
    original: &Original,
    rendition: &Rendition,
    encoder: &mut Encoder,
) -> Result<Encoded, RenderError> {
    let input = rendition.program.as_ref().map(|program| program.input);
    if input == Some(ProgramInput::Original) {
        return Err(RenderError::unsupported("a rendition that a program makes of the original"));
    }
    let source = original.source;
    let frame = rendition.size.frame(source.size());
    let alpha = if picture.channels == Channels::Rgba { Alpha::Sheer } else { Alpha::Opaque };
    let format = rendition.format.format(source.format, alpha);
    let mut picture = crop::part(picture, &frame);
    if format == Format::Jpeg && alpha == Alpha::Sheer {
        picture = Cow::Owned(flatten::on(rendition.background, picture.into_owned()));
    }
    if let Some(sharpen) = rendition.sharpen {
        picture = Cow::Owned(sharpen::sharpened(picture.into_owned(), sharpen));
    }
    let bytes = if input == Some(ProgramInput::Pixels) {
        let header = pam_header(picture.size.width, picture.size.height, picture.channels.count());
        [&header, &picture.bytes[..]].concat()
    } else {
        let bytes = encoder.encode(&picture, format, rendition.quality)?;
        original.signed(bytes, format, frame.size)
    };
    let Extent { width, height } = frame.size;
    Ok(Encoded { name: rendition.name.clone(), format, width, height, bytes })
}
