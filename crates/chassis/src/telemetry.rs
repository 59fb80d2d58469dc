//! Logs and metrics of the process. Owns the subscriber and the recorder, of which a process has one each.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::{LogFormat, metrics};

/// Upper bounds of the buckets of every `_seconds` histogram.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];

/// Sends the process's log to stderr, filtered by `RUST_LOG`, or by `filter` where that is not set. The first call of a
/// process counts.
pub fn init_logs(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber is refused, which is what a test process with several stations wants.
    drop(match format {
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    });
}

/// The page behind `/metrics`.
#[derive(Clone)]
pub struct MetricsPage {
    recorder: PrometheusHandle,
    process: metrics_process::Collector,
}

/// Installs the recorder that every metric of the process goes to; a second call returns the same one's page.
pub fn init_metrics() -> MetricsPage {
    static PAGE: OnceLock<MetricsPage> = OnceLock::new();
    PAGE.get_or_init(install).clone()
}

fn install() -> MetricsPage {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .expect("the bounds are not empty")
        .install_recorder()
        .expect("this is the only recorder of the process");
    let process = metrics_process::Collector::default();
    process.describe();
    metrics::describe();
    MetricsPage { recorder, process }
}

impl MetricsPage {
    /// Returns the page in Prometheus' text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.recorder.run_upkeep();
        self.recorder.render()
    }

    /// Drains histograms between scrapes, so that an unscraped process stays small.
    pub(crate) fn upkeep(&self) {
        self.recorder.run_upkeep();
    }
}
