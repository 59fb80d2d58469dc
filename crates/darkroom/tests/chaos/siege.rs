//! Owns an attack on a pool: hostile files from one side, good photos from the other, and the account of both.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use darkroom::worker::{Failure, Pool, PoolConfig};
use darkroom::{Limits, Plan, Rendition, render};

/// What a hostile file may cost a good one.
const DELAY_MAX: Duration = Duration::from_secs(1);
/// How busy the machine is with other things is not the subject: each photo is also rendered in this process, and as
/// many times the slowest of these comes on top.
const MACHINE_FACTOR: u32 = 4;

/// What became of a hostile file.
pub(crate) enum Attack {
    Developed,
    Rejected { reason: &'static str, detail: String },
}

impl Attack {
    /// `developed`, or the reason.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Developed => "developed",
            Self::Rejected { reason, .. } => reason,
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Developed => f.write_str("developed"),
            Self::Rejected { reason, detail } => write!(f, "{reason} ({detail})"),
        }
    }
}

/// A pool under attack.
pub(crate) struct Siege {
    pool: Arc<Pool>,
    /// A photo is sent whenever so many hostile files were.
    photo_every: usize,
    bell: SyncSender<()>,
    /// How long each photo took, and how long without a pool.
    photos: JoinHandle<Vec<(Duration, Duration)>>,
    tally: Mutex<BTreeMap<String, usize>>,
}

impl Siege {
    /// Starts a pool of two workers: one for the attack, one for the photos.
    pub(crate) fn begin(photo_every: usize) -> Self {
        let workers = NonZeroUsize::new(2).expect("two is not zero");
        let pool = Pool::start(PoolConfig { workers, ..PoolConfig::default() }).expect("workers start");
        let pool = Arc::new(pool);
        let photo = photo();
        // One in hand and one waiting: photos keep step with the attack.
        let (bell, heard) = sync_channel(1);
        let customer = Arc::clone(&pool);
        let photos = std::thread::spawn(move || {
            heard.iter().map(|()| (timed(&customer, &photo), timed_here(&photo))).collect()
        });
        Self { pool, photo_every, bell, photos, tally: Mutex::default() }
    }

    /// Sends a hostile file and waits for its end. Fails the test where the pool has none.
    pub(crate) fn attack(&self, customer: &str, file: &[u8]) -> (Attack, Duration) {
        let sent: usize = self.tally().values().sum();
        if sent.is_multiple_of(self.photo_every) {
            self.bell.send(()).expect("photos are sent until the siege ends");
        }
        let start = Instant::now();
        let attack = match self.pool.develop(customer, file, &plan()) {
            Ok(_) => Attack::Developed,
            // The second on a machine that is busy with something else.
            Err(Failure::Rejected { reason, detail } | Failure::Disturbed { reason, detail }) => {
                Attack::Rejected { reason: reason.as_str(), detail }
            }
            Err(failure) => panic!("the pool is down: {failure:?}"),
        };
        *self.tally().entry(attack.word().to_owned()).or_default() += 1;
        (attack, start.elapsed())
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.tally.lock().expect("nobody panics over the tally")
    }

    /// Ends the attack. Fails the test if no photo was sent, or one came late.
    pub(crate) fn end(self) -> String {
        drop(self.bell);
        let photos = self.photos.join().expect("every photo is developed");
        let latest = photos.iter().map(|(pool, _)| *pool).max().expect("photos were sent");
        let here = photos.iter().map(|(_, here)| *here).max().expect("photos were sent");
        let last = timed(&self.pool, &photo());
        let account = format!(
            "  {:?}\n  {} good photos in between: latest after {latest:?}, without a pool {here:?}, afterwards {last:?}",
            self.tally.into_inner().expect("nobody panics over the tally"),
            photos.len(),
        );
        assert!(latest <= DELAY_MAX + here * MACHINE_FACTOR, "a good photo came late\n{account}");
        account
    }
}

fn plan() -> Plan {
    vec![Rendition::new("large", 1024, 80), Rendition::new("thumb", 32, 80)].into()
}

fn photo() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos/mountains.jpg");
    std::fs::read(path).expect("a sample photo")
}

fn timed(pool: &Pool, photo: &[u8]) -> Duration {
    let start = Instant::now();
    let developed = pool.develop("photographer", photo, &plan()).expect("a good photo is developed");
    assert_eq!(developed.renditions.len(), 2);
    start.elapsed()
}

fn timed_here(photo: &[u8]) -> Duration {
    let start = Instant::now();
    render(photo, &plan(), &Limits::DEFAULT).expect("a good photo is developed");
    start.elapsed()
}
