//! The chassis' metrics.

/// Sets whether the process takes work.
pub(crate) fn ready(is_ready: bool) {
    metrics::gauge!("safelight_ready").set(if is_ready { 1.0 } else { 0.0 });
}

/// Describes the chassis' metrics to the exporter.
pub(crate) fn describe() {
    metrics::describe_gauge!("safelight_ready", "1 when the process takes work, else 0");
}
