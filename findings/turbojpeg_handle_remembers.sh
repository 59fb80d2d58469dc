#!/usr/bin/env bash
# A TurboJPEG handle is meant to be kept and used for one image after another, and so everybody pools them. It remembers:
# an image that brings no Huffman tables of its own (T.81 B.5's abbreviated format; a webcam's MJPEG frames) is read with
# the tables of whatever image the handle saw before. On a new handle libjpeg-turbo puts in T.81's standard tables and
# the picture is right; behind a photo with optimised tables the same bytes are refused, or are other pixels. So what
# becomes of an image depends on who used the handle before. A service that must give the same bytes the same end has to
# make a handle for each image, or put the tables into each file.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat >"$dir/Cargo.toml" <<'TOML'
[package]
name = "remembers"
version = "0.0.0"
edition = "2021"
[dependencies]
turbojpeg = { version = "=1.5.1", default-features = false, features = ["cmake"] }
TOML
cat >"$dir/src/main.rs" <<'RUST'
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

const SIDE: usize = 64;

fn encoded(optimised: bool, pixel: impl Fn(usize) -> u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(pixel).collect();
    let image = Image { pixels: &pixels[..], width: SIDE, pitch: SIDE, height: SIDE, format: PixelFormat::GRAY };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Gray).unwrap();
    compressor.set_optimize(optimised).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

/// Takes the DHT segments out: the file was written with the standard tables and is right without them.
fn abbreviated(file: &[u8]) -> Vec<u8> {
    let (mut kept, mut at) = (file[..2].to_vec(), 2);
    while file[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        if file[at + 1] != 0xc4 {
            kept.extend_from_slice(&file[at..end]);
        }
        at = end;
    }
    kept.extend_from_slice(&file[at..]);
    kept
}

fn decoded(handle: &mut Decompressor, file: &[u8]) -> Result<Vec<u8>, String> {
    handle.read_header(file).map_err(|error| error.to_string())?;
    let mut pixels = vec![0; SIDE * SIDE];
    let image = Image { pixels: &mut pixels[..], width: SIDE, pitch: SIDE, height: SIDE, format: PixelFormat::GRAY };
    handle.decompress(file, image).map_err(|error| error.to_string())?;
    Ok(pixels)
}

fn main() {
    let frame = encoded(false, |at| (at % SIDE * 3 + at / SIDE) as u8);
    let short = abbreviated(&frame);
    let photo = encoded(true, |at| ((at / SIDE) ^ (at % SIDE)) as u8);
    println!("a frame of {} bytes, without its Huffman tables {}; a photo with optimised tables", frame.len(), short.len());

    let right = decoded(&mut Decompressor::new().unwrap(), &frame).unwrap();
    let fresh = decoded(&mut Decompressor::new().unwrap(), &short);
    let mut used = Decompressor::new().unwrap();
    decoded(&mut used, &photo).unwrap();
    let after = decoded(&mut used, &short);

    let say = |end: &Result<Vec<u8>, String>| match end {
        Ok(pixels) if *pixels == right => "the right pixels".to_owned(),
        Ok(pixels) => format!("other pixels, {} of {}", pixels.iter().zip(&right).filter(|(a, b)| a != b).count(), right.len()),
        Err(error) => format!("an error: {error}"),
    };
    println!("the short frame on a new handle: {}", say(&fresh));
    println!("the short frame behind the photo: {}", say(&after));
    let found = fresh.as_ref() == Ok(&right) && after.as_ref() != Ok(&right);
    println!("{}", if found { "as it was found" } else { "CHANGED: the handle forgets now" });
    std::process::exit(if found { 0 } else { 1 });
}
RUST
cd "$dir"
CARGO_TARGET_DIR=$dir/target cargo run --quiet
grep -A1 -E '^name = "turbojpeg(-sys)?"$' Cargo.lock | grep -v '^--' | paste - -
