//! Owns lossy WebP from planes: libwebp is handed luma and chroma as they are, instead of pixels that it would have to
//! take apart again. Its safe wrapper takes pixels only, hence the one module that calls C.

#![expect(unsafe_code, reason = "the `webp` crate has no way to encode planes")]

use libwebp_sys::{
    WebPConfig, WebPEncode, WebPEncodingError, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear,
    WebPMemoryWriterInit, WebPPicture,
};
use std::mem::MaybeUninit;

/// Luma and two chroma planes of 4:2:0 in the limited range of BT.601, rows without padding.
pub(crate) struct Video {
    pub(crate) size: (u32, u32),
    pub(crate) luma: Vec<u8>,
    pub(crate) chroma: [Vec<u8>; 2],
}

/// Encodes planes. The planes' lengths fit their size, otherwise it panics.
pub(crate) fn encode(video: &mut Video, config: &WebPConfig) -> Result<Vec<u8>, WebPEncodingError> {
    let (width, height) = (video.size.0 as usize, video.size.1 as usize);
    let (across, down) = (width.div_ceil(2), height.div_ceil(2));
    assert_eq!(video.luma.len(), width * height, "luma has a sample for each pixel");
    assert!(video.chroma.iter().all(|plane| plane.len() == across * down), "chroma has one for each four");
    let bad = |_| WebPEncodingError::VP8_ENC_ERROR_BAD_DIMENSION;
    let side = |pixels: usize| i32::try_from(pixels).map_err(bad);

    let version = |()| WebPEncodingError::VP8_ENC_ERROR_INVALID_CONFIGURATION;
    let mut picture = WebPPicture::new().map_err(version)?;
    let mut writer = MaybeUninit::<WebPMemoryWriter>::zeroed();
    // SAFETY: the structure is numbers and pointers, valid as zeros already; the function is given one of its own.
    let mut writer = unsafe {
        WebPMemoryWriterInit(writer.as_mut_ptr());
        writer.assume_init()
    };
    picture.use_argb = 0;
    (picture.width, picture.height) = (side(width)?, side(height)?);
    (picture.y_stride, picture.uv_stride) = (side(width)?, side(across)?);
    picture.y = video.luma.as_mut_ptr();
    picture.u = video.chroma[0].as_mut_ptr();
    picture.v = video.chroma[1].as_mut_ptr();
    picture.writer = Some(WebPMemoryWrite);
    picture.custom_ptr = (&raw mut writer).cast();
    // SAFETY: the planes are borrowed for writing until this function returns and hold `height` rows of `y_stride`
    // and half as many of `uv_stride`, as asserted; without alpha libwebp reads no other plane. The writer is what
    // `WebPMemoryWrite` expects and outlives the call. Both structures are only used by this thread.
    let done = unsafe { WebPEncode(config, &raw mut picture) } != 0;
    let bytes = if done && !writer.mem.is_null() {
        // SAFETY: the writer has written `size` bytes to the memory that it owns until it is cleared below.
        unsafe { std::slice::from_raw_parts(writer.mem, writer.size) }.to_vec()
    } else {
        Vec::new()
    };
    // SAFETY: the writer was initialised above and is not used after this. The picture owns no memory: its planes are
    // ours, and encoding planes allocates nothing that outlives the call.
    unsafe { WebPMemoryWriterClear(&raw mut writer) };
    if done { Ok(bytes) } else { Err(picture.error_code) }
}
