//! Owns the conditional headers: which of them hold for a version, and in which order they are asked.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};
use time::OffsetDateTime;

use super::rows::Version;

/// The conditions of a read, or of a copy's source.
#[derive(Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

/// Whether a read may go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    NotModified,
    Failed,
}

impl ReadConditions {
    /// Asks in the order of RFC 9110, section 13.2.2: an ETag outweighs a date.
    pub(super) fn judge(&self, version: &Version) -> Verdict {
        let modified_s = version.modified_ms.div_euclid(1000);
        let is_matching = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => matches(condition, &version.etag),
            (None, Some(since)) => modified_s <= unix_s(since),
            (None, None) => true,
        };
        if !is_matching {
            return Verdict::Failed;
        }
        let is_fresh = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, &version.etag),
            (None, Some(since)) => modified_s <= unix_s(since),
            (None, None) => false,
        };
        if is_fresh { Verdict::NotModified } else { Verdict::Go }
    }
}

/// The conditions of a write.
#[derive(Debug, Default)]
pub(super) struct WriteConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// Refuses what S3 does not know either, before a byte of the body is read.
    pub(super) fn parse(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<Self> {
        let is_known = !matches!(if_none_match, Some(ETagCondition::ETag(_)))
            && !matches!(if_match, Some(ETagCondition::Any));
        if !is_known || (if_match.is_some() && if_none_match.is_some()) {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented"
            ));
        }
        Ok(Self { if_match, if_none_match })
    }

    /// Holds the conditions against the current version; a delete marker counts as no object.
    pub(super) fn check(&self, latest: Option<&Version>) -> S3Result<()> {
        let current = latest.filter(|version| !version.is_marker);
        if self.if_none_match.is_some() && current.is_some() {
            return Err(failed());
        }
        match (&self.if_match, current) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (Some(condition), Some(version)) if matches(condition, &version.etag) => Ok(()),
            (Some(_), Some(_)) => Err(failed()),
        }
    }
}

/// The refusal of a condition that does not hold.
pub(super) fn failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(wanted) | ETag::Weak(wanted)) => wanted == etag,
    }
}

fn unix_s(at: &Timestamp) -> i64 {
    OffsetDateTime::from(at.clone()).unix_timestamp()
}
