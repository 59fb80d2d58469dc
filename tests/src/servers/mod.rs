//! The servers that tests stand on, each on loopback and gone with the test: versitygw, Apache Kafka, Apicurio Registry and
//! DynamoDB Local, which others wrote, as children; librdkafka's own broker and the laptop's registry and issuer in this
//! process. Owns how each is started and when it is ready. Knows no station.

mod apache_kafka;
mod apicurio;
mod broker;
mod child;
mod dynamodb_local;
mod issuer;
mod registry;
mod versitygw;

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

pub use apache_kafka::ApacheKafka;
pub use apicurio::Apicurio;
pub use broker::{Broker, Lying};
pub use dynamodb_local::DynamoDbLocal;
pub use issuer::Issuer;
pub use registry::Registry;
pub use standins::issuer::Role;
pub use versitygw::{ACCESS_KEY, ORIGINALS, RENDITIONS, SECRET_KEY, Versitygw, s3_client};

/// Takes a free port.
pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    (listener, address)
}

/// Serves a router until the test's runtime ends, and returns its URL.
pub async fn serve(router: Router) -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
