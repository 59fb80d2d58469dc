//! Every format goes in, every rendition comes out, on both brokers.

use street::stack::Stack;
use street::stream::Ear;
use street::tools::photo;

const GOOD: [&str; 6] =
    ["autumn.webp", "bowl.png", "brushes.gif", "dandelion.jpg", "friends.jpg", "mountains.jpg"];

#[tokio::test]
async fn each_format_is_processed_on_apache_kafka() {
    each_format_is_processed(&Stack::up(&["--kafka", "apache"]).await).await;
}

#[tokio::test]
async fn each_format_is_processed_on_the_embedded_broker() {
    each_format_is_processed(&Stack::up(&["--kafka", "embedded"]).await).await;
}

async fn each_format_is_processed(stack: &Stack) {
    let api = stack.api("acme");
    let ear = Ear::open(&api).await;
    for name in GOOD {
        let id = api.upload(&photo(name)).await;
        let image = api.processed(&id).await;
        let format = image["renditions"][0]["format"].as_str().unwrap();
        let expected = if name == "bowl.png" || format == "webp" { "webp" } else { "jpeg" };
        assert_eq!(format, expected, "{name}: alpha becomes WebP, the rest JPEG");
        assert_eq!(image["source"]["filename"], "story.jpg");
        let key = (id.clone(), "processed".to_owned());
        street::wait::eventually("the stream shows it", std::time::Duration::from_secs(10), async || {
            ear.heard().contains(&key).then_some(())
        })
        .await;
    }
    assert_eq!(api.list().await.len(), GOOD.len());
    assert!(stack.api("other").list().await.is_empty(), "another customer sees nothing");
}

#[tokio::test]
async fn an_image_turned_by_its_exif_tag_stands_upright() {
    let stack = Stack::up(&["--kafka", "embedded"]).await;
    let api = stack.api("acme");
    let image = api.processed(&api.upload(&photo("friends.jpg")).await).await;
    let source = &image["source"];
    let upright =
        |value: &serde_json::Value| value["height"].as_u64().unwrap() > value["width"].as_u64().unwrap();
    assert_eq!(upright(source), upright(&image["renditions"][0]), "{image}");
}
