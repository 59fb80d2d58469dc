//! The sample photos, rendered: what the demo promises about each of them holds for the bytes.

use std::path::PathBuf;

use darkroom::{Developed, Extent, Format, Limits, Plan, RenderError, Rendition, SourceFormat, render};

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/photos").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

fn plan() -> Plan {
    let sizes = [("thumb", 320), ("medium", 1024), ("large", 2048)];
    sizes.map(|(name, longer_side_px)| Rendition::new(name, longer_side_px, 80)).to_vec().into()
}

fn developed(name: &str) -> Developed {
    render(&sample(name), &plan(), &Limits::DEFAULT).expect("a good sample")
}

#[test]
fn each_sample_becomes_what_the_demo_promises() {
    use {Format as F, SourceFormat as S};
    for (name, source, (width, height), format) in [
        ("friends.jpg", S::Jpeg, (1065, 1600), F::Jpeg),
        ("mountains.jpg", S::Jpeg, (1500, 1125), F::Jpeg),
        ("dandelion.jpg", S::Jpeg, (2400, 1350), F::Jpeg),
        ("bowl.png", S::Png, (500, 381), F::Webp),
        ("autumn.webp", S::Webp, (1800, 1198), F::Jpeg),
        ("brushes.gif", S::Gif, (520, 409), F::Jpeg),
    ] {
        let made = developed(name);
        assert_eq!(made.source.format, source, "{name}");
        let picture = made.source.size();
        assert_eq!(picture, Extent::new(width, height), "{name}");
        for (planned, made) in plan().renditions.iter().zip(&made.renditions) {
            assert_eq!(Extent::new(made.width, made.height), planned.size_of(picture), "{name}");
            assert_eq!((made.name.as_str(), made.format), (planned.name.as_str(), format), "{name}");
            let read = image::load_from_memory(&made.bytes).expect("a rendition is a picture");
            assert_eq!((read.width(), read.height()), (made.width, made.height), "{name}");
        }
        assert_eq!(developed(name), made, "{name}: the same bytes twice");
    }
}

#[test]
fn the_broken_sample_is_truncated() {
    let error = render(&sample("truncated.jpg"), &plan(), &Limits::DEFAULT).expect_err("it is broken");
    assert!(matches!(error, RenderError::Truncated(_)), "{error}");
}

#[test]
fn no_metadata_survives() {
    let marks: [&[u8]; 6] = [b"Exif", b"EXIF", b"ICC", b"XMP", b"Adobe", b"Sample Camera"];
    let holds = |bytes: &[u8], mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    assert!(holds(&sample("friends.jpg"), b"Sample Camera"));
    for name in ["friends.jpg", "mountains.jpg", "bowl.png", "autumn.webp"] {
        for made in developed(name).renditions {
            for mark in marks {
                assert!(!holds(&made.bytes, mark), "{name}: {}", String::from_utf8_lossy(mark));
            }
        }
    }
}

/// The stored sample lies on its side. Seen upright, the dark window frame is left and the white wall right.
#[test]
fn the_rotated_sample_is_seen_upright() {
    let made = developed("friends.jpg");
    let seen = image::load_from_memory(&made.renditions[0].bytes).expect("a thumb").to_luma8();
    let mean = |left: u32, right: u32| {
        let column = |x: u32| (0..40).map(move |y| (x, y));
        let samples: Vec<u32> =
            (left..right).flat_map(column).map(|(x, y)| u32::from(seen.get_pixel(x, y).0[0])).collect();
        samples.iter().sum::<u32>() / u32::try_from(samples.len()).expect("a few pixels")
    };
    let (width, frame) = (seen.width(), mean(44, 70));
    assert!(
        mean(width - 80, width - 10) > 180 && frame < 110,
        "wall {}, frame {frame}",
        mean(width - 80, width - 10)
    );
}
