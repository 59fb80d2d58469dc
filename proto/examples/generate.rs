//! Writes `src/safelight.v1.rs` from the .proto files, and beside it the SHA-256 of what it was made from and of what
//! was made: a test holds the files to these, so that only `make proto`, which runs this, builds the generator.

use std::fs;
use std::path::Path;

use proto::Sha256;

/// The facts that go over Kafka, one file each, in the order of an image's life.
const FACTS: [&str; 3] = ["image_uploaded", "image_processed", "image_failed"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = FACTS.map(|name| format!("safelight/v1/{name}.proto"));
    let set = protox::compile(&files, [root]).expect("the .proto files compile");
    let mut config = prost_build::Config::new();
    // One Rust type for what is the same in all three files, which may not import each other.
    for message in ["ImageProcessed", "ImageFailed"] {
        for nested in ["Source", "ClaimCheck", "Format", "Channel"] {
            config.extern_path(
                format!(".safelight.v1.{message}.{nested}"),
                format!("crate::v1::image_uploaded::{nested}"),
            );
        }
    }
    config.out_dir(root.join("src")).compile_fds(set).expect("the code can be written");
    let mut sealed: Vec<String> = files.into_iter().chain(["src/safelight.v1.rs".to_owned()]).collect();
    sealed.sort();
    let lines: String = sealed.iter().map(|name| line(root, name)).collect();
    fs::write(root.join("src/safelight.v1.sha256"), lines).expect("the sums can be written");
}

/// One line as `sha256sum` writes it.
fn line(root: &Path, name: &str) -> String {
    let bytes = fs::read(root.join(name)).expect("the file is there");
    format!("{}  {name}\n", Sha256::of(&bytes))
}
