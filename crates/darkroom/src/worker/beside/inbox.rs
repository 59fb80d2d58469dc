//! Owns what a worker has said so far, within bounds: an answer frame from its stdout, the first words from its
//! stderr. Reads no descriptors itself.

use crate::worker::wire::{HEADER_BYTES_MAX, LENGTH_BYTES, length};

/// Bytes of stderr that are kept; the rest is read and forgotten, so that a chatty worker does not block.
const STDERR_BYTES_MAX: usize = 4 << 10;

/// Collects one answer.
#[derive(Default)]
pub(super) struct Inbox {
    frame: Vec<u8>,
    stderr: Vec<u8>,
}

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Incomplete,
    Complete,
    /// A length beyond its bound, or more bytes than it announces.
    Nonsense,
}

impl Inbox {
    /// Takes bytes of stdout, at most one pipe read beyond the announced end.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Progress {
        self.frame.extend_from_slice(bytes);
        let Some((head, rest)) = self.frame.split_first_chunk::<LENGTH_BYTES>() else {
            return Progress::Incomplete;
        };
        let header_bytes = length(*head);
        if header_bytes > HEADER_BYTES_MAX {
            return Progress::Nonsense;
        }
        match rest.len().cmp(&header_bytes) {
            std::cmp::Ordering::Less => Progress::Incomplete,
            std::cmp::Ordering::Equal => Progress::Complete,
            std::cmp::Ordering::Greater => Progress::Nonsense,
        }
    }

    /// Takes bytes of stderr.
    pub(super) fn overhear(&mut self, bytes: &[u8]) {
        let room = STDERR_BYTES_MAX.saturating_sub(self.stderr.len());
        self.stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The header of a complete answer.
    pub(super) fn answer(&self) -> &[u8] {
        self.frame.get(LENGTH_BYTES..).expect("only a complete answer is taken apart")
    }

    /// Whether Rust's allocator said that it failed, before it aborted.
    pub(super) fn tells_of_failed_allocation(&self) -> bool {
        let needle = b"memory allocation of";
        self.stderr.windows(needle.len()).any(|window| window == needle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_pieces_is_complete_with_its_last_byte() {
        let frame = [2, 0, 0, 0, b'h', b'i'];
        let mut inbox = Inbox::default();
        for byte in &frame[..frame.len() - 1] {
            assert_eq!(inbox.hear(&[*byte]), Progress::Incomplete);
        }
        assert_eq!(inbox.hear(b"i"), Progress::Complete);
        assert_eq!(inbox.answer(), b"hi");
        assert_eq!(inbox.hear(&[4]), Progress::Nonsense);
    }

    #[test]
    fn a_length_beyond_its_bound_is_nonsense_at_once() {
        assert_eq!(Inbox::default().hear(&[0xff; 4]), Progress::Nonsense);
    }

    #[test]
    fn stderr_is_kept_up_to_its_bound() {
        let mut inbox = Inbox::default();
        inbox.overhear(b"memory allocation of 4294967296 bytes failed\n");
        for _ in 0..100 {
            inbox.overhear(&[b'x'; 1000]);
        }
        assert!(inbox.tells_of_failed_allocation());
        assert_eq!(inbox.stderr.len(), STDERR_BYTES_MAX);
    }
}
