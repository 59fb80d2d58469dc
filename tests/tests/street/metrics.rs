//! What the stations tell about themselves: figures that Prometheus takes and alerts find, and one trace through all.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use proto::Topic;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use street::stack::Stack;
use street::stations::{Station, Stations};
use street::tools::{photo, root};
use street::wait::eventually;

/// The lag is looked at every few seconds.
const FIGURES_MAX: Duration = Duration::from_secs(30);
const LOGGED_MAX: Duration = Duration::from_secs(10);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn what_is_measured_passes_promtool_and_holds_all_that_alerts_and_panels_ask_for() {
    let stack = Stack::up(&["--kafka", "embedded"]).await;
    let api = stack.api("acme");
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
    api.failed(&api.upload(&photo("truncated.jpg")).await, "truncated").await;
    assert_eq!(api.post(b"no image", None).await.unwrap().status(), 415);
    let url = format!("{}/metrics", stack.address("admin"));
    let asked = asked_for();
    let page = eventually("every metric that is asked for", FIGURES_MAX, async || {
        let page = reqwest::get(&url).await.ok()?.text().await.ok()?;
        let missing: Vec<_> = asked.difference(&measured(&page)).cloned().collect();
        assert!(missing.len() < asked.len(), "nothing is measured at all: {page}");
        missing.is_empty().then_some(page)
    })
    .await;
    assert_eq!(promtool_says(&page), "");
}

#[tokio::test]
async fn one_trace_id_runs_through_everything() {
    let stack = Stack::up(&["--kafka", "apache", "--stations", "none"]).await;
    let stations = Stations::start(&stack.env(), stack.folder()).await;
    let api = stations.api(&stack.token("acme"));
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let answer = api.post_traced(&photo("friends.jpg"), &traceparent).await;
    let id = answer["id"].as_str().unwrap();
    api.processed(id).await;
    for (station, says) in
        [(&stations.ingest, "accepted"), (&stations.processor, "processed"), (&stations.sink, "row written")]
    {
        logged(station, id, says).await;
    }
    for topic in [Topic::Uploaded, Topic::Processed] {
        let header = traceparent_of(stack.address("kafka"), topic, id);
        assert_eq!(header.split('-').nth(1), Some(TRACE), "{topic}: {header}");
    }
}

/// Waits for the station's word on the image, which must carry the trace.
async fn logged(station: &Station, id: &str, says: &str) {
    let line = eventually(&format!("`{says}` in a log"), LOGGED_MAX, async || {
        let log = station.process().log();
        log.lines().find(|line| line.contains(id) && line.contains(says)).map(str::to_owned)
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    assert_eq!(line["span"]["trace.id"], TRACE, "{line}");
}

/// Returns the `traceparent` header of the image's record.
fn traceparent_of(kafka: &str, topic: Topic, id: &str) -> String {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "trace-story")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic.name()), LOGGED_MAX).unwrap();
    let mut places = rdkafka::TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        places.add_partition_offset(topic.name(), partition.id(), rdkafka::Offset::Beginning).unwrap();
    }
    consumer.assign(&places).unwrap();
    let message = consumer.poll(LOGGED_MAX).expect("the record is there").unwrap();
    assert_eq!(message.key(), Some(id.as_bytes()));
    let headers = message.headers().expect("a fact has headers");
    let found = headers.iter().find(|header| header.key == "traceparent").expect("a fact has a trace");
    String::from_utf8(found.value.unwrap().to_vec()).unwrap()
}

/// The metrics that the alerts and the dashboard name, without what a histogram adds.
fn asked_for() -> BTreeSet<String> {
    let files = ["deploy/prometheus/rules.yml", "deploy/grafana/dashboards/safelight.json"];
    let text = files.map(|file| std::fs::read_to_string(root().join(file)).unwrap()).concat();
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let base = |word: &str| {
        let found = ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end));
        found.unwrap_or(word).to_owned()
    };
    words.filter(|word| word.starts_with("safelight_")).map(base).collect()
}

/// The metrics on a page.
fn measured(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    types.map(str::to_owned).collect()
}

fn promtool_says(page: &str) -> String {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: run `make tools`");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(said.status.success(), "{text}");
    text
}
