//! The processor's metrics.

use std::time::Duration;

use proto::Reason;

/// What an original is rejected for when its worker died.
const WORKER_DEATHS: [Reason; 3] = [Reason::DecodeTimeout, Reason::DecodeMemory, Reason::DecoderCrashed];

/// Counts an image that got its renditions.
pub(crate) fn rendered(took: Duration) {
    metrics::counter!("safelight_renders_total", "outcome" => "processed").increment(1);
    metrics::histogram!("safelight_render_seconds").record(took.as_secs_f64());
}

/// Counts an image that was rejected, and a worker's death where that was the cause.
pub(crate) fn rejected(reason: Reason) {
    metrics::counter!("safelight_renders_total", "outcome" => reason.name()).increment(1);
    if WORKER_DEATHS.contains(&reason) {
        metrics::counter!("safelight_worker_deaths_total", "reason" => reason.name()).increment(1);
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
        "Originals that cost two workers their life, by reason"
    );
    // An alert on a rise does not see a counter's first step out of nothing.
    for reason in WORKER_DEATHS {
        metrics::counter!("safelight_worker_deaths_total", "reason" => reason.name()).absolute(0);
    }
}
