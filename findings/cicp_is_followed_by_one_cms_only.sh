#!/usr/bin/env bash
# ICC.1:2022 (v4.4) lets a display profile say its transfer a second time, as H.273 code points in a `cicp` tag beside the
# curves (made for HDR stills in PQ and HLG). One would guess that libraries agree on which of the two
# counts, or that a CMS which knows no PQ says so. They do not: lcms2, behind Pillow, sharp and ImageMagick, never uses
# the tag and takes the curves; moxcms, behind image-rs, drops the curves for the code points. The same file then has other
# colours in a Rust service than in every tool that it is compared with, here by a hundred levels, and neither reports
# anything. Who needs the others' colours has to take `cicp` out before moxcms reads the profile.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat >"$dir/Cargo.toml" <<'TOML'
[package]
name = "cicp"
version = "0.0.0"
edition = "2021"
[dependencies]
moxcms = "=0.8.1"
TOML
cat >"$dir/src/main.rs" <<'RUST'
use moxcms::*;

fn main() {
    let mut profile = ColorProfile::new_display_p3();
    profile.cicp = None;
    write("curves.icc", &profile);
    profile.cicp = Some(CicpProfile {
        color_primaries: CicpColorPrimaries::Smpte432,
        transfer_characteristics: TransferCharacteristics::Smpte2084,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    write("curves-and-cicp.icc", &profile);
    for name in std::env::args().skip(1) {
        let profile = ColorProfile::new_from_slice(&std::fs::read(name).unwrap()).unwrap();
        let transform = profile
            .create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
            .unwrap();
        let mut seen = [0; 3];
        transform.transform(&[200, 100, 50], &mut seen).unwrap();
        println!("{} {} {}", seen[0], seen[1], seen[2]);
    }
}

fn write(name: &str, profile: &ColorProfile) {
    std::fs::write(name, profile.encode().unwrap()).unwrap();
}
RUST
cat >"$dir/lcms.py" <<'PYTHON'
import sys

from PIL import Image, ImageCms

for name in sys.argv[1:]:
    transform = ImageCms.buildTransform(name, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    print(*ImageCms.applyTransform(Image.new("RGB", (1, 1), (200, 100, 50)), transform).getpixel((0, 0)))
PYTHON
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==12.0.0
venv/bin/python -c 'from PIL import Image, ImageCms; print("Pillow", Image.__version__, "with lcms2", ImageCms.core.littlecms_version)'
files="curves.icc curves-and-cicp.icc"
moxcms=$(CARGO_TARGET_DIR=$dir/target cargo run --quiet -- $files)
lcms=$(venv/bin/python lcms.py $files)
grep -A1 '^name = "moxcms"$' Cargo.lock | paste - -
echo "200 100 50 in Display P3, in sRGB:"
paste <(printf '%s\n' $files) <(echo "$lcms") <(echo "$moxcms") | awk -F'\t' 'BEGIN { print "profile\tlcms2\tmoxcms" } 1' | column -ts $'\t'
python3 - "$lcms" "$moxcms" <<'PYTHON'
import sys

lcms, moxcms = ([tuple(map(int, line.split())) for line in text.splitlines()] for text in sys.argv[1:])
far = lambda a, b: max(abs(x - y) for x, y in zip(a, b))
found = lcms[0] == lcms[1] and far(lcms[0], moxcms[0]) <= 2 and far(lcms[1], moxcms[1]) > 20
print("as it was found" if found else "CHANGED")
sys.exit(not found)
PYTHON
