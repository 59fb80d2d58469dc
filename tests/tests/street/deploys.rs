//! Stations of different builds beside each other: what one has queued the other finishes.

use std::time::Duration;

use proto::{Codec, ImageProcessed, ImageUploaded, RecipeId, Topic};
use rdkafka::message::Message as _;
use street::stack::Stack;
use street::tools::photo;
use street::wait::eventually;

use crate::repeats::{produce, records};

const ANSWER_MAX: Duration = Duration::from_secs(30);
/// The built-in recipe's id in builds that hashed the engine's version too.
const OLDER_ID: &str = "default-1-fade6683";

#[tokio::test]
async fn what_an_older_build_has_queued_is_processed_and_says_which_engine_made_it() {
    let stack = Stack::up(&["--kafka", "embedded"]).await;
    let api = stack.api("acme");
    let id = api.upload(&photo("friends.jpg")).await;
    api.processed(&id).await;

    let codec = Codec::new(stack.address("schema_registry"), ANSWER_MAX).unwrap();
    let queued = records(&stack, Topic::Uploaded);
    let fact: ImageUploaded = codec.decode(queued[0].payload().unwrap()).await.unwrap();
    let older: RecipeId = OLDER_ID.parse().unwrap();
    assert_ne!(fact.source.recipe, older);
    let source = proto::Source { recipe: older.clone(), ..fact.source };
    let value = codec.encode(&ImageUploaded { source, attempt: 1 }).await.unwrap();
    produce(&stack, Topic::Uploaded, id.as_bytes(), &value).await;

    let processed = eventually("the older build's image to be processed", ANSWER_MAX, async || {
        for record in records(&stack, Topic::Processed) {
            let fact: ImageProcessed = codec.decode(record.payload()?).await.ok()?;
            if fact.attempt == 1 {
                return Some(fact);
            }
        }
        None
    })
    .await;
    assert_eq!(processed.source.recipe, older, "pinned is pinned");
    assert_eq!(processed.engine, Some(darkroom::ENGINE_VERSION));
    assert_eq!(processed.renditions.len(), 3);
    assert!(processed.renditions.iter().all(|made| made.object.key.to_string().contains(OLDER_ID)));
}
