//! Owns the question whether an original's end depends on what its worker did before: good, damaged and cut files of every
//! format, one after the other on one worker, each asked for with plans that take every way through the codecs.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use darkroom::worker::{Failure, Pool, PoolConfig, Reuse};
use darkroom::{Copyright, Developed, Format, FormatRule, Gravity, Plan, Reason, Rendition, Sharpen, Size};

use crate::damage::{Chance, Kind, damaged};

/// Damaged files of each format beside its seeds.
const DAMAGED_FILES: u64 = 60;

/// An original as it is sent: which file, with which plan.
type Sent = (usize, usize);
type End = Result<Developed, (Reason, String)>;

/// Files and plans, and how each of them ends on a worker that has done nothing before.
pub(crate) struct Sequences {
    files: Vec<Vec<u8>>,
    plans: Vec<Plan>,
    fresh: Pool,
    used: Pool,
    ends: HashMap<Sent, End>,
}

impl Sequences {
    /// Takes good files of each format and damages some of them.
    pub(crate) fn begin(seeds: impl Fn(Kind) -> Vec<Vec<u8>>) -> Self {
        let mut files = Vec::new();
        for kind in Kind::ALL {
            let seeds = seeds(kind);
            files.extend((0..DAMAGED_FILES).map(|number| damaged(kind, &seeds, &mut Chance::new(number))));
            files.extend(seeds);
        }
        let pool = |reuse| {
            let workers = NonZeroUsize::MIN;
            Pool::start(PoolConfig { workers, reuse, ..PoolConfig::default() }).expect("workers start")
        };
        let (fresh, used) = (pool(Reuse::Never), pool(Reuse::Always));
        Self { files, plans: plans(), fresh, used, ends: HashMap::new() }
    }

    /// Sends two or three originals to one worker; says where the last ends otherwise than on a fresh one.
    pub(crate) fn send(&mut self, chance: &mut Chance) -> Option<String> {
        let length = 2 + chance.below(2);
        let sent: Vec<Sent> =
            (0..length).map(|_| (chance.below(self.files.len()), chance.below(self.plans.len()))).collect();
        let ends: Vec<End> = sent.iter().map(|&one| self.end(&self.used, one)).collect();
        let (last, end) = (*sent.last()?, ends.last()?);
        let (files, plans, fresh) = (&self.files, &self.plans, &self.fresh);
        let right = self.ends.entry(last).or_insert_with(|| develop(fresh, &files[last.0], &plans[last.1]));
        (right != end).then(|| format!("{sent:?}: {}, fresh {}", told(end), told(right)))
    }

    fn end(&self, pool: &Pool, (file, plan): Sent) -> End {
        develop(pool, &self.files[file], &self.plans[plan])
    }

    /// How many ends were compared, and how many of them are renditions.
    pub(crate) fn account(&self) -> String {
        let developed = self.ends.values().filter(|end| end.is_ok()).count();
        format!("{} ends, {developed} of them renditions", self.ends.len())
    }
}

fn develop(pool: &Pool, file: &[u8], plan: &Plan) -> End {
    match pool.develop("anybody", file, plan) {
        Ok(developed) => Ok(developed),
        Err(Failure::Rejected { reason, detail }) => Err((reason, detail)),
        Err(failure) => panic!("the pool is down: {failure:?}"),
    }
}

fn told(end: &End) -> String {
    match end {
        Ok(developed) => {
            let bytes: Vec<_> = developed.renditions.iter().map(|made| made.bytes.len()).collect();
            format!("{:?} in {bytes:?} bytes", developed.source)
        }
        Err((reason, detail)) => format!("{} ({detail})", reason.as_str()),
    }
}

/// Planes, coarse drawings, pixels, alpha, sharpening, extras, and every encoder.
fn plans() -> Vec<Plan> {
    let rendition = |side, format| Rendition { format, ..Rendition::new("one", side, 80) };
    let sharpen = Some(Sharpen { amount_percent: 60, radius_px_percent: 80 });
    let cover = Size::Cover { width: 24, height: 16, gravity: Gravity::North };
    let extras = Plan { thumbhash: true, dominant_colour: true, ..Plan::default() };
    vec![
        vec![Rendition::new("large", 2048, 80), Rendition::new("small", 20, 80)].into(),
        vec![Rendition::new("tiny", 4, 80)].into(),
        vec![rendition(30, FormatRule::Exactly(Format::Png)), rendition(9, FormatRule::Same)].into(),
        vec![rendition(40, FormatRule::Exactly(Format::Webp))].into(),
        vec![Rendition { sharpen, size: cover, ..rendition(0, FormatRule::Exactly(Format::Jpeg)) }].into(),
        Plan { copyright: Copyright::Keep, renditions: vec![rendition(16, FormatRule::ByAlpha)], ..extras },
    ]
}
