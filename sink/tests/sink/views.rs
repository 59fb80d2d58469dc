//! What people see of their images: rows, lists, bytes, figures, and never anybody else's.

use std::time::Duration;

use futures::future::join_all;
use proto::{ImageId, Sha256, Topic, UnixMillis};
use street::reply::Reply;
use street::wait::until;

use crate::station::{ORIGINAL, Street, THUMB};

const WEEK_MS: i64 = 7 * 86_400_000;

#[tokio::test]
async fn an_image_is_seen_from_the_first_moment_to_its_renditions() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let photo = street.photo("acme", WEEK_MS).await;
    let before_any_row = street.get(&sink, &photo.path(), "acme").await.into_json();
    street.publish(&photo.uploaded(0)).await;
    let uploaded = street.until_status(&sink, &photo, "uploaded").await;
    assert_eq!(before_any_row["source"]["filename"], "a b.jpg");
    assert_eq!(before_any_row["uploaded_at"], uploaded["uploaded_at"]);
    assert_eq!(before_any_row["expires_at"], uploaded["expires_at"]);

    street.publish(&street.processed(&photo, 0).await).await;
    let image = street.until_status(&sink, &photo, "processed").await;
    let expected = serde_json::json!({
        "id": photo.id(), "customer_id": "acme", "status": "processed",
        "source": {
            "format": "jpeg", "width": 800, "height": 600, "bytes": ORIGINAL.len(),
            "sha256": Sha256::of(ORIGINAL).to_hex(), "filename": "a b.jpg",
        },
        "renditions": [{
            "name": "thumb", "format": "jpeg", "width": 320, "height": 240, "bytes": THUMB.len(),
            "sha256": Sha256::of(THUMB).to_hex(), "url": format!("{}/renditions/thumb", photo.path()),
        }],
        "failure": null,
        "uploaded_at": photo.source.uploaded_at.rfc3339(),
        "processed_at": image["processed_at"],
        "expires_at": photo.source.expires_at.rfc3339(),
    });
    assert_eq!(image, expected);
}

#[tokio::test]
async fn a_renditions_bytes_come_whole_in_part_or_not_again() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let photo = street.photo("acme", WEEK_MS).await;
    street.publish(&street.processed(&photo, 0).await).await;
    let path = format!("{}/renditions/thumb", photo.path());
    street.until_status(&sink, &photo, "processed").await;

    let whole = street.get(&sink, &path, "acme").await;
    let etag = format!("\"{}\"", Sha256::of(THUMB).to_hex());
    assert_eq!((whole.status, whole.header("etag"), &*whole.body), (200, &*etag, THUMB));
    assert_eq!(whole.header("content-type"), "image/jpeg");
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    for (name, value, status, bytes) in [
        ("if-none-match", &*etag, 304, &b""[..]),
        ("if-none-match", "\"other\"", 200, THUMB),
        ("range", "bytes=4-8", 206, &THUMB[4..=8]),
        ("range", "bytes=-5", 206, &THUMB[THUMB.len() - 5..]),
        ("range", "bytes=0-1,3-4", 200, THUMB),
        ("range", "bytes=999-", 416, &b""[..]),
    ] {
        let request = street.request(&sink, &path, "acme").header(name, value);
        let answer = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        match status {
            416 => assert_eq!(answer.header("content-range"), format!("bytes */{}", THUMB.len())),
            _ => assert_eq!(answer.body, bytes, "{name}: {value}"),
        }
    }
    assert_eq!(street.get(&sink, &format!("{}/renditions/huge", photo.path()), "acme").await.status, 404);
}

#[tokio::test]
async fn anothers_image_an_unknown_one_and_nonsense_are_the_same_byte_for_byte() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (with_row, without) = (street.photo("acme", WEEK_MS).await, street.photo("acme", WEEK_MS).await);
    street.publish(&street.processed(&with_row, 0).await).await;
    street.until_status(&sink, &with_row, "processed").await;
    let unknown = street.get(&sink, &format!("/v1/images/{}", ImageId::mint()), "globex").await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"not_found".into()));
    let nonsense = ["nonsense".to_owned(), "%ff".to_owned(), with_row.id().to_uppercase()];
    for id in [with_row.id(), without.id()].into_iter().chain(nonsense) {
        for end in ["", "/renditions/thumb", "/renditions/..%2f..%2fsource", "/renditions/%ff"] {
            let answer = street.get(&sink, &format!("/v1/images/{id}{end}"), "globex").await;
            assert_eq!(answer, unknown, "{id}{end}");
        }
    }
    let anonymous = reqwest::get(format!("{}{}", sink.url, with_row.path())).await.unwrap();
    assert_eq!(anonymous.status(), 401);
    assert_eq!(street.get(&sink, "/v1/nothing", "acme").await.status, 404);
}

#[tokio::test]
async fn a_list_is_paged_newest_first_and_its_cursor_is_of_use_to_its_customer_only() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let photo = street.photo("acme", WEEK_MS).await;
        match number % 2 {
            0 => street.publish(&street.processed(&photo, 0).await).await,
            _ => street.publish(&photo.failed(0)).await,
        }
        ids.push(photo.id());
    }
    street.publish(&street.photo("globex", WEEK_MS).await.uploaded(0)).await;
    ids.reverse();
    let list = async |query: &str| street.get(&sink, &format!("/v1/images{query}"), "acme").await;
    let ids_of = |page: &serde_json::Value| -> Vec<String> {
        let images = page["images"].as_array().expect("a list").iter();
        images.map(|image| image["id"].as_str().expect("an id").to_owned()).collect()
    };
    until("all rows are there", async || ids_of(&list("").await.into_json()).len() == 7).await;

    let (mut listed, mut query) = (Vec::new(), "?limit=3".to_owned());
    let mut cursor = String::new();
    loop {
        let page = list(&query).await.into_json();
        listed.extend(ids_of(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
        query = format!("?limit=3&cursor={next}");
    }
    assert_eq!(listed, ids);
    let failed = list("?status=failed").await.into_json();
    assert_eq!(ids_of(&failed).len(), 3);
    assert_eq!(failed["images"][0]["failure"]["reason"], "truncated");

    let stolen = street.get(&sink, &format!("/v1/images?cursor={cursor}"), "globex").await;
    assert_eq!((stolen.status, &stolen.json()["code"]), (400, &"malformed".into()));
    for query in ["?limit=0", "?limit=201", "?limit=x", "?status=gone", "?cursor=x", "?customer_id=acme"] {
        assert_eq!(list(query).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_list_is_complete_after_a_reset_though_the_tables_index_is_behind() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (ready, failed) = (street.photo("acme", WEEK_MS).await, street.photo("acme", WEEK_MS).await);
    street.dynamodb.leave_index_behind(true);
    street.publish(&street.processed(&ready, 0).await).await;
    street.publish(&failed.failed(0)).await;
    street.until_status(&sink, &ready, "processed").await;
    street.until_status(&sink, &failed, "failed").await;
    let mut events = street.stream(&sink, "acme", Some("a place that nobody knows")).await;
    assert_eq!(events.next().await.expect("an event").name, "reset");
    let ids = async |query: &str| -> Vec<String> {
        let page = street.get(&sink, &format!("/v1/images{query}"), "acme").await.into_json();
        let images = page["images"].as_array().expect("a list").iter();
        images.map(|image| image["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids("").await, [failed.id(), ready.id()]);
    assert_eq!(ids("?status=failed").await, [failed.id()]);
    street.dynamodb.leave_index_behind(false);
    assert_eq!(ids("").await, [failed.id(), ready.id()], "and each once");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_of_its_own_and_hides_no_other() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (unreadable, stuck) = (street.photo("acme", WEEK_MS).await, street.photo("acme", WEEK_MS).await);
    street.publish(&unreadable.uploaded(0)).await;
    street.publish(&stuck.uploaded(0)).await;
    street.until_status(&sink, &unreadable, "uploaded").await;
    street.until_status(&sink, &stuck, "uploaded").await;
    street.dynamodb.make_unreadable(&unreadable.id()).await;
    for end in ["", "/renditions/thumb"] {
        let path = format!("{}{end}", unreadable.path());
        let answer = street.get(&sink, &path, "acme").await;
        assert_eq!((answer.status, &answer.json()["code"]), (500, &"internal".into()));
        let unknown = street.get(&sink, &format!("/v1/images/{}{end}", ImageId::mint()), "globex").await;
        assert_eq!(street.get(&sink, &path, "globex").await, unknown, "a stranger learns nothing");
    }
    let list = street.get(&sink, "/v1/images", "acme").await.into_json();
    assert_eq!(list["images"].as_array().unwrap().len(), 1);
    assert_eq!(list["images"][0]["id"], stuck.id());
    // What a newer sink has written is not the sweep's to doubt.
    street.kafka.passes("processor", Topic::Uploaded);
    let swept = sink.sweep.once(Duration::ZERO).await.unwrap();
    assert_eq!((swept.looked_at, swept.republished), (2, 1));
}

#[tokio::test]
async fn nobody_sees_an_image_after_its_time() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let (with_row, without) = (street.photo("acme", 4000).await, street.photo("acme", 4000).await);
    let processed = street.processed(&with_row, 0).await;
    street.publish(&processed).await;
    street.until_status(&sink, &with_row, "processed").await;
    let rendition = format!("{}/renditions/thumb", with_row.path());
    for path in [with_row.path(), rendition, without.path()] {
        until("it is gone", async || street.get(&sink, &path, "acme").await.status == 404).await;
    }
    assert!(UnixMillis::now() >= with_row.source.expires_at, "not before its time");
    assert_eq!(street.get(&sink, "/v1/images", "acme").await.into_json()["images"], serde_json::json!([]));
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_its_description() {
    let street = Street::start().await;
    let sink = street.sink(&[]).await;
    let get = async |path: &str| Reply::of(reqwest::get(format!("{}{path}", sink.url)).await.unwrap()).await;
    let page = get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let html = String::from_utf8(page.body).unwrap();
    let assets: Vec<_> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(assets.len() >= 2);
    for answer in join_all(assets.iter().map(|path| get(path))).await {
        assert_eq!(answer.status, 200);
        assert!(answer.header("cache-control").ends_with("immutable"));
    }
    assert_eq!(get("/openapi.json").await.into_json()["info"]["title"], "Safelight");
    let missing = get("/assets/nothing.js").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
    assert_eq!(get("/assets/%ff").await, missing);
}
