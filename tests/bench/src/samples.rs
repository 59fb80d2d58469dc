//! Owns what is done: the originals, and the jobs that every engine is given.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::protocol::{Format, Job};

/// The quality of the encoders, before equal bytes are sought.
pub(crate) const QUALITY: u8 = 80;
/// The longer sides of the renditions that the service makes.
pub(crate) const SIDES: &[u32] = &[2048, 1024, 320];

/// One kind of job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// Such as `jpeg3`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// The original.
    pub input: PathBuf,
    /// Of the renditions.
    pub format: Format,
    /// Of the renditions, longer side, largest first.
    pub sides: &'static [u32],
    /// Short jobs are done a few times in a row, so that the clock's grain does not show.
    pub repeat: u32,
}

impl Task {
    /// The job of this task, at a quality.
    pub(crate) fn job(&self, quality: u8) -> Job {
        Job {
            input: self.input.clone(),
            format: self.format,
            sides: self.sides.to_vec(),
            quality,
            repeat: self.repeat,
            out: None,
        }
    }
}

/// Every task, on the originals of `folder`, which must be there.
pub(crate) fn tasks(folder: &Path, names: &Names) -> Result<Vec<Task>> {
    let task = |name, what, (input, format), sides, repeat| Task {
        name,
        what,
        input: folder.join(input),
        format,
        sides,
        repeat,
    };
    let (jpeg, webp) = (Format::Jpeg, Format::Webp);
    let tasks = vec![
        task("jpeg3", "12 MP JPEG to 3 JPEG", (names.photo, jpeg), SIDES, 1),
        task("thumb", "12 MP JPEG to a thumbnail", (names.photo, jpeg), &[320], 4),
        task(
            "thumb_progressive",
            "12 MP progressive JPEG to a thumbnail",
            (names.progressive, jpeg),
            &[320],
            1,
        ),
        task("small3", "200 KB JPEG to 3 JPEG", (names.small, jpeg), SIDES, 4),
        task("webp3_alpha", "6 MP PNG with alpha to 3 WebP", (names.alpha, webp), SIDES, 1),
        task("webp3_jpeg", "12 MP JPEG to 3 WebP", (names.photo, webp), SIDES, 1),
    ];
    for task in &tasks {
        ensure!(task.input.is_file(), "{} is missing: run `make bench`", task.input.display());
    }
    Ok(tasks)
}

/// The files of the originals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    photo: &'static str,
    progressive: &'static str,
    small: &'static str,
    alpha: &'static str,
}

/// The originals that `peers/samples.py` makes.
pub(crate) const LARGE: Names =
    Names { photo: "photo.jpg", progressive: "progressive.jpg", small: "small.jpg", alpha: "alpha.png" };

/// The repository's sample photos: small, for the short run.
pub(crate) const SHORT: Names =
    Names { photo: "mountains.jpg", progressive: "dandelion.jpg", small: "friends.jpg", alpha: "bowl.png" };
