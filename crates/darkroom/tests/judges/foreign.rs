//! Owns how the judges that are not ours are found and run. One that is missing fails the test and says what to do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs one of the scripts beside this file with the Python that `make tools` prepares; returns what it printed.
pub(crate) fn script(name: &str, arguments: &[&Path]) -> String {
    let cache =
        std::env::var_os("SAFELIGHT_CACHE").map_or_else(|| repository().join(".cache"), PathBuf::from);
    let python = cache.join("venv/bin/python");
    assert!(python.exists(), "`{}` is missing: run `make tools`", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges").join(name);
    let output = Command::new(python)
        .arg("-B")
        .arg(script)
        .args(arguments)
        // Every script has processes of its own: threads inside the arithmetic only get in their way.
        .env("OPENBLAS_NUM_THREADS", "1")
        .output();
    printed(name, &output.expect("the venv's Python starts"))
}

/// What a judge printed. Fails the test with its complaint where it has one.
fn printed(name: &str, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{text}\n{complaint}", output.status);
    text.into_owned()
}
