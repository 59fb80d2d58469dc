//! Owns the folder of blobs: one file per object version or part, named by a fresh id.
//!
//! Knows nothing about buckets and keys: a file name is never derived from what a client sent. A blob
//! is drafted, synced and placed by a rename; it counts only once the index names it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

/// The folder of placed blobs and, beside it, the folder of drafts.
#[derive(Debug)]
pub(super) struct Blobs {
    placed: PathBuf,
    drafts: PathBuf,
}

impl Blobs {
    /// Opens the two folders under `dir`, empties the drafts.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let blobs = Self { placed: dir.join("blobs"), drafts: dir.join("drafts") };
        fs::create_dir_all(&blobs.placed)?;
        if blobs.drafts.exists() {
            fs::remove_dir_all(&blobs.drafts)?;
        }
        fs::create_dir(&blobs.drafts)?;
        Ok(blobs)
    }

    /// Begins a new blob.
    pub(super) fn draft(self: &Arc<Self>) -> io::Result<Draft> {
        let name = Uuid::now_v7().simple().to_string();
        let path = self.drafts.join(&name);
        let file = File::create_new(&path)?;
        Ok(Draft { blobs: Arc::clone(self), name, path, file: Some(file) })
    }

    /// Makes the renames so far durable. One call serves every blob placed before it.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.placed)?.sync_all()
    }

    /// Opens a placed blob for reading.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        File::open(self.placed.join(name))
    }

    /// Removes a blob that the index no longer names. A failure leaves a stray for the next start.
    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.placed.join(name)) {
            tracing::warn!(blob.name = name, %error, "left a stray blob");
        }
    }

    /// Removes every blob that `known` does not name; returns how many, and how many named ones are missing.
    pub(super) fn collect_strays(&self, mut known: HashSet<String>) -> io::Result<Strays> {
        let mut strays = Strays::default();
        for entry in fs::read_dir(&self.placed)? {
            let entry = entry?;
            let is_known = entry.file_name().to_str().is_some_and(|name| known.remove(name));
            if !is_known {
                fs::remove_file(entry.path())?;
                strays.removed += 1;
            }
        }
        strays.missing = known.len();
        Ok(strays)
    }
}

/// What a start found in the folder that did not agree with the index.
#[derive(Debug, Default)]
pub(super) struct Strays {
    pub(super) removed: usize,
    pub(super) missing: usize,
}

/// A blob being written. Dropped, it vanishes.
#[derive(Debug)]
pub(super) struct Draft {
    blobs: Arc<Blobs>,
    name: String,
    path: PathBuf,
    file: Option<File>,
}

impl Draft {
    /// The file to write into.
    pub(super) fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("the file is there until `place` consumes the draft")
    }

    /// Syncs the bytes and renames the draft among the blobs. Durable only after the folder is synced,
    /// which whoever commits the index does.
    pub(super) fn place(mut self) -> io::Result<Placed> {
        self.file().sync_all()?;
        fs::rename(&self.path, self.blobs.placed.join(&self.name))?;
        self.file = None;
        Ok(Placed { blobs: Arc::clone(&self.blobs), name: self.name.clone(), is_kept: false })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What stays behind is emptied at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A blob that the index does not name yet. Dropped before `keep`, it vanishes.
#[derive(Debug)]
pub(super) struct Placed {
    blobs: Arc<Blobs>,
    name: String,
    is_kept: bool,
}

impl Placed {
    /// The name to write into the index.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says that the index names the blob now.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if !self.is_kept {
            self.blobs.remove(&self.name);
        }
    }
}
