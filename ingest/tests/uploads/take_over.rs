//! A claim whose owner is slow and not gone: whoever of the two stores the original, both say the same of it.

use depot::{Bucket, Deposit};
use futures::StreamExt as _;
use proto::{CustomerId, ObjectKey};
use street::wait::until;

use crate::station::{Street, png};
use crate::{MULTIPART_BYTES, at};

const STORED_RECIPE: &str = "own-3-00000000";

#[tokio::test]
async fn a_take_over_that_finds_the_original_stored_publishes_what_was_stored() {
    let street = Street::start(&[]).await;
    let depot = street.depot().await;
    let (acme, id) = (CustomerId::parse("acme").unwrap(), at(3600));
    depot.claim(&ObjectKey::claim(&acme, "k"), id).await.unwrap();

    let bytes = png(MULTIPART_BYTES);
    let (parts, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    let request = street.request_to("?filename=second.png", "acme").header("idempotency-key", "k");
    let second = street.send(request.body(reqwest::Body::wrap_stream(body.boxed())));
    let first_is_slow = async {
        let (most, rest) = bytes.split_at(MULTIPART_BYTES - 1000);
        parts.unbounded_send(Ok(most.to_vec())).unwrap();
        until("the second attempt stores", async || street.s3.unfinished_uploads().await == 1).await;
        let key = ObjectKey::original(&acme, id);
        let metadata = [
            ("channel", "api".to_owned()),
            ("recipe", STORED_RECIPE.to_owned()),
            ("filename", "first%2Epng".to_owned()),
            ("expires-at-unix-ms", "4102444800000".to_owned()),
        ];
        let deposit =
            Deposit { bucket: Bucket::Originals, key: &key, content_type: "image/png", metadata: &metadata };
        depot.deposit(deposit, bytes.clone().into()).await.unwrap();
        parts.unbounded_send(Ok(rest.to_vec())).unwrap();
        parts.close_channel();
    };
    let (answer, ()) = tokio::join!(second, first_is_slow);
    assert_eq!((answer.status, answer.id()), (202, &*id.to_string()), "{answer:?}");

    let facts = street.uploaded().await;
    let source = &facts[0].event.source;
    assert_eq!(source.filename.as_deref(), Some("first.png"));
    assert_eq!(source.recipe.as_str(), STORED_RECIPE);
    assert_eq!(source.expires_at.0, 4_102_444_800_000);
    assert!(source.picture.is_some());
}
