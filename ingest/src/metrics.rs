//! Ingest's figures: what became of uploads, and how many bytes were taken in.

/// What became of an upload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Accepted,
    Repeated,
    Refused,
    Conflict,
    Overloaded,
    ShareHeld,
    Unknown,
    Failed,
}

/// Describes the metrics, once per process.
pub(crate) fn describe() {
    metrics::describe_counter!("safelight_uploads_total", "Uploads by outcome.");
    metrics::describe_counter!(
        "safelight_upload_bytes_total",
        metrics::Unit::Bytes,
        "Bytes of uploads that were acknowledged."
    );
}

pub(crate) fn uploaded(outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Repeated => "repeated",
        Outcome::Refused => "refused",
        Outcome::Conflict => "conflict",
        Outcome::Overloaded => "overloaded",
        Outcome::ShareHeld => "share_held",
        Outcome::Unknown => "outcome_unknown",
        Outcome::Failed => "failed",
    };
    metrics::counter!("safelight_uploads_total", "outcome" => outcome).increment(1);
}

pub(crate) fn took(bytes: u64) {
    metrics::counter!("safelight_upload_bytes_total").increment(bytes);
}
