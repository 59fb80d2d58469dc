//! Which Kafka a story runs on: an Apache Kafka of its own, or the cluster that `KAFKA_BOOTSTRAP_SERVERS` names.
//!
//! A cluster is shared by all stories, so one story has it at a time, and begins with topics that are new.

use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use proto::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::wait::eventually;

const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Holds the shared cluster for one story.
pub type Held = OwnedMutexGuard<()>;

/// Returns what `--kafka apache` stands for in this run, and the hold on it where it is shared.
pub async fn apache() -> (String, Option<Held>) {
    static SHARED: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);
    let Ok(servers) = std::env::var("KAFKA_BOOTSTRAP_SERVERS") else {
        return ("apache".to_owned(), None);
    };
    let held = Arc::clone(&SHARED).lock_owned().await;
    forget_topics(&servers).await;
    (servers, Some(held))
}

/// Deletes the house's topics; their groups' offsets go with them.
async fn forget_topics(servers: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", servers).create().expect("the address is usable");
    let names = Topic::ALL.map(Topic::name);
    eventually("the topics to be gone", ANSWER_MAX, async || {
        // Asked until nothing is left: a deletion is acknowledged before it is done.
        drop(admin.delete_topics(&names, &AdminOptions::new()).await);
        let metadata = admin.inner().fetch_metadata(None, ANSWER_MAX).ok()?;
        let is_left = metadata.topics().iter().any(|topic| names.contains(&topic.name()));
        (!is_left).then_some(())
    })
    .await;
}
