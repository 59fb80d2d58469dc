//! Owns the worker's view of the memory that it shares with its station: the original, mapped so that it can only be
//! read, and the renditions' room. Also the one place that closes descriptors by number. Everything unsafe of the
//! worker is here.

#![expect(unsafe_code, reason = "mapping memory and closing inherited descriptors cannot be said safely")]

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::{self, NonNull};

use rustix::fs::fstat;
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// stdin, stdout, stderr.
const KNOWN_DESCRIPTORS: i32 = 3;

/// Both mappings. They last as long as the process.
pub(super) struct Memory {
    input: Mapping,
    output: Mapping,
}

struct Mapping {
    at: NonNull<u8>,
    bytes: usize,
}

impl Memory {
    /// Maps both files whole and closes them: mappings need no descriptor.
    pub(super) fn map(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        let input = Mapping::new(&input, ProtFlags::READ)?;
        let output = Mapping::new(&output, ProtFlags::READ | ProtFlags::WRITE)?;
        Ok(Self { input, output })
    }

    /// Address space that the mappings take.
    pub(super) fn bytes(&self) -> u64 {
        self.input.bytes as u64 + self.output.bytes as u64
    }

    /// The first `bytes` bytes of the original; `None` if there is no room for so many.
    pub(super) fn input(&self, bytes: u64) -> Option<&[u8]> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= self.input.bytes)?;
        // SAFETY: `at` starts a live mapping of at least `bytes` readable bytes that is never unmapped. The file is
        // sealed against shrinking, so that no read faults. Nobody writes while the slice lives: this process has
        // no writable mapping or description of the file, and the station writes only before it asks and not again
        // until it has the answer, which is sent after the slice's last use.
        Some(unsafe { std::slice::from_raw_parts(self.input.at.as_ptr(), bytes) })
    }

    /// Copies `bytes` to `at` of the renditions' room and returns the end; `None` if it is too small.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) -> Option<usize> {
        let end = at.checked_add(bytes.len()).filter(|end| *end <= self.output.bytes)?;
        // SAFETY: `at..end` lies within a live, writable mapping (just checked; never unmapped; the file is sealed
        // against shrinking). `bytes` cannot overlap it: no reference into the mapping is ever given out.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.output.at.as_ptr().add(at), bytes.len()) };
        Some(end)
    }
}

impl Mapping {
    fn new(file: &OwnedFd, protection: ProtFlags) -> io::Result<Self> {
        let bytes = usize::try_from(fstat(file)?.st_size).map_err(io::Error::other)?;
        // SAFETY: the kernel chooses the address, so that no existing memory is replaced; the mapping is handed out
        // by the methods above only, within its bounds.
        let at = unsafe { mmap(ptr::null_mut(), bytes, protection, MapFlags::SHARED, file, 0) }?;
        let at = NonNull::new(at.cast()).ok_or_else(|| io::Error::other("a mapping at address zero"))?;
        Ok(Self { at, bytes })
    }
}

/// Closes every descriptor but stdin, stdout and stderr: another library of the station may have forgotten to.
/// To be called first in `main`.
pub(super) fn close_inherited() -> io::Result<()> {
    let names =
        std::fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let open: Vec<i32> = names.filter_map(|name| name.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number >= KNOWN_DESCRIPTORS) {
        // SAFETY: nothing in this process owns the descriptor: `main` has only begun, there is one thread, and the
        // folder that listed the numbers is closed already, by number at most once more (which fails, harmlessly).
        unsafe { rustix::io::close(number) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::worker::shared::Shared;

    #[test]
    fn the_station_and_the_worker_see_the_same_bytes_within_bounds() {
        let (input, output) = (Shared::create("in", 8192).unwrap(), Shared::create("out", 4096).unwrap());
        let writable = output.as_fd().try_clone_to_owned().unwrap();
        let mut memory = Memory::map(input.read_only().unwrap(), writable).unwrap();
        assert_eq!(memory.bytes(), 12_288);
        input.fill(&[b"original"]).unwrap();
        assert_eq!(memory.input(8), Some(&b"original"[..]));
        assert_eq!(memory.input(8193), None);
        let end = memory.put(0, b"one").and_then(|end| memory.put(end, b"two"));
        assert_eq!(end, Some(6));
        assert_eq!(output.read(0, 6).unwrap(), b"onetwo");
        assert_eq!(memory.put(4095, b"xx"), None);
        assert_eq!(memory.put(usize::MAX, b"x"), None);
    }

    #[test]
    fn a_read_only_description_cannot_be_mapped_for_writing() {
        let input = Shared::create("in", 4096).unwrap();
        assert!(Mapping::new(&input.read_only().unwrap(), ProtFlags::READ | ProtFlags::WRITE).is_err());
    }
}
