//! Whether one more upload fits. Owns the bounds on uploads and bytes in hand; decides before a byte is read.

use std::sync::Arc;
use std::time::Duration;

use conveyor::Publisher;
use depot::PART_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::IngestArgs;
use crate::worlds::Worlds;

/// The publisher refuses above the same share of its queue.
const PUBLISHER_LOAD_MAX: f32 = 0.8;
const UNIT_BYTES: u64 = 1024;
const WAIT_FOR_ROOM: Duration = Duration::from_secs(1);
const WAIT_FOR_WORLD: Duration = Duration::from_secs(5);

/// Admits uploads while there is room and the world is there.
pub(crate) struct Admission {
    uploads: Arc<Semaphore>,
    units: Arc<Semaphore>,
    publisher: Publisher,
    worlds: Worlds,
}

/// One upload's room; dropping it gives the room back.
#[derive(Debug)]
pub(crate) struct Pass {
    _upload: OwnedSemaphorePermit,
    _units: OwnedSemaphorePermit,
}

/// Says that there is no room, and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded(pub(crate) Duration);

impl Admission {
    pub(crate) fn new(args: &IngestArgs, publisher: Publisher, worlds: Worlds) -> Admission {
        let units = usize::try_from(args.uploads_bytes_max / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
        Admission {
            uploads: Arc::new(Semaphore::new(args.uploads_max as usize)),
            units: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            publisher,
            worlds,
        }
    }

    /// Takes room for an upload of `bytes`, or of unknown length.
    pub(crate) fn enter(&self, bytes: Option<u64>) -> Result<Pass, Overloaded> {
        if !self.worlds.are_up() {
            return Err(Overloaded(WAIT_FOR_WORLD));
        }
        if self.publisher.load() > PUBLISHER_LOAD_MAX {
            return Err(Overloaded(WAIT_FOR_ROOM));
        }
        let full = |_| Overloaded(WAIT_FOR_ROOM);
        let upload = Arc::clone(&self.uploads).try_acquire_owned().map_err(full)?;
        let units = Arc::clone(&self.units).try_acquire_many_owned(units(bytes)).map_err(full)?;
        Ok(Pass { _upload: upload, _units: units })
    }
}

/// Whatever its length, an upload holds one part at a time.
fn units(bytes: Option<u64>) -> u32 {
    let part = PART_BYTES as u64;
    let held = bytes.map_or(part, |bytes| bytes.clamp(1, part));
    u32::try_from(held.div_ceil(UNIT_BYTES)).expect("a part is far below 2^32 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_takes_room_for_its_bytes_but_no_more_than_a_part() {
        assert_eq!(units(Some(0)), 1);
        assert_eq!(units(Some(1025)), 2);
        assert_eq!(units(Some(u64::MAX)), 8192);
        assert_eq!(units(None), 8192);
    }
}
