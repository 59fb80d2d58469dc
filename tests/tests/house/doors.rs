//! Owns the doors: which outside crate may be named in which files. Doors bind what runs in production, so
//! `tests/`, benches and `#[cfg(test)]` items are free.

use std::fs;

use crate::source::{Source, production_code, sources};
use crate::{assert_none, root};

/// A door: outside crates as the code names them, and the places that may. A place is the beginning of a path, or
/// `*` in front of its end.
struct Door {
    crates: &'static [&'static str],
    places: &'static [&'static str],
}

const DOORS: &[Door] = &[
    Door { crates: &["rdkafka"], places: &["crates/conveyor/", "crates/standins/"] },
    Door { crates: &["aws_sdk_s3"], places: &["crates/depot/"] },
    Door { crates: &["aws_sdk_dynamodb"], places: &["sink/src/table/"] },
    Door { crates: &["prost", "schema_registry_converter"], places: &["proto/"] },
    Door {
        crates: &["axum", "hyper", "hyper_util", "tower", "tower_http", "reqwest", "jsonwebtoken"],
        places: &[
            "crates/gate/",
            "crates/chassis/",
            "crates/standins/",
            "crates/safelight/",
            "ingest/src/http/",
            "ingest/src/http.rs",
            "sink/src/http/",
            "sink/src/http.rs",
        ],
    },
    Door { crates: &["rusqlite"], places: &["sink/", "crates/standins/"] },
];

/// The macros of the `metrics` crate, each of which makes a metric where it stands.
const METRICS_MACROS: &[&str] =
    &["counter!", "gauge!", "histogram!", "describe_counter!", "describe_gauge!", "describe_histogram!"];

/// Pixels, by package: a module of ours may well be called `image`, so manifests are read instead of sources.
const PIXELS: &[&str] = &[
    "image",
    "fast_image_resize",
    "turbojpeg",
    "webp",
    "libwebp-sys",
    "moxcms",
    "png",
    "gif",
    "image-webp",
    "thumbhash",
];

/// What darkroom must not know: async, AWS, Kafka, HTTP.
const NOT_IN_DARKROOM: &[&str] =
    &["tokio", "futures", "rdkafka", "aws-sdk-s3", "aws-config", "axum", "reqwest"];

fn stands_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| match place.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None => path.starts_with(place),
    })
}

/// The lines on which `word` stands as a whole identifier.
fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let whole = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let part = |c: char| c.is_alphanumeric() || c == '_';
            !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part)
        })
    };
    code.lines().enumerate().filter(|(_, line)| whole(line)).map(|(at, _)| at + 1).collect()
}

fn door_faults(source: &Source) -> Vec<String> {
    let code = production_code(&source.text);
    let mut faults = Vec::new();
    for door in DOORS.iter().filter(|door| !stands_in(&source.path, door.places)) {
        for name in door.crates {
            let lines = lines_with(&code, name);
            faults.extend(
                lines
                    .iter()
                    .map(|line| format!("{}:{line}: `{name}` is named outside its door", source.path)),
            );
        }
    }
    if !source.path.ends_with("/metrics.rs") {
        for name in METRICS_MACROS {
            let lines = lines_with(&code, name);
            faults.extend(
                lines.iter().map(|line| format!("{}:{line}: `{name}` outside a metrics.rs", source.path)),
            );
        }
    }
    faults
}

/// Packages that a manifest needs to build or run, tests aside.
fn packages_of(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|section| section.keys().cloned())
        .collect()
}

fn manifest_faults(path: &str, manifest: &str) -> Vec<String> {
    let forbidden = match path {
        path if path.starts_with("crates/darkroom/") => NOT_IN_DARKROOM,
        _ => PIXELS,
    };
    packages_of(manifest)
        .iter()
        .filter(|package| forbidden.contains(&package.as_str()))
        .map(|package| format!("{path}: `{package}` does not belong here"))
        .collect()
}

const MEMBERS: &[&str] = &["proto", "ingest", "processor", "sink", "crates"];

#[test]
fn every_outside_world_is_reached_through_its_one_door() {
    let all: Vec<Source> = MEMBERS.iter().flat_map(|member| sources(&root(), member, &[".rs"])).collect();
    assert!(all.len() >= 10, "only {} sources were found", all.len());
    let in_production =
        |path: &str| path.contains("/src/") && !path.ends_with("/tests.rs") && !path.contains("/tests/");
    let faults: Vec<_> =
        all.iter().filter(|source| in_production(&source.path)).flat_map(door_faults).collect();
    assert_none("doors", &faults);
}

#[test]
fn pixels_are_darkrooms_and_darkroom_knows_nothing_else() {
    let faults: Vec<_> = MEMBERS
        .iter()
        .flat_map(|member| sources(&root(), member, &["Cargo.toml"]))
        .flat_map(|manifest| manifest_faults(&manifest.path, &manifest.text))
        .collect();
    assert_none("packages", &faults);
}

#[test]
fn every_place_with_a_door_exists_once_its_station_does() {
    let gone: Vec<_> = DOORS
        .iter()
        .flat_map(|door| door.places)
        .filter(|place| place.ends_with('/') && place.matches('/').count() < 3)
        .filter(|place| !fs::exists(root().join(place)).expect("the folder can be asked for"))
        .map(|place| (*place).to_owned())
        .collect();
    assert_none("doors into places that are gone", &gone);
}

#[test]
fn a_world_reached_past_its_door_is_found() {
    let faults =
        |path: &str, text: &str| door_faults(&Source { path: path.to_owned(), text: text.to_owned() }).len();
    assert_eq!(faults("ingest/src/accept.rs", "use rdkafka::producer::FutureProducer;"), 1);
    assert_eq!(faults("sink/src/retention/sweep.rs", "fn f(c: &aws_sdk_dynamodb::Client) {}"), 1);
    assert_eq!(faults("sink/src/table/rows.rs", "fn f(c: &aws_sdk_dynamodb::Client) {}"), 0);
    assert_eq!(faults("processor/src/run.rs", "use axum::Router;"), 1);
    assert_eq!(faults("ingest/src/http/images.rs", "use axum::Router;"), 0);
    assert_eq!(faults("crates/conveyor/src/codec.rs", "#[derive(prost::Message)] struct A;"), 1);
    assert_eq!(faults("sink/src/run.rs", "metrics::counter!(\"a\").increment(1);"), 1);
    assert_eq!(faults("sink/src/metrics.rs", "metrics::counter!(\"a\").increment(1);"), 0);
    assert_eq!(
        faults("ingest/src/a.rs", "/// Unlike rdkafka.\nlet a = \"rdkafka\"; my_rdkafka(); rdkafkaish();"),
        0
    );
    assert_eq!(faults("ingest/src/a.rs", "#[cfg(test)]\nmod tests { use rdkafka::X; }"), 0);
}

#[test]
fn a_package_in_the_wrong_crate_is_found() {
    let faults = |path: &str, manifest: &str| manifest_faults(path, manifest).len();
    assert_eq!(faults("ingest/Cargo.toml", "[dependencies]\nimage.workspace = true\n"), 1);
    assert_eq!(faults("crates/darkroom/Cargo.toml", "[dependencies]\nimage.workspace = true\n"), 0);
    assert_eq!(faults("crates/darkroom/Cargo.toml", "[dependencies]\ntokio = { workspace = true }\n"), 1);
    assert_eq!(faults("ingest/Cargo.toml", "[dev-dependencies]\nimage.workspace = true\n"), 0);
}
