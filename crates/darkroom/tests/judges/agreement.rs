//! The renditions of a matrix of inputs agree with what Pillow makes of the same bytes.

use crate::{foreign, press};

#[test]
fn renditions_agree_with_pillow() {
    let folder = tempfile::tempdir().expect("a folder");
    foreign::script("matrix.py", &[folder.path()]);
    press::develop(folder.path());
    println!("{}", foreign::script("agree.py", &[folder.path()]));
}

/// A quarter of a pixel, an ignored profile, two levels of brightness: the bounds are tight enough to tell.
#[test]
fn the_judge_sees_a_mistake() {
    foreign::script("eyes.py", &[]);
}
