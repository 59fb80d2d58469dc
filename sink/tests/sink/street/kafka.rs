//! librdkafka's own broker, with a registry that knows three subjects.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use proto::Topic;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PARTITIONS: i32 = 3;

pub(crate) struct Kafka {
    pub(crate) brokers: String,
    pub(crate) registry_url: String,
    _cluster: MockCluster<'static, DefaultProducerContext>,
}

#[derive(Clone, Default)]
struct Registry(Arc<Mutex<Vec<Value>>>);

async fn register(State(Registry(schemas)): State<Registry>, Json(body): Json<Value>) -> Json<Value> {
    let mut schemas = schemas.lock().expect("no holder panics");
    let at = schemas.iter().position(|schema| *schema == body).unwrap_or_else(|| {
        schemas.push(body);
        schemas.len() - 1
    });
    Json(json!({"id": at + 1}))
}

async fn schema(State(Registry(schemas)): State<Registry>, Path(id): Path<usize>) -> Json<Value> {
    Json(schemas.lock().expect("no holder panics")[id - 1].clone())
}

impl Kafka {
    pub(crate) async fn start() -> Kafka {
        let cluster = MockCluster::new(1).expect("a broker");
        for topic in Topic::ALL {
            cluster.create_topic(topic.name(), PARTITIONS, 1).expect("a topic");
        }
        let router = Router::new()
            .route("/subjects/{subject}/versions", post(register))
            .route("/subjects/{subject}", post(register))
            .route("/schemas/ids/{id}", get(schema))
            .with_state(Registry::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let registry_url = format!("http://{}", listener.local_addr().expect("a bound address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Kafka { brokers: cluster.bootstrap_servers(), registry_url, _cluster: cluster }
    }
}
