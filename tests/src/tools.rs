//! Where the built binaries, the fetched servers and the photos are. A part that is missing is an error with its remedy.

use std::path::{Path, PathBuf};

/// Returns the repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// Returns one of the repository's binaries, built in the same profile as this test.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let found = test.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not built beside {}: run `make build`", test.display()))
}

/// Returns a part of the cache that `make tools` fills.
pub fn cached(part: &str) -> PathBuf {
    let cache = std::env::var_os("SAFELIGHT_CACHE").map_or_else(|| root().join(".cache"), PathBuf::from);
    let path = cache.join(part);
    assert!(path.exists(), "`{}` is missing: run `make tools`", path.display());
    path
}

/// Reads a sample photo.
pub fn photo(name: &str) -> Vec<u8> {
    let path = root().join("tests/photos").join(name);
    std::fs::read(&path).unwrap_or_else(|cause| panic!("read {}: {cause}", path.display()))
}
