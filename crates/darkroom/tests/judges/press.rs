//! Owns the way from a folder of originals to a folder of renditions: what `manifest.json` asks for is made, and
//! `made.json` says what came of it. Judges nothing.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use darkroom::{Limits, Plan, Rendition, render};
use serde::{Deserialize, Serialize};

/// One original and the renditions to make.
#[derive(Deserialize)]
struct Wanted {
    file: String,
    sides: Vec<u32>,
    quality: u8,
}

/// What came of one original.
#[derive(Serialize)]
struct Made {
    file: String,
    error: Option<String>,
    /// Width and height as seen.
    source: Option<(u32, u32)>,
    renditions: Vec<Printed>,
}

#[derive(Serialize)]
struct Printed {
    file: String,
    width: u32,
    height: u32,
}

fn plan(wanted: &Wanted) -> Plan {
    let rendition = |(index, side): (usize, &u32)| Rendition::new(format!("r{index}"), *side, wanted.quality);
    wanted.sides.iter().enumerate().map(rendition).collect::<Vec<_>>().into()
}

/// Renders every original that the folder's manifest names, on all cores.
pub(crate) fn develop(folder: &Path) {
    let manifest = fs::read(folder.join("manifest.json")).expect("the manifest is there");
    let wanted: Vec<Wanted> = serde_json::from_slice(&manifest).expect("the manifest is JSON");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        while let Some(one) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            made.push(develop_one(folder, one));
        }
        made
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let made: Vec<Made> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no decoder panics")).collect()
    });
    assert_eq!(made.len(), wanted.len());
    let report = serde_json::to_vec(&made).expect("a report is JSON");
    fs::write(folder.join("made.json"), report).expect("the folder takes a report");
}

fn develop_one(folder: &Path, wanted: &Wanted) -> Made {
    let original = fs::read(folder.join(&wanted.file)).expect("the manifest names files");
    let mut made = Made { file: wanted.file.clone(), error: None, source: None, renditions: Vec::new() };
    match render(&original, &plan(wanted), &Limits::DEFAULT) {
        Err(error) => made.error = Some(error.to_string()),
        Ok(developed) => {
            made.source = Some((developed.source.width, developed.source.height));
            for rendition in developed.renditions {
                let file = format!("{}.{}.{}", wanted.file, rendition.name, rendition.format.extension());
                fs::write(folder.join(&file), &rendition.bytes).expect("the folder takes a rendition");
                made.renditions.push(Printed { file, width: rendition.width, height: rendition.height });
            }
        }
    }
    made
}
