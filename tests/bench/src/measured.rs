//! Owns what was measured, as the rounds leave it.

use std::collections::BTreeMap;

use crate::engine::Cost;

/// A task's name and an engine's.
pub(crate) type Pair = (&'static str, &'static str);

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// One cost for each round, in order.
    pub costs: BTreeMap<Pair, Vec<Cost>>,
    /// The quality at which an engine's bytes came nearest to ours.
    pub quality: BTreeMap<Pair, u8>,
    /// Largest resident set after the first task in a fresh process, KiB, children included.
    pub peak_kib: BTreeMap<&'static str, u64>,
    /// By task, the cost in this process and in a worker, one right after the other.
    pub sandbox: BTreeMap<&'static str, Vec<(f64, f64)>>,
    /// What the engines are made of.
    pub versions: BTreeMap<String, String>,
    /// The engines that took part.
    pub engines: Vec<&'static str>,
}
