//! Nothing that an original says beside its pixels is in a rendition: not where it was taken, by whom, with what, nor
//! what somebody wrote into it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scan::strangers;
use crate::{foreign, press};

/// In every text, profile and appendix that metadata.py plants.
const CANARY: &[u8] = b"CANARY";
/// What exiftool says of a file's own structure, of the computed, and of the file system.
const HARMLESS_GROUPS: [&str; 7] = ["SourceFile", "ExifTool", "System", "File", "Composite", "JFIF", "RIFF"];
/// `RIFF` also holds a WebP's size; these are all it may hold.
const HARMLESS_RIFF: [&str; 9] = [
    "VP8Version",
    "ImageWidth",
    "ImageHeight",
    "HorizontalScale",
    "VerticalScale",
    "WebP_Flags",
    "AlphaCompression",
    "AlphaPreprocessing",
    "AlphaFiltering",
];
/// What the originals carry, by exiftool's own word: a judge that sees none of it is blind.
const PLANTED_GROUPS: [&str; 14] = [
    "Adobe",
    "ExifIFD",
    "GPS",
    "IFD0",
    "IFD1",
    "ICC_Profile",
    "IPTC",
    "JFXX",
    "Photoshop",
    "PNG",
    "XMP-dc",
    "XMP-x",
    "XMP-xmpNote",
    "GIF",
];

struct Files {
    _folder: tempfile::TempDir,
    originals: Vec<PathBuf>,
    renditions: Vec<PathBuf>,
}

/// Originals full of metadata, and their renditions.
fn files() -> Files {
    let folder = tempfile::tempdir().expect("a folder");
    foreign::script("metadata.py", &[folder.path()]);
    let originals = listed(folder.path());
    press::develop(folder.path());
    let renditions: Vec<PathBuf> =
        listed(folder.path()).into_iter().filter(|path| !originals.contains(path)).collect();
    assert_eq!(renditions.len(), 2 * originals.len(), "two renditions of each original");
    Files { _folder: folder, originals, renditions }
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be listed").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e != "json")).collect()
}

fn sings(file: &[u8]) -> bool {
    file.windows(CANARY.len()).any(|window| window == CANARY)
}

#[test]
fn a_rendition_carries_pixels_and_nothing_else() {
    let files = files();
    for path in &files.originals {
        let file = fs::read(path).expect("an original");
        assert!(sings(&file) && !strangers(&file).is_empty(), "nothing was planted in {}", path.display());
    }
    for path in &files.renditions {
        let file = fs::read(path).expect("a rendition");
        assert_eq!(strangers(&file), Vec::<String>::new(), "{}", path.display());
        assert!(!sings(&file), "a canary in {}", path.display());
    }
    exiftool_agrees(&files);
}

fn exiftool_agrees(files: &Files) {
    let planted = exiftool(&files.originals);
    let groups: BTreeSet<&str> = planted.iter().flat_map(|one| one.keys()).map(|tag| group(tag)).collect();
    for expected in PLANTED_GROUPS {
        assert!(groups.contains(expected), "no original carries {expected}: {groups:?}");
    }
    let seen = exiftool(&files.renditions);
    assert_eq!(seen.len(), files.renditions.len());
    for one in seen {
        for (tag, value) in &one {
            let harmless = HARMLESS_GROUPS.contains(&group(tag));
            let riff = tag.strip_prefix("RIFF:").is_none_or(|name| HARMLESS_RIFF.contains(&name));
            assert!(harmless && riff, "{}: {tag} is {value}", one["SourceFile"]);
        }
    }
}

fn group(tag: &str) -> &str {
    tag.split(':').next().unwrap_or_default()
}

/// What exiftool says about each of the files, tag by tag, as `Group:Tag`.
fn exiftool(files: &[PathBuf]) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let output = Command::new("exiftool").args(["-a", "-G1", "-json"]).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("exiftool is missing: run `make tools`: {error}"));
    assert!(output.status.success(), "exiftool: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("exiftool prints JSON")
}
