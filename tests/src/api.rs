//! A client of the API as a customer's program would be.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::wait::eventually;

/// Long enough for a loaded machine that has just lost a station.
const ENDED_MAX: Duration = Duration::from_secs(90);
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Speaks to ingest and sink for one customer.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    ingest: String,
    sink: String,
    token: String,
}

impl Api {
    /// Makes a client; both addresses are the same where one origin serves all.
    pub fn new(ingest: &str, sink: &str, token: &str) -> Api {
        let http = reqwest::Client::builder().timeout(REQUEST_MAX).build().expect("a client needs nothing");
        Api { http, ingest: ingest.to_owned(), sink: sink.to_owned(), token: token.to_owned() }
    }

    /// Posts an image and returns whatever is answered.
    pub async fn post(&self, bytes: &[u8], key: Option<&str>) -> reqwest::Result<Response> {
        let request = self.http.post(format!("{}/v1/images?filename=story.jpg", self.ingest));
        let request = request.header("content-type", "image/jpeg").body(bytes.to_vec());
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        request.bearer_auth(&self.token).send().await
    }

    /// Posts an image that must be accepted, and returns its id.
    pub async fn upload(&self, bytes: &[u8]) -> String {
        let answer = self.post(bytes, None).await.expect("ingest answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("answers are JSON");
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        body["id"].as_str().expect("an accepted upload has an id").to_owned()
    }

    /// Posts an image as a part of the caller's own trace, which must be accepted.
    pub async fn post_traced(&self, bytes: &[u8], traceparent: &str) -> Value {
        let request = self.http.post(format!("{}/v1/images", self.ingest));
        let request = request.header("content-type", "image/jpeg").header("traceparent", traceparent);
        let answer =
            request.body(bytes.to_vec()).bearer_auth(&self.token).send().await.expect("ingest answers");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.expect("answers are JSON")
    }

    /// GETs a path of the sink; waits when told that it asks too often.
    pub async fn get(&self, path: &str) -> Response {
        eventually("the sink not to be asked too often", ENDED_MAX, async || {
            let answer = self.try_get(path).await.expect("the sink answers");
            (answer.status() != StatusCode::TOO_MANY_REQUESTS).then_some(answer)
        })
        .await
    }

    /// GETs a path of the sink, which may be away.
    pub async fn try_get(&self, path: &str) -> reqwest::Result<Response> {
        self.authorised(self.http.get(format!("{}{path}", self.sink))).send().await
    }

    /// Returns an image, which must be visible.
    pub async fn image(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/images/{id}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "image {id}");
        answer.json().await.expect("an image is JSON")
    }

    /// Waits until an image has come to its end, and returns it.
    pub async fn ended(&self, id: &str) -> Value {
        eventually(&format!("the end of image {id}"), ENDED_MAX, async || {
            let answer = self.try_get(&format!("/v1/images/{id}")).await.ok()?;
            let image: Value = answer.json().await.ok()?;
            matches!(image["status"].as_str(), Some("processed" | "failed")).then_some(image)
        })
        .await
    }

    /// Waits for the end and demands renditions that are readable and what they claim to be.
    pub async fn processed(&self, id: &str) -> Value {
        let image = self.ended(id).await;
        assert_eq!(image["status"], "processed", "{image}");
        let renditions = image["renditions"].as_array().expect("renditions are a list");
        assert_eq!(renditions.len(), 3, "{image}");
        for rendition in renditions {
            let url = rendition["url"].as_str().expect("a rendition has a url");
            let answer = self.get(url).await;
            assert_eq!(answer.status(), StatusCode::OK, "{url}");
            let bytes = answer.bytes().await.expect("a rendition is readable");
            assert_eq!(bytes.len() as u64, rendition["bytes"].as_u64().expect("bytes is a number"));
            assert_eq!(proto::Sha256::of(&bytes).to_hex(), rendition["sha256"], "{url}");
        }
        image
    }

    /// Waits for the end and demands this reason.
    pub async fn failed(&self, id: &str, reason: &str) -> Value {
        let image = self.ended(id).await;
        assert_eq!(image["failure"]["reason"], reason, "{image}");
        image
    }

    /// Returns every id of the customer's list, walked page by page.
    pub async fn list(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut path = "/v1/images?limit=100".to_owned();
        loop {
            let page: Value = self.get(&path).await.json().await.expect("a list is JSON");
            let images = page["images"].as_array().expect("a list has images");
            ids.extend(images.iter().filter_map(|image| image["id"].as_str().map(str::to_owned)));
            let Some(cursor) = page["next_cursor"].as_str() else {
                return ids;
            };
            path = format!("/v1/images?limit=100&cursor={cursor}");
        }
    }

    /// Opens the live stream behind the last event seen.
    pub async fn stream(&self, last_event_id: Option<&str>) -> reqwest::Result<Response> {
        let client = reqwest::Client::new();
        let request = client.get(format!("{}/v1/stream", self.sink));
        let request = match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        self.authorised(request).send().await
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.token)
    }
}
