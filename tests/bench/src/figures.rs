//! Owns what follows from the measurements: medians, and medians of ratios that were taken in the same round. The
//! report's keys are named here. Measures nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::{BEFORE, Cost};
use crate::measured::Measured;

/// A key of the report, the task, and the engine that ours is divided by.
const RATIOS: &[(&str, &str, &str)] = &[
    ("jpeg3_vs_sharp", "jpeg3", "sharp"),
    ("jpeg3_vs_sharp_chained", "jpeg3", "sharp-chained"),
    ("thumb_vs_sharp", "thumb", "sharp"),
    ("thumb_progressive_vs_sharp", "thumb_progressive", "sharp"),
    ("webp3_alpha_vs_sharp_chained", "webp3_alpha", "sharp-chained"),
    ("webp3_jpeg_vs_sharp_chained", "webp3_jpeg", "sharp-chained"),
    ("jpeg3_vs_vips", "jpeg3", "vips"),
    ("jpeg3_vs_image_crate", "jpeg3", "image"),
    ("jpeg3_vs_vips_chained", "jpeg3", "vips-chained"),
    ("jpeg3_vs_image_fir", "jpeg3", "image-fir"),
    ("jpeg3_vs_pillow", "jpeg3", "pillow"),
    ("jpeg3_vs_pillow_simd", "jpeg3", "pillow-simd"),
    ("jpeg3_vs_imagemagick", "jpeg3", "imagemagick"),
];

/// Our engine in its own process.
pub(crate) const OURS: &str = "safelight";
/// Our engine in a worker of the pool, as the service runs it.
pub(crate) const WORKER: &str = "safelight-worker";

/// The figures about pixels by key; `null` where an engine was not there or cannot do the task.
pub(crate) fn pixels(measured: &Measured) -> Map<String, Value> {
    let mut figures = Map::new();
    for (key, task, theirs) in RATIOS {
        figures.insert((*key).to_owned(), rounded(ratio(measured, task, OURS, theirs)));
    }
    if measured.engines.contains(&BEFORE) {
        let mut tasks: Vec<_> = measured.costs.keys().map(|(task, _)| *task).collect();
        tasks.dedup();
        for task in tasks {
            figures.insert(format!("{task}_vs_before"), rounded(ratio(measured, task, OURS, BEFORE)));
        }
    }
    let overhead = |task| {
        let ratios = measured.sandbox.get(task)?.iter().map(|(ours, worker)| worker / ours);
        median(ratios.collect()).map(|ratio| ratio - 1.0)
    };
    figures.insert("sandbox_overhead".to_owned(), rounded(overhead("jpeg3")));
    figures.insert("sandbox_overhead_200kb".to_owned(), rounded(overhead("small3")));
    let mib = |engine: &str| measured.peak_kib.get(engine).map(|&kib| kib as f64 / 1024.0);
    let sharp = mib("sharp").zip(mib("sharp-chained")).map(|(each, chained)| each.min(chained));
    figures.insert("peak_mib_jpeg3".to_owned(), rounded(mib(OURS)));
    figures
        .insert("peak_vs_sharp".to_owned(), rounded(mib(OURS).zip(sharp).map(|(ours, sharp)| ours / sharp)));
    figures
}

/// The median of ours / theirs over the rounds.
pub(crate) fn ratio(measured: &Measured, task: &str, ours: &str, theirs: &str) -> Option<f64> {
    let of = |engine| find(&measured.costs, task, engine);
    let pairs = of(ours)?.iter().zip(of(theirs)?);
    median(pairs.map(|(ours, theirs)| ours.cpu_ms / theirs.cpu_ms).collect())
}

/// The median CPU time of an engine's job, milliseconds.
pub(crate) fn cpu_ms(measured: &Measured, task: &str, engine: &str) -> Option<f64> {
    median(find(&measured.costs, task, engine)?.iter().map(|cost| cost.cpu_ms).collect())
}

/// The bytes of an engine's renditions divided by ours.
pub(crate) fn bytes_ratio(measured: &Measured, task: &str, engine: &str) -> Option<f64> {
    let of = |engine| find(&measured.costs, task, engine)?.first().map(|cost| cost.bytes as f64);
    Some(of(engine)? / of(OURS)?)
}

fn find<'a>(
    costs: &'a BTreeMap<(&'static str, &'static str), Vec<Cost>>,
    task: &str,
    engine: &str,
) -> Option<&'a [Cost]> {
    let found = costs.iter().find(|((of, by), _)| *of == task && *by == engine);
    found.map(|(_, costs)| costs.as_slice())
}

/// The middle of the values; the mean of the two middle ones where their number is even.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// A figure with four decimals, or `null`.
pub(crate) fn rounded(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| json!((value * 1e4).round() / 1e4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(costs: &[(&'static str, &'static str, &[f64])]) -> Measured {
        let cost = |&cpu_ms: &f64| Cost { cpu_ms, bytes: 10 };
        let costs = costs.iter().map(|(task, by, ms)| ((*task, *by), ms.iter().map(cost).collect()));
        Measured { costs: costs.collect(), ..Measured::default() }
    }

    #[test]
    fn a_ratio_is_the_median_of_what_one_round_gave() {
        // The machine was twice as slow in the second round: the ratios do not see it, the medians' ratio would.
        let both = measured(&[("jpeg3", OURS, &[10.0, 20.0, 12.0]), ("jpeg3", "sharp", &[20.0, 40.0, 40.0])]);
        assert_eq!(ratio(&both, "jpeg3", OURS, "sharp"), Some(0.5));
        assert_eq!(ratio(&both, "jpeg3", OURS, "vips"), None);
    }

    #[test]
    fn the_sandbox_is_what_a_worker_costs_more() {
        let pairs = vec![(100.0, 103.0), (200.0, 204.0), (100.0, 150.0)];
        let both = Measured { sandbox: [("jpeg3", pairs)].into(), ..Measured::default() };
        assert_eq!(pixels(&both)["sandbox_overhead"], json!(0.03));
        assert_eq!(pixels(&both)["jpeg3_vs_sharp"], Value::Null);
    }

    #[test]
    fn medians_of_few() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![3.0, 1.0, 9.0]), Some(3.0));
    }
}
