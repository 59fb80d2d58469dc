//! Owns the way to libjpeg-turbo's decoder, through TurboJPEG: a handle for each file and none after it. A handle that has
//! failed in a header goes on there with the next file, and one file's tables are there for the next that brings none.
//!
//! Says what TurboJPEG's codes say, and its text is for people. A decoder stops at its first warning: were it to go on, a
//! failure after it would be told as a warning too.
#![expect(unsafe_code, reason = "libjpeg-turbo is C, and the crate's safe interface hides the code of an error")]

use std::ffi::CStr;
use std::ptr::NonNull;

use turbojpeg::libc::{c_int, c_void};
use turbojpeg::raw::{
    TJERR_TJERR_WARNING, TJINIT_TJINIT_DECOMPRESS, TJPARAM_TJPARAM_JPEGHEIGHT, TJPARAM_TJPARAM_JPEGWIDTH,
    TJPARAM_TJPARAM_STOPONWARNING, TJPARAM_TJPARAM_SUBSAMP, tj3Decompress8, tj3DecompressHeader, tj3DecompressToYUV8, tj3Destroy, tj3Get,
    tj3GetErrorCode, tj3GetErrorStr, tj3Init, tj3Set, tj3SetScalingFactor, tjscalingfactor,
};
use turbojpeg::{DecompressHeader, Image, ScalingFactor, Subsamp, YuvImage, yuv_pixels_len};

/// Why a picture was not drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Something is odd that libjpeg would go on after. What it is the code does not say.
    Warning,
    /// In libjpeg's words.
    Failure(String),
}

/// A file, what its header says, and how many times smaller it is to be drawn.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a [u8],
    pub(super) header: DecompressHeader,
    pub(super) factor: ScalingFactor,
}

impl Source<'_> {
    /// Draws interleaved pixels, as large as the scaled header says.
    pub(super) fn draw_pixels(&self, image: Image<&mut [u8]>) -> Result<(), Trouble> {
        let scaled = self.header.scaled(self.factor);
        assert_eq!((image.width, image.height), (scaled.width, scaled.height), "the picture has its size");
        let row_bytes = image.width * image.format.size();
        assert!(image.pitch == row_bytes && image.pixels.len() == row_bytes * image.height, "the pixels fit");
        let handle = Handle::open(self)?;
        let pitch = c_int::try_from(image.pitch).map_err(too_large)?;
        // SAFETY: the file is as long as it says; TurboJPEG writes `height` rows of `pitch` bytes, which were checked to be
        // there, for the header that it reads is the one that they were made for: `open` has compared them.
        let outcome = unsafe {
            let pixels = image.pixels.as_mut_ptr();
            tj3Decompress8(handle.pointer(), self.file.as_ptr(), self.file.len() as u64, pixels, pitch, image.format as c_int)
        };
        handle.check(outcome)
    }

    /// Draws planes, one after the other without padding, each as large as the scaled header says.
    pub(super) fn draw_planes(&self, image: YuvImage<&mut [u8]>) -> Result<(), Trouble> {
        let DecompressHeader { width, height, subsamp, .. } = self.header.scaled(self.factor);
        let length = yuv_pixels_len(width, 1, height, subsamp).map_err(|error| Trouble::Failure(error.to_string()))?;
        assert_eq!((image.align, image.pixels.len()), (1, length), "the planes have their sizes");
        let handle = Handle::open(self)?;
        // SAFETY: the file is as long as it says; TurboJPEG writes as many bytes as `yuv_pixels_len` says, for the header that
        // it reads is the one that they were made for: `open` has compared them.
        let outcome = unsafe {
            let planes = image.pixels.as_mut_ptr();
            tj3DecompressToYUV8(handle.pointer(), self.file.as_ptr(), self.file.len() as u64, planes, 1)
        };
        handle.check(outcome)
    }
}

fn too_large(error: std::num::TryFromIntError) -> Trouble {
    Trouble::Failure(error.to_string())
}

/// TurboJPEG's state for one file.
struct Handle(NonNull<c_void>);

impl Handle {
    /// Begins a file: reads its header, which has to be the expected one, and sets the scale.
    fn open(source: &Source<'_>) -> Result<Self, Trouble> {
        // SAFETY: takes no pointer.
        let handle = unsafe { tj3Init(TJINIT_TJINIT_DECOMPRESS as c_int) };
        let handle = Self(NonNull::new(handle).ok_or_else(|| Trouble::Failure("no decoder".into()))?);
        // SAFETY: takes no pointer but the handle.
        let outcome = unsafe { tj3Set(handle.pointer(), TJPARAM_TJPARAM_STOPONWARNING as c_int, 1) };
        handle.check(outcome)?;
        // SAFETY: the file is as long as it says.
        let outcome = unsafe {
            tj3DecompressHeader(handle.pointer(), source.file.as_ptr(), source.file.len() as u64)
        };
        handle.check(outcome)?;
        let DecompressHeader { width, height, subsamp, .. } = source.header;
        let expected = [(TJPARAM_TJPARAM_JPEGWIDTH, width), (TJPARAM_TJPARAM_JPEGHEIGHT, height)];
        let same_subsamp = subsamp == Subsamp::Unknown || handle.get(TJPARAM_TJPARAM_SUBSAMP) == subsamp as c_int;
        let is_same = |&(parameter, side): &(_, usize)| usize::try_from(handle.get(parameter)) == Ok(side);
        if !same_subsamp || !expected.iter().all(is_same) {
            return Err(Trouble::Failure("a header that changes".into()));
        }
        let side = |number: usize| c_int::try_from(number).map_err(too_large);
        let factor = tjscalingfactor { num: side(source.factor.num())?, denom: side(source.factor.denom())? };
        // SAFETY: takes no pointer but the handle.
        let outcome = unsafe { tj3SetScalingFactor(handle.pointer(), factor) };
        handle.check(outcome)?;
        Ok(handle)
    }

    fn pointer(&self) -> *mut c_void {
        self.0.as_ptr()
    }

    fn get(&self, parameter: turbojpeg::raw::TJPARAM) -> c_int {
        // SAFETY: takes no pointer but the handle.
        unsafe { tj3Get(self.pointer(), parameter as c_int) }
    }

    /// What a call's `outcome` means.
    fn check(&self, outcome: c_int) -> Result<(), Trouble> {
        if outcome == 0 {
            return Ok(());
        }
        // SAFETY: takes no pointer but the handle.
        if unsafe { tj3GetErrorCode(self.pointer()) } == TJERR_TJERR_WARNING as c_int {
            return Err(Trouble::Warning);
        }
        // SAFETY: the text is the handle's own, ends with a zero, and is copied before the next call.
        let text = unsafe { CStr::from_ptr(tj3GetErrorStr(self.pointer())) };
        Err(Trouble::Failure(text.to_string_lossy().into_owned()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tj3Init` and is used by nobody afterwards.
        unsafe { tj3Destroy(self.pointer()) };
    }
}
