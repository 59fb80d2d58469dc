//! Owns lossy WebP by libwebp, from pixels or from planes: planes are handed over as they are, instead of pixels that
//! libwebp would have to take apart again. There is no well-kept safe wrapper of a libwebp of today, hence the one module
//! that calls C.

#![expect(unsafe_code, reason = "libwebp is C")]

use libwebp_sys::{
    WebPConfig, WebPEncode, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear, WebPMemoryWriterInit,
    WebPPicture, WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA,
};
use std::mem::MaybeUninit;

use crate::raster::picture::{Channels, Picture};
use crate::{Extent, RenderError};

/// libwebp's own default: slower methods save 3 % for twice the time.
const METHOD: i32 = 4;
/// The format has fourteen bits for a side.
const SIDE_PIXELS_MAX: u32 = 16_383;

/// Luma and two chroma planes of 4:2:0 in the limited range of BT.601, rows without padding.
pub(crate) struct Video {
    pub(crate) size: Extent,
    pub(crate) luma: Vec<u8>,
    pub(crate) chroma: [Vec<u8>; 2],
}

/// Encodes planes. The planes' lengths fit their size, otherwise it panics.
pub(crate) fn encode_planes(video: &mut Video, quality: u8) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (video.size.width as usize, video.size.height as usize);
    let (across, down) = (width.div_ceil(2), height.div_ceil(2));
    assert_eq!(video.luma.len(), width * height, "luma has a sample for each pixel");
    assert!(video.chroma.iter().all(|plane| plane.len() == across * down), "chroma has one for each four");
    let mut page = Page::new(video.size)?;
    let picture = &mut page.picture;
    (picture.y_stride, picture.uv_stride) = (side(width)?, side(across)?);
    picture.y = video.luma.as_mut_ptr();
    picture.u = video.chroma[0].as_mut_ptr();
    picture.v = video.chroma[1].as_mut_ptr();
    // SAFETY: the planes are borrowed for writing until this function returns and hold `height` rows of `y_stride` and
    // half as many of `uv_stride`, as asserted; without alpha libwebp reads no other plane.
    unsafe { page.encode(quality) }
}

/// Encodes RGB, or RGBA with its alpha; other pixels are none for it, and it panics.
pub(crate) fn encode_pixels(source: &Picture, quality: u8) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (source.size.width as usize, source.size.height as usize);
    let import = match source.channels {
        Channels::Rgb => WebPPictureImportRGB,
        Channels::Rgba => WebPPictureImportRGBA,
        other => unreachable!("{other:?} is nothing to make a WebP of"),
    };
    let pitch = width * source.channels.count();
    assert_eq!(source.bytes.len(), pitch * height, "a picture's buffer has the picture's size");
    let mut page = Page::new(source.size)?;
    // SAFETY: the buffer holds `height` rows of `pitch` bytes, as asserted, and is only read, before this call returns.
    // The picture is initialised, and what it allocates is freed with the page.
    let imported = unsafe { import(&raw mut page.picture, source.bytes.as_ptr(), side(pitch)?) };
    if imported == 0 {
        return Err(page.failed());
    }
    // SAFETY: the planes are those that libwebp has just allocated.
    unsafe { page.encode(quality) }
}

/// A picture of libwebp's. What it allocated is freed when it goes.
struct Page {
    picture: WebPPicture,
}

impl Page {
    fn new(size: Extent) -> Result<Self, RenderError> {
        if size.longer_side() > SIDE_PIXELS_MAX {
            return Err(RenderError::unsupported("WebP has at most 16383 pixels a side"));
        }
        let mut picture = WebPPicture::new().expect("libwebp has the version it was built with");
        (picture.width, picture.height) = (size.width.cast_signed(), size.height.cast_signed());
        picture.use_argb = 0;
        Ok(Self { picture })
    }

    /// Encodes the picture's planes.
    ///
    /// # Safety
    ///
    /// The planes that the picture points to are as long as its size and strides say, and nobody else uses them.
    unsafe fn encode(&mut self, quality: u8) -> Result<Vec<u8>, RenderError> {
        let mut config = WebPConfig::new().expect("libwebp has the version it was built with");
        config.quality = f32::from(quality);
        config.method = METHOD;
        let mut writer = MaybeUninit::<WebPMemoryWriter>::zeroed();
        // SAFETY: the structure is numbers and pointers, valid as zeros already; the function is given one of its own.
        let mut writer = unsafe {
            WebPMemoryWriterInit(writer.as_mut_ptr());
            writer.assume_init()
        };
        self.picture.writer = Some(WebPMemoryWrite);
        self.picture.custom_ptr = (&raw mut writer).cast();
        // SAFETY: the planes are the caller's promise. The writer is what `WebPMemoryWrite` expects and outlives the
        // call. Both structures are only used by this thread.
        let is_done = unsafe { WebPEncode(&raw const config, &raw mut self.picture) } != 0;
        let made = if is_done && !writer.mem.is_null() {
            // SAFETY: the writer has written `size` bytes to the memory that it owns until it is cleared below.
            Ok(unsafe { std::slice::from_raw_parts(writer.mem, writer.size) }.to_vec())
        } else {
            Err(self.failed())
        };
        // SAFETY: the writer was initialised above and is not used after this.
        unsafe { WebPMemoryWriterClear(&raw mut writer) };
        made
    }

    fn failed(&self) -> RenderError {
        use libwebp_sys::WebPEncodingError as E;
        match self.picture.error_code {
            E::VP8_ENC_ERROR_OUT_OF_MEMORY | E::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY => {
                RenderError::OutOfMemory("the WebP encoder".into())
            }
            error => RenderError::corrupt(format!("the encoder refused the picture: {error:?}")),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the picture was initialised by libwebp; this frees what libwebp allocated for it and nothing of ours:
        // its own memory has a field of its own.
        unsafe { WebPPictureFree(&raw mut self.picture) };
    }
}

fn side(pixels: usize) -> Result<i32, RenderError> {
    i32::try_from(pixels).map_err(RenderError::corrupt)
}
