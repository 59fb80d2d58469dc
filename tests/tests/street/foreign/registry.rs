//! Our schemas in a registry that is not ours: who loses the race to register one finds it, who brings an incompatible one
//! is refused, and a record of an unknown one is told apart from a registry that is away.

use std::time::Duration;

use futures::future::join_all;
use proto::{Codec, DecodeError, EncodeError, Event as _, ImageUploaded};
use serde_json::{Value, json};
use street::servers::Apicurio;

const ANSWER_MAX: Duration = Duration::from_secs(20);
const STATIONS: usize = 12;

#[tokio::test]
async fn stations_that_register_the_same_schemas_at_once_all_find_them() {
    let registry = Apicurio::start().await;
    let stations: Vec<Codec> = (0..STATIONS).map(|_| codec(&registry)).collect();
    for registered in join_all(stations.iter().map(Codec::check)).await {
        registered.unwrap();
    }
    let subjects: Value = reqwest::get(registry.compatible_url("/subjects"))
        .await
        .unwrap()
        .json()
        .await
        .expect("subjects are JSON");
    assert_eq!(subjects.as_array().expect("subjects are a list").len(), 3, "{subjects}");
}

#[tokio::test]
async fn a_schema_that_breaks_what_is_registered_is_refused() {
    let registry = Apicurio::start().await;
    let subject = ImageUploaded::TOPIC.subject();
    // Other types under the numbers of our fields.
    let schema = r#"syntax = "proto3"; package safelight.v1; message ImageUploaded { string source = 1; string attempt = 2; }"#;
    let schema = json!({ "schemaType": "PROTOBUF", "schema": schema });
    send(reqwest::Method::POST, registry.compatible_url(&format!("/subjects/{subject}/versions")), schema)
        .await;
    let rule = json!({ "compatibility": "BACKWARD_TRANSITIVE" });
    send(reqwest::Method::PUT, registry.compatible_url(&format!("/config/{subject}")), rule).await;
    let refused = codec(&registry).check().await.expect_err("the schema is incompatible");
    assert!(matches!(&refused, EncodeError::Refused { subject: of, .. } if *of == subject), "{refused:?}");
}

#[tokio::test]
async fn a_record_of_an_unknown_schema_is_told_apart_from_a_registry_that_is_away() {
    let registry = Apicurio::start().await;
    let codec = codec(&registry);
    for id in [0, 4711, i32::MAX.cast_unsigned(), u32::MAX] {
        let record = [&[0][..], &id.to_be_bytes(), &[0, 10, 0]].concat();
        let refused = codec.decode::<ImageUploaded>(&record).await.expect_err("there is no such schema");
        assert!(matches!(refused, DecodeError::SchemaUnknown(of) if of == id), "{refused:?}");
    }
    drop(registry);
    let away = codec.decode::<ImageUploaded>(&[0, 0, 0, 0, 1, 0, 10, 0]).await.expect_err("nobody answers");
    assert!(matches!(away, DecodeError::Unavailable(_)), "{away:?}");
}

fn codec(registry: &Apicurio) -> Codec {
    Codec::new(&registry.compatible_url(""), ANSWER_MAX).expect("the registry has an address")
}

async fn send(method: reqwest::Method, url: String, body: Value) {
    let answer = reqwest::Client::new().request(method, url).json(&body).send().await.unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
}
