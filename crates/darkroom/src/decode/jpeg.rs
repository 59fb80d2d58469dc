//! Owns JPEG decoding by libjpeg-turbo, and its opinion of what libjpeg only warns about: missing data is
//! `truncated`, wrong data is `corrupt`, stray bytes and odd but harmless headers pass.

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::jpeg_markers::{Markers, walk};
use super::{Decoded, check_size, orientation_of};
use crate::picture::{Channels, Picture};
use crate::{Limits, RenderError};

/// Scans of a progressive file. Encoders write about ten; each scan costs a pass over all coefficients.
const SCANS_MAX: u32 = 100;

pub(super) fn decode(file: &[u8], limits: &Limits) -> Result<Decoded, RenderError> {
    let markers = walk(file).or_else(|error| {
        // A bomb that is also cut short is refused for its size: that needs no more of the file.
        announced_size(file).map_or(Ok(()), |size| check_size(size, limits))?;
        Err(error)
    })?;
    let Some(size) = markers.size else {
        return Err(RenderError::corrupt("no frame header"));
    };
    check_size(size, limits)?;
    if markers.precision != 8 {
        return Err(RenderError::unsupported("JPEG samples of other than 8 bits"));
    }
    let picture = pixels(file, &markers, limits)?;
    Ok(Decoded { picture, orientation: orientation_of(markers.exif), icc: markers.icc(limits) })
}

fn announced_size(file: &[u8]) -> Option<(u32, u32)> {
    let header = Decompressor::new().ok()?.read_header(file).ok()?;
    Some((u32::try_from(header.width).ok()?, u32::try_from(header.height).ok()?))
}

fn pixels(file: &[u8], markers: &Markers<'_>, limits: &Limits) -> Result<Picture, RenderError> {
    let mut decompressor = Decompressor::new().map_err(|error| failed(&error))?;
    decompressor.set_scan_limit(SCANS_MAX).map_err(|error| failed(&error))?;
    let header = decompressor.read_header(file).map_err(|error| failed(&error))?;
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let size = (side(header.width), side(header.height));
    check_size(size, limits)?;

    let (format, channels) = match header.colorspace {
        Colorspace::Gray => (PixelFormat::GRAY, Channels::Grey),
        Colorspace::RGB | Colorspace::YCbCr => (PixelFormat::RGB, Channels::Rgb),
        Colorspace::CMYK | Colorspace::YCCK => (PixelFormat::CMYK, Channels::Cmyk),
    };
    let pitch = header.width * channels.count();
    let mut bytes = vec![0; pitch * header.height];
    let image =
        Image { pixels: bytes.as_mut_slice(), width: header.width, pitch, height: header.height, format };
    match decompressor.decompress(file, image) {
        Err(error) if !is_harmless(&error) => return Err(failed(&error)),
        _ => {}
    }
    if channels == Channels::Cmyk && markers.adobe {
        bytes.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    Ok(Picture::new(size, channels, bytes))
}

/// libjpeg reports a warning as an error after it has decoded the whole picture.
fn is_harmless(error: &turbojpeg::Error) -> bool {
    let message = error.to_string();
    ["extraneous bytes before marker", "unknown JFIF revision", "Unknown Adobe color transform"]
        .iter()
        .any(|harmless| message.contains(harmless))
}

fn failed(error: &turbojpeg::Error) -> RenderError {
    let message = error.to_string();
    let says = |part: &str| message.contains(part);
    if says("Premature end") || says("premature end") {
        RenderError::truncated("scan data is missing")
    } else if says("Insufficient memory") || says("Memory allocation") {
        RenderError::OutOfMemory("the JPEG decoder".into())
    } else if says("Unsupported") || says("not supported") || says("not implemented") {
        RenderError::unsupported(message)
    } else {
        RenderError::corrupt(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use turbojpeg::{Compressor, Subsamp};

    fn sample(configure: impl FnOnce(&mut Compressor)) -> Vec<u8> {
        let pixels: Vec<u8> = (0..96 * 80 * 3).map(|i| (i * i / 97 % 256) as u8).collect();
        let mut compressor = Compressor::new().unwrap();
        compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
        configure(&mut compressor);
        let image =
            Image { pixels: &pixels[..], width: 96, pitch: 288, height: 80, format: PixelFormat::RGB };
        compressor.compress_to_vec(image).unwrap()
    }

    fn kinds() -> [Vec<u8>; 2] {
        [sample(|_| ()), sample(|compressor| compressor.set_progressive(true).unwrap())]
    }

    #[test]
    fn a_cut_at_any_byte_is_truncated() {
        for file in kinds() {
            decode(&file, &Limits::DEFAULT).unwrap();
            for end in 3..file.len() {
                let error = decode(&file[..end], &Limits::DEFAULT).unwrap_err();
                assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
            }
        }
    }

    #[test]
    fn a_scan_cut_short_under_a_proper_end_is_truncated() {
        let file = sample(|_| ());
        let scan = file.windows(2).position(|pair| pair == [0xff, SOS]).unwrap() + 14;
        for end in (scan + 1..file.len() - 8).step_by(17) {
            let mut cut = file[..end].to_vec();
            if cut.last() == Some(&0xff) {
                cut.pop();
            }
            cut.extend([0xff, 0xd9]);
            let error = decode(&cut, &Limits::DEFAULT).unwrap_err();
            assert!(matches!(error, RenderError::Truncated(_)), "cut at {end}: {error}");
        }
    }

    const SOS: u8 = 0xda;

    #[test]
    fn stray_bytes_before_the_end_and_behind_it_are_harmless() {
        let mut file = sample(|_| ());
        let end = file.len() - 2;
        file.splice(end..end, [0; 9]);
        file.extend(b"a video, perhaps");
        decode(&file, &Limits::DEFAULT).unwrap();
    }

    #[test]
    fn a_header_beyond_the_limits_is_refused_unread() {
        let mut file = sample(|_| ());
        let sof = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        file[sof + 5..sof + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
        let error = decode(&file, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::PixelsTooMany { .. }), "{error}");
        file[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xff, 0x00, 0x01]);
        let error = decode(&file, &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, RenderError::DimensionsTooLarge { .. }), "{error}");
    }

    #[test]
    fn inks_of_adobe_are_inverted() {
        let ink = [30u8, 60, 90, 20].repeat(64);
        let mut compressor = Compressor::new().unwrap();
        compressor.set_quality(100).unwrap();
        compressor.set_subsamp(Subsamp::None).unwrap();
        let image = Image { pixels: &ink[..], width: 8, pitch: 32, height: 8, format: PixelFormat::CMYK };
        let file = compressor.compress_to_vec(image).unwrap();
        let decoded = decode(&file, &Limits::DEFAULT).unwrap();
        assert_eq!(decoded.picture.channels, Channels::Cmyk);
        // libjpeg marks its CMYK files as Adobe's.
        let near = |a: u8, b: u8| a.abs_diff(b) <= 3;
        assert!(near(decoded.picture.bytes[0], 225), "{:?}", &decoded.picture.bytes[..4]);
    }
}
