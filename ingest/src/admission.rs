//! Whether one more upload fits. Owns the bounds on uploads and bytes in hand; decides before a byte is read.

use std::sync::Arc;
use std::time::Duration;

use conveyor::Publisher;
use depot::PART_BYTES;
use proto::CustomerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::IngestArgs;
use crate::share::{Room, Share, Shares};
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
    shares: Shares,
    publisher: Publisher,
    worlds: Worlds,
}

/// One upload's room; dropping it gives the room back.
pub(crate) struct Pass {
    _upload: OwnedSemaphorePermit,
    _units: OwnedSemaphorePermit,
    _share: Share,
}

/// Says for whom there is no room, and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// For nobody.
    Overloaded(Duration),
    /// For this customer, which holds its share.
    ShareHeld(Duration),
}

impl Admission {
    pub(crate) fn new(args: &IngestArgs, publisher: Publisher, worlds: Worlds) -> Admission {
        let room = room(args);
        Admission {
            uploads: Arc::new(Semaphore::new(room.uploads)),
            units: Arc::new(Semaphore::new(room.units)),
            shares: Shares::new(share(room, args.customer_uploads_percent_max as usize)),
            publisher,
            worlds,
        }
    }

    /// Takes room for an upload of `bytes`, or of unknown length.
    pub(crate) fn enter(&self, customer: &CustomerId, bytes: Option<u64>) -> Result<Pass, NoRoom> {
        if !self.worlds.are_up() {
            return Err(NoRoom::Overloaded(WAIT_FOR_WORLD));
        }
        if self.publisher.load() > PUBLISHER_LOAD_MAX {
            return Err(NoRoom::Overloaded(WAIT_FOR_ROOM));
        }
        let full = |_| NoRoom::Overloaded(WAIT_FOR_ROOM);
        let units = units(bytes);
        let upload = Arc::clone(&self.uploads).try_acquire_owned().map_err(full)?;
        let held = Arc::clone(&self.units).try_acquire_many_owned(units).map_err(full)?;
        let share = self.shares.take(customer, units as usize).ok_or(NoRoom::ShareHeld(WAIT_FOR_ROOM))?;
        Ok(Pass { _upload: upload, _units: held, _share: share })
    }
}

/// All the room there is.
fn room(args: &IngestArgs) -> Room {
    let units = usize::try_from(args.uploads_bytes_max / UNIT_BYTES).unwrap_or(Semaphore::MAX_PERMITS);
    Room { uploads: args.uploads_max as usize, units: units.min(Semaphore::MAX_PERMITS) }
}

/// One customer's share of it: never less than one upload of any length.
fn share(room: Room, percent: usize) -> Room {
    // In this order nothing overflows and nothing is lost but the fraction.
    let of = |whole: usize| whole / 100 * percent + whole % 100 * percent / 100;
    Room { uploads: of(room.uploads).max(1), units: of(room.units).max(units(None) as usize) }
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

    #[test]
    fn a_share_is_a_part_of_the_room_and_takes_one_upload_at_least() {
        let room = Room { uploads: 256, units: 524_300 };
        assert_eq!(share(room, 25), Room { uploads: 64, units: 131_075 });
        assert_eq!(share(room, 100), Room { uploads: 256, units: 524_300 });
        assert_eq!(share(Room { uploads: 9, units: 65_536 }, 50), Room { uploads: 4, units: 32_768 });
        assert_eq!(share(Room { uploads: 2, units: 10_000 }, 1), Room { uploads: 1, units: 8192 });
    }
}
