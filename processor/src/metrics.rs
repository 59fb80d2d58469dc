//! The processor's metrics.

use std::time::Duration;

use darkroom::worker::Pool;
use proto::Reason;

/// What workers die of.
const WORKER_DEATHS: [darkroom::Reason; 3] =
    [darkroom::Reason::DecodeTimeout, darkroom::Reason::DecodeMemory, darkroom::Reason::DecoderCrashed];

/// Counts an image that got its renditions.
pub(crate) fn rendered(took: Duration) {
    metrics::counter!("safelight_renders_total", "outcome" => "processed").increment(1);
    metrics::histogram!("safelight_render_seconds").record(took.as_secs_f64());
}

/// Counts an image that was rejected.
pub(crate) fn rejected(reason: Reason) {
    metrics::counter!("safelight_renders_total", "outcome" => reason.name()).increment(1);
}

/// What the host's doing is called among the reasons of deaths.
const HOST: &str = "host";

/// Takes over how many workers the pool has lost so far.
pub(crate) fn worker_deaths(pool: &Pool) {
    metrics::counter!("safelight_worker_deaths_total", "reason" => HOST).absolute(pool.deaths_by_the_host());
    for reason in WORKER_DEATHS {
        metrics::counter!("safelight_worker_deaths_total", "reason" => reason.as_str())
            .absolute(pool.deaths(reason));
    }
}

/// Describes the processor's metrics to the exporter.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "safelight_renders_total",
        "Images that came to an end in the processor, by outcome"
    );
    metrics::describe_histogram!("safelight_render_seconds", "From redeemed original to encoded renditions");
    metrics::describe_counter!(
        "safelight_worker_deaths_total",
        "Workers that died over an original, by reason; `host` is for those that it killed, stopped or starved"
    );
    // An alert on a rise does not see a counter's first step out of nothing.
    metrics::counter!("safelight_worker_deaths_total", "reason" => HOST).absolute(0);
    for reason in WORKER_DEATHS {
        metrics::counter!("safelight_worker_deaths_total", "reason" => reason.as_str()).absolute(0);
    }
}
