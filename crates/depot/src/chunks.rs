//! Cutting a stream into parts. Owns the buffer between body chunks and S3 parts and its bound; knows no S3.

use bytes::{Bytes, BytesMut};

const START_BYTES: usize = 64 * 1024;

/// Gathers chunks of any size and gives parts of exactly `part_bytes`, except the last.
///
/// Holds less than one part beyond what [`PartBuffer::take_full`] has given away plus the chunk being added.
#[derive(Debug)]
pub(crate) struct PartBuffer {
    part_bytes: usize,
    filling: BytesMut,
    /// A part that came as one piece of a chunk and needs no copy.
    whole: Option<Bytes>,
}

impl PartBuffer {
    pub(crate) fn new(part_bytes: usize) -> PartBuffer {
        PartBuffer { part_bytes, filling: BytesMut::with_capacity(START_BYTES.min(part_bytes)), whole: None }
    }

    /// Moves bytes from `chunk` into the part being filled, as many as it takes. Call [`PartBuffer::take_full`] after it.
    pub(crate) fn fill(&mut self, chunk: &mut Bytes) {
        if self.filling.is_empty() && chunk.len() >= self.part_bytes {
            self.whole = Some(chunk.split_to(self.part_bytes));
            return;
        }
        let room = self.part_bytes - self.filling.len();
        let taken = chunk.split_to(room.min(chunk.len()));
        self.filling.extend_from_slice(&taken);
    }

    /// Gives away the part if it is full.
    pub(crate) fn take_full(&mut self) -> Option<Bytes> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        (self.filling.len() == self.part_bytes).then(|| {
            let next = BytesMut::with_capacity(START_BYTES.min(self.part_bytes));
            std::mem::replace(&mut self.filling, next).freeze()
        })
    }

    /// Gives away what is left.
    pub(crate) fn finish(self) -> Bytes {
        self.filling.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_full_but_the_last_and_join_to_the_whole(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            part_bytes in 1_usize..32,
        ) {
            let mut buffer = PartBuffer::new(part_bytes);
            let mut parts = Vec::new();
            for chunk in &chunks {
                let mut chunk = Bytes::from(chunk.clone());
                while !chunk.is_empty() {
                    buffer.fill(&mut chunk);
                    parts.extend(buffer.take_full());
                }
            }
            prop_assert!(parts.iter().all(|part: &Bytes| part.len() == part_bytes));
            let last = buffer.finish();
            prop_assert!(last.len() < part_bytes);
            parts.push(last);
            prop_assert_eq!(parts.concat(), chunks.concat());
        }
    }
}
