//! Owns what a worker has said so far, within bounds: an answer frame from its stdout, the first words from its
//! stderr. Reads no descriptors itself.

use super::wire::{HEADER_BYTES_MAX, LENGTHS_BYTES, lengths};

/// Bytes of stderr that are kept; the rest is read and forgotten, so that a chatty worker does not block.
const STDERR_BYTES_MAX: usize = 4 << 10;

/// Collects one answer.
pub(super) struct Inbox {
    frame: Vec<u8>,
    stderr: Vec<u8>,
    body_bytes_max: u64,
}

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Incomplete,
    Complete,
    /// Lengths beyond their bounds, or more bytes than they announce.
    Nonsense,
}

impl Inbox {
    pub(super) fn new(body_bytes_max: u64) -> Self {
        Self { frame: Vec::new(), stderr: Vec::new(), body_bytes_max }
    }

    /// Takes bytes of stdout, at most one pipe read beyond the announced end.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Progress {
        self.frame.extend_from_slice(bytes);
        let Some((head, rest)) = self.frame.split_first_chunk::<LENGTHS_BYTES>() else {
            return Progress::Incomplete;
        };
        let (header_bytes, body_bytes) = lengths(*head);
        if header_bytes > HEADER_BYTES_MAX || body_bytes as u64 > self.body_bytes_max {
            return Progress::Nonsense;
        }
        match rest.len().cmp(&(header_bytes + body_bytes)) {
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

    /// Header and body of a complete answer.
    pub(super) fn answer(&self) -> (&[u8], &[u8]) {
        let (head, rest) =
            self.frame.split_first_chunk::<LENGTHS_BYTES>().expect("only a complete answer is taken apart");
        rest.split_at(lengths(*head).0)
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
        let frame = [2, 0, 0, 0, 3, 0, 0, 0, b'h', b'i', 1, 2, 3];
        let mut inbox = Inbox::new(3);
        for byte in &frame[..frame.len() - 1] {
            assert_eq!(inbox.hear(&[*byte]), Progress::Incomplete);
        }
        assert_eq!(inbox.hear(&[3]), Progress::Complete);
        assert_eq!(inbox.answer(), (&b"hi"[..], &[1, 2, 3][..]));
        assert_eq!(inbox.hear(&[4]), Progress::Nonsense);
    }

    #[test]
    fn lengths_beyond_their_bounds_are_nonsense_at_once() {
        assert_eq!(Inbox::new(3).hear(&[1, 0, 0, 0, 4, 0, 0, 0]), Progress::Nonsense);
        assert_eq!(Inbox::new(3).hear(&[0xff; 8]), Progress::Nonsense);
    }

    #[test]
    fn stderr_is_kept_up_to_its_bound() {
        let mut inbox = Inbox::new(0);
        inbox.overhear(b"memory allocation of 4294967296 bytes failed\n");
        for _ in 0..100 {
            inbox.overhear(&[b'x'; 1000]);
        }
        assert!(inbox.tells_of_failed_allocation());
        assert_eq!(inbox.stderr.len(), STDERR_BYTES_MAX);
    }
}
