//! Owns the memory between a station and a worker as the station sees it: two memfds, sealed in size, filled and read
//! by position. The station never maps them: what a worker changes at a bad moment is a short or a wrong read, never
//! a fault. Also hands them over at start; knows nothing about what they hold.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    ftruncate, memfd_create, open,
};
use rustix::io::{Errno, pread, pwritev};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Pages of a memory file that stay between jobs; what one job took beyond is given back to the system after it.
const KEPT_BYTES: u64 = 8 << 20;
/// Unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// Slices that one system call takes (`IOV_MAX`).
const SLICES_MAX: usize = 1024;
const DESCRIPTORS: usize = 2;

/// A file in memory, fixed in size; pages exist once they are touched.
pub(super) struct Shared {
    file: OwnedFd,
}

impl Shared {
    pub(super) fn create(name: &str, bytes: u64) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Not executable, where the kernel knows that (6.3).
        let file = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => memfd_create(name, flags),
            other => other,
        }?;
        ftruncate(&file, bytes)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        // Who receives the file looks whether the kernel took them (`is_sealed`).
        let _ = fcntl_add_seals(&file, seals);
        Ok(Self { file })
    }

    /// The same memory through a description that cannot write, not even through a mapping.
    pub(super) fn read_only(&self) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Writes `parts` one after the other from the start.
    pub(super) fn fill<B: AsRef<[u8]>>(&self, parts: &[B]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part.as_ref())).collect();
        let mut left = slices.as_mut_slice();
        let mut at = 0;
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let count = left.len().min(SLICES_MAX);
            match pwritev(&self.file, &left[..count], at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    at += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads `bytes` bytes at `at`, each once, into memory that nobody shares.
    pub(super) fn read(&self, mut at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut read = Vec::with_capacity(bytes);
        while read.len() < bytes {
            match pread(&self.file, rustix::buffer::spare_capacity(&mut read), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => at += count as u64,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The capacity may be above what was asked for.
        read.truncate(bytes);
        Ok(read)
    }

    /// Gives back pages beyond those that are kept.
    pub(super) fn trim(&self) -> io::Result<()> {
        let stat = fstat(&self.file)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let held = u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK_BYTES;
        if held > KEPT_BYTES && size > KEPT_BYTES {
            let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&self.file, mode, KEPT_BYTES, size - KEPT_BYTES)?;
        }
        Ok(())
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Whether the size of a received file cannot change.
pub(super) fn is_sealed(file: impl AsFd) -> bool {
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK | SealFlags::GROW))
}

/// Sends a process the two descriptors that it starts with.
pub(super) fn hand_over(to: impl AsFd, files: [BorrowedFd<'_>; DESCRIPTORS]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(to, &[IoSlice::new(b"m")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives what [`hand_over`] sent.
pub(super) fn receive(from: impl AsFd) -> io::Result<[OwnedFd; DESCRIPTORS]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let files: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        })
        .flatten()
        .collect();
    files.try_into().map_err(|_| io::Error::other("the station handed over no memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_filled_in_and_read_back_each_byte_once() {
        let shared = Shared::create("test", 1 << 20).unwrap();
        let parts: Vec<Vec<u8>> = (0..3_000_u32).map(|i| vec![i as u8; (i % 7) as usize]).collect();
        shared.fill(&parts).unwrap();
        let whole = parts.concat();
        assert_eq!(shared.read(0, whole.len()).unwrap(), whole);
        assert_eq!(shared.read(5, 100).unwrap(), whole[5..105]);
        assert!(shared.read((1 << 20) - 1, 2).is_err());
        shared.fill(&[b""]).unwrap();
    }

    #[test]
    fn the_size_is_sealed_and_the_read_only_side_cannot_write() {
        let shared = Shared::create("test", 4096).unwrap();
        assert!(is_sealed(shared.read_only().unwrap()));
        assert_eq!(ftruncate(&shared, 0), Err(Errno::PERM));
        assert_eq!(ftruncate(&shared, 8192), Err(Errno::PERM));
        assert!(shared.fill(&[vec![1_u8; 4097]]).is_err());
        let read_only = shared.read_only().unwrap();
        assert_eq!(rustix::io::pwrite(&read_only, b"x", 0), Err(Errno::BADF));
    }

    #[test]
    fn what_a_large_job_took_is_given_back() {
        let shared = Shared::create("test", 32 << 20).unwrap();
        shared.fill(&[vec![1_u8; 20 << 20]]).unwrap();
        shared.trim().unwrap();
        let held = u64::try_from(fstat(&shared).unwrap().st_blocks).unwrap() * BLOCK_BYTES;
        assert!(held <= KEPT_BYTES, "{held}");
        assert_eq!(shared.read(0, 3).unwrap(), [1, 1, 1]);
    }

    #[test]
    fn two_files_are_handed_over() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let shared = Shared::create("test", 4096).unwrap();
        hand_over(&ours, [shared.as_fd(), shared.as_fd()]).unwrap();
        let [first, _second] = receive(&theirs).unwrap();
        shared.fill(&[b"seen"]).unwrap();
        let mut seen = [0; 4];
        pread(&first, &mut seen, 0).unwrap();
        assert_eq!(&seen, b"seen");
        drop(shared);
        drop(ours);
        assert!(receive(&theirs).is_err());
    }
}
