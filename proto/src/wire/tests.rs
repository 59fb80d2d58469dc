//! Round trips, golden bytes, and the .proto files held to the generated code.

use std::num::NonZeroU32;

use proptest::prelude::*;

use crate::{
    Channel, ClaimCheck, Colour, CustomerId, DeadRecord, Event, Format, ImageFailed, ImageId, ImageProcessed,
    ImageUploaded, ObjectKey, Picture, Placeholder, Reason, RenditionFact, Sha256, Source, ThumbHash,
    UnixMillis,
};

fn source(customer: &str, millis: i64, filename: Option<String>) -> Source {
    let customer_id = CustomerId::parse(customer).unwrap();
    let image_id: ImageId = if millis == 0 {
        "019aa5c7-0f7b-7000-8000-00000000000c".parse().unwrap()
    } else {
        ImageId::mint_at(UnixMillis(millis))
    };
    Source {
        original: check(ObjectKey::original(&customer_id, image_id)),
        image_id,
        customer_id,
        channel: Channel::Api,
        filename,
        picture: Some(Picture { format: Format::Jpeg, width: 4000, height: 3000 }),
        recipe: "default-1-5feb9b0f".parse().unwrap(),
        uploaded_at: image_id.uploaded_at(),
        expires_at: UnixMillis(image_id.uploaded_at().0 + 604_800_000),
    }
}

fn check(key: ObjectKey) -> ClaimCheck {
    ClaimCheck {
        bucket: "originals".to_owned(),
        key,
        version: Some("v1".to_owned()),
        etag: "\"e\"".to_owned(),
        bytes: 3,
        sha256: Sha256::of(b"abc"),
    }
}

fn processed(source: Source) -> ImageProcessed {
    let key = ObjectKey::Rendition {
        customer: source.customer_id.clone(),
        id: source.image_id,
        recipe: source.recipe.clone(),
        name: "thumb".to_owned(),
        format: Format::Webp,
    };
    let rendition = RenditionFact {
        name: "thumb".to_owned(),
        format: Format::Webp,
        width: 320,
        height: 240,
        object: check(key),
    };
    let placeholder = Placeholder::default();
    ImageProcessed {
        processed_at: source.uploaded_at,
        source,
        attempt: 2,
        renditions: vec![rendition],
        placeholder,
        engine: None,
    }
}

/// As a processor publishes it since the engine is in it.
fn processed_by(engine: u32, source: Source) -> ImageProcessed {
    ImageProcessed { engine: NonZeroU32::new(engine), ..processed(source) }
}

fn failed(source: Option<Source>, value: &[u8]) -> ImageFailed {
    ImageFailed {
        source,
        attempt: 1,
        reason: Reason::Truncated,
        detail: "ends early".to_owned(),
        failed_at: UnixMillis(5),
        original: DeadRecord::keep(value, vec![("traceparent".to_owned(), b"00-1".to_vec())], 4),
    }
}

fn round_trips<E: Event + PartialEq + std::fmt::Debug>(event: &E) {
    assert_eq!(&E::decode(&event.encode()).unwrap(), event);
}

proptest! {
    #[test]
    fn facts_round_trip(customer in "[a-zA-Z/.]{1,20}", millis in 1_i64..4_000_000_000_000, name in proptest::option::of("\\PC{1,30}"), engine in any::<u32>(), value in proptest::collection::vec(any::<u8>(), 0..64)) {
        let source = source(&customer, millis, name);
        round_trips(&ImageUploaded { source: source.clone(), attempt: 7 });
        round_trips(&processed_by(engine, source.clone()));
        round_trips(&failed(Some(source), &value));
        round_trips(&failed(None, &value));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        drop(ImageUploaded::decode(&bytes));
        drop(ImageProcessed::decode(&bytes));
        drop(ImageFailed::decode(&bytes));
    }
}

#[test]
fn a_fact_about_somebody_elses_object_is_refused() {
    let mut uploaded = ImageUploaded { source: source("acme", 1, None), attempt: 0 };
    uploaded.source.original.key =
        ObjectKey::original(&CustomerId::parse("other").unwrap(), uploaded.source.image_id);
    let why = ImageUploaded::decode(&uploaded.encode()).unwrap_err().to_string();
    assert!(why.contains("another image"), "{why}");
}

#[test]
fn a_placeholder_round_trips_and_a_wrong_one_is_refused() {
    let mut fact = processed(source("acme", 1, None));
    fact.placeholder = Placeholder {
        thumbhash: Some(ThumbHash::new(vec![9; 21]).unwrap()),
        dominant_colour: Some(Colour([0, 0, 0])),
    };
    round_trips(&fact);
    fact.placeholder.thumbhash = None;
    round_trips(&fact);
    let bytes = processed(source("acme", 1, None)).encode();
    // Field 5, three bytes; field 6, `red`.
    for wrong in [&b"\x2a\x03abc"[..], b"\x32\x03red"] {
        assert!(ImageProcessed::decode(&[&bytes, wrong].concat()).is_err());
    }
}

#[test]
fn a_letter_too_large_is_cut_and_keeps_length_and_hash() {
    let letter = failed(None, b"abcdefgh");
    assert!(letter.original.is_cut());
    assert_eq!(letter.original.value, b"abcd");
    assert_eq!(letter.original.value_sha256, Some(Sha256::of(b"abcdefgh")));
}

#[test]
fn the_bytes_on_the_wire_never_change() {
    let source = source("acme", 0, Some("a.jpg".to_owned()));
    let uploaded = ImageUploaded { source: source.clone(), attempt: 1 };
    let golden = [
        uploaded.encode(),
        // Without an engine it is what older builds wrote, to the byte.
        processed(source.clone()).encode(),
        processed_by(3, source.clone()).encode(),
        failed(Some(source), b"value").encode(),
    ];
    let expected = include_str!("golden.hex");
    let actual: Vec<String> = golden.iter().map(hex::encode).collect();
    assert_eq!(actual, expected.lines().collect::<Vec<_>>());
}

/// `make proto` writes the sums together with the code; the generator itself is no part of a test's build.
#[test]
fn the_generated_code_is_that_of_the_proto_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sums = include_str!("../safelight.v1.sha256");
    let sealed: Vec<(&str, &str)> = sums.lines().map(|line| line.split_once("  ").unwrap()).collect();
    for (sum, name) in &sealed {
        let bytes = std::fs::read(root.join(name)).unwrap();
        assert_eq!(&Sha256::of(&bytes).to_string(), sum, "{name} has changed: run `make proto`");
    }
    let mut there: Vec<String> = std::fs::read_dir(root.join("safelight/v1"))
        .unwrap()
        .map(|file| format!("safelight/v1/{}", file.unwrap().file_name().to_str().unwrap()))
        .collect();
    there.sort();
    there.push("src/safelight.v1.rs".to_owned());
    assert_eq!(sealed.iter().map(|(_, name)| *name).collect::<Vec<_>>(), there, "run `make proto`");
}

#[test]
fn what_the_files_share_is_the_same_in_each() {
    let shared = |text: &str| {
        let begin = text.find("  // Where the bytes lie").unwrap();
        let end =
            text.find("  int64 expires_at_unix_ms").or(text.find("    int64 expires_at_unix_ms")).unwrap();
        text[begin..end].to_owned()
    };
    let uploaded = shared(ImageUploaded::SCHEMA);
    assert_eq!(uploaded, shared(ImageProcessed::SCHEMA));
    assert_eq!(uploaded, shared(ImageFailed::SCHEMA));
}
