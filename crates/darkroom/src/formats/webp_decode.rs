//! Owns the decoding of WebP's pixels by libwebp, as browsers decode them. Is handed one frame without its container, so
//! that nothing else of a file reaches C.

#![expect(unsafe_code, reason = "libwebp is C")]

use libwebp_sys::{
    VP8StatusCode, WEBP_CSP_MODE, WebPBitstreamFeatures, WebPDecBuffer__bindgen_ty_1, WebPDecode,
    WebPDecoderConfig, WebPGetFeatures, WebPRGBABuffer,
};
use std::mem::MaybeUninit;

use crate::raster::picture::{Channels, Picture};
use crate::{Extent, RenderError};

/// What libwebp takes for a pixel beside the picture: two whole ones of a lossless file, or rows and alpha of a lossy one.
const PIXEL_BYTES: usize = 8;
/// And for a picture of whatever size: tables and rows.
const FILE_BYTES: usize = 8 << 20;

/// One frame: the chunk `VP8L`, or `VP8 ` and the `ALPH` before it, where there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bitstream<'a> {
    chunks: &'a [u8],
    pub(super) size: Extent,
    pub(super) has_alpha: bool,
}

impl<'a> Bitstream<'a> {
    /// Reads the header of the pixels.
    pub(super) fn open(chunks: &'a [u8]) -> Result<Self, RenderError> {
        let mut features = MaybeUninit::<WebPBitstreamFeatures>::zeroed();
        // SAFETY: the bytes are only read, before the call returns; the structure is numbers, valid as zeros already.
        let (status, features) = unsafe {
            let status = WebPGetFeatures(chunks.as_ptr(), chunks.len(), features.as_mut_ptr());
            (status, features.assume_init())
        };
        check(status)?;
        let side = |pixels: i32| u32::try_from(pixels).map_err(RenderError::corrupt);
        Ok(Self {
            chunks,
            size: Extent::new(side(features.width)?, side(features.height)?),
            has_alpha: features.has_alpha != 0,
        })
    }

    /// Decodes the pixels as RGB or RGBA; others are none of libwebp's, and it panics. The size has been checked.
    pub(super) fn pixels(&self, channels: Channels) -> Result<Picture, RenderError> {
        let colours = match channels {
            Channels::Rgb => WEBP_CSP_MODE::MODE_RGB,
            Channels::Rgba => WEBP_CSP_MODE::MODE_RGBA,
            other => unreachable!("no WebP becomes {other:?}"),
        };
        let row_bytes = self.size.width as usize * channels.count();
        let mut bytes = vec![0; row_bytes * self.size.height as usize];
        let mut config = WebPDecoderConfig::new().expect("libwebp has the version it was built with");
        config.output.colorspace = colours;
        config.output.is_external_memory = 1;
        let stride = i32::try_from(row_bytes).map_err(RenderError::corrupt)?;
        let buffer = WebPRGBABuffer { rgba: bytes.as_mut_ptr(), stride, size: bytes.len() };
        config.output.u = WebPDecBuffer__bindgen_ty_1 { RGBA: buffer };
        // SAFETY: the chunks are only read. libwebp writes rows of `stride` bytes to the buffer, whose length it is told
        // and checks; both are borrowed until the call returns. What it allocates for itself it frees before that.
        let status = unsafe { WebPDecode(self.chunks.as_ptr(), self.chunks.len(), &raw mut config) };
        // That is also its word for a header of alpha that it cannot read.
        if status == VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY && self.fits() {
            return Err(RenderError::corrupt("the alpha data contradicts its format"));
        }
        check(status)?;
        Ok(Picture::new(self.size, channels, bytes))
    }

    /// Whether there is as much memory as libwebp may need for this picture.
    fn fits(&self) -> bool {
        Vec::<u8>::new().try_reserve_exact(self.size.bytes(PIXEL_BYTES) + FILE_BYTES).is_ok()
    }
}

fn check(status: VP8StatusCode) -> Result<(), RenderError> {
    use VP8StatusCode as S;
    match status {
        S::VP8_STATUS_OK => Ok(()),
        S::VP8_STATUS_OUT_OF_MEMORY => Err(RenderError::OutOfMemory("the WebP decoder".into())),
        S::VP8_STATUS_UNSUPPORTED_FEATURE => {
            Err(RenderError::unsupported("a WebP of a kind that is not decoded"))
        }
        S::VP8_STATUS_SUSPENDED | S::VP8_STATUS_NOT_ENOUGH_DATA => {
            Err(RenderError::truncated("the pixel data ends early"))
        }
        _ => Err(RenderError::corrupt("the pixel data contradicts its format")),
    }
}
