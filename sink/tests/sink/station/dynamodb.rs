//! DynamoDB in memory, behind a door that can be shut to writes: then rows are read and none is written, as while the
//! group that writes them is behind. Its index is consistent at once; the door can leave it behind, as a real one may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sink::Endpoint;
use street::servers::{listen, serve};
use street::wait::until;

#[derive(Clone)]
pub(crate) struct DynamoDb {
    url: String,
    door: Arc<Door>,
}

struct Door {
    behind: String,
    http: reqwest::Client,
    is_shut: AtomicBool,
    /// The index has heard of nothing yet.
    is_index_behind: AtomicBool,
}

async fn pass(State(door): State<Arc<Door>>, headers: HeaderMap, body: Bytes) -> Response {
    let asks =
        |operation: &str| headers["x-amz-target"].to_str().is_ok_and(|target| target.ends_with(operation));
    if asks(".Query") && door.is_index_behind.load(Ordering::SeqCst) {
        return r#"{"Items":[],"Count":0,"ScannedCount":0}"#.into_response();
    }
    if asks(".PutItem") && door.is_shut.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let sent = door.http.post(&door.behind).headers(headers).body(body).send().await;
    let answer = sent.expect("the server answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.bytes().await.expect("the whole answer")).into_response()
}

impl DynamoDb {
    pub(crate) async fn start() -> DynamoDb {
        let database = dynoxide::Database::memory().expect("memory suffices");
        let (listener, address) = listen().await;
        tokio::spawn(async move { dynoxide::server::serve_on(listener, database).await });
        let door = Door {
            behind: format!("http://{address}"),
            http: reqwest::Client::new(),
            is_shut: AtomicBool::new(false),
            is_index_behind: AtomicBool::new(false),
        };
        let door = Arc::new(door);
        let url = serve(Router::new().fallback(pass).with_state(Arc::clone(&door))).await;
        DynamoDb { url, door }
    }

    /// Shuts the door to writes, or opens it again.
    pub(crate) fn shut_to_writes(&self, is_shut: bool) {
        self.door.is_shut.store(is_shut, Ordering::SeqCst);
    }

    /// Lets the index know nothing of what is in the table, as it may for a while, or everything again.
    pub(crate) fn leave_index_behind(&self, is_behind: bool) {
        self.door.is_index_behind.store(is_behind, Ordering::SeqCst);
    }

    /// Gives the image's row a status that no sink of today knows, as a newer one might. Waits for the row: an image is
    /// seen as soon as its original is there.
    pub(crate) async fn make_unreadable(&self, id: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let keys = Credentials::new("local", "local", None, None, "local");
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(keys)
            .build();
        let update = aws_sdk_dynamodb::Client::from_conf(config)
            .update_item()
            .table_name("images")
            .key("pk", text(id))
            .update_expression("SET #status = :status")
            .condition_expression("attribute_exists(customer_id)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text("quarantined"));
        until("the row is changed", async || update.clone().send().await.is_ok()).await;
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: self.url.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: "local".to_owned(),
            secret_access_key: "local".to_owned(),
        }
    }
}
