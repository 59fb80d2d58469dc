//! The page is embedded at compile time: a new build of it is a new build of this crate.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
    println!("cargo::rerun-if-changed=openapi.json");
}
