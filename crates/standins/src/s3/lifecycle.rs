//! Owns what a lifecycle configuration does: which rule is sound, and what is due at a given moment.
//!
//! Days round up to the next midnight UTC, as in S3. Transitions are kept but do nothing: there is one
//! storage class here.

use rusqlite::{Connection, params};
use s3s::dto::{self, BucketLifecycleConfiguration, LifecycleRule};
use s3s::{S3Result, s3_error};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Store;
use super::index::{Change, broken};
use super::ops::{multipart, uploads};
use super::rows::{self, Address, COLUMNS, Version, from_json, unix_ms};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const RULES_MAX: usize = 1000;
const REMOVALS_PER_COMMIT_MAX: i64 = 500;

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Current objects that expired: deleted, or hidden under a delete marker in a versioned bucket.
    pub objects_expired: u64,
    /// Old versions deleted for good.
    pub versions_removed: u64,
    /// Delete markers removed because nothing was under them any more.
    pub markers_removed: u64,
    /// Multipart uploads aborted.
    pub uploads_aborted: u64,
}

impl Swept {
    fn add(&mut self, other: Self) {
        self.objects_expired += other.objects_expired;
        self.versions_removed += other.versions_removed;
        self.markers_removed += other.markers_removed;
        self.uploads_aborted += other.uploads_aborted;
    }
}

/// Refuses what S3 refuses, and gives an id to each rule without one.
pub(super) fn check(
    mut configuration: BucketLifecycleConfiguration,
) -> S3Result<BucketLifecycleConfiguration> {
    if configuration.rules.is_empty() || configuration.rules.len() > RULES_MAX {
        return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed"));
    }
    for rule in &mut configuration.rules {
        check_rule(rule)?;
        rule.id.get_or_insert_with(|| Uuid::new_v4().simple().to_string());
    }
    let mut ids: Vec<_> = configuration.rules.iter().map(|rule| &rule.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(s3_error!(
            InvalidArgument,
            "Rule ID must be unique. Found same ID for more than one rule"
        ));
    }
    Ok(configuration)
}

fn check_rule(rule: &LifecycleRule) -> S3Result<()> {
    let status = rule.status.as_str();
    if status != dto::ExpirationStatus::ENABLED && status != dto::ExpirationStatus::DISABLED {
        return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed"));
    }
    let has_action = rule.expiration.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || rule.abort_incomplete_multipart_upload.is_some()
        || rule.transitions.as_ref().is_some_and(|them| !them.is_empty())
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|them| !them.is_empty());
    if !has_action {
        return Err(s3_error!(InvalidRequest, "At least one action needs to be specified in a rule"));
    }
    let days = [
        rule.expiration.as_ref().and_then(|it| it.days),
        rule.noncurrent_version_expiration.as_ref().and_then(|it| it.noncurrent_days),
        rule.abort_incomplete_multipart_upload.as_ref().and_then(|it| it.days_after_initiation),
    ];
    if days.into_iter().flatten().any(|days| days <= 0) {
        return Err(s3_error!(InvalidArgument, "'Days' in the rule's action must be a positive integer"));
    }
    let is_midnight = |date: &dto::Timestamp| unix_ms(date.clone().into()) % DAY_MS == 0;
    if rule.expiration.as_ref().and_then(|it| it.date.as_ref()).is_some_and(|date| !is_midnight(date)) {
        return Err(s3_error!(InvalidArgument, "'Date' must be at midnight GMT"));
    }
    Ok(())
}

/// Does everything that the rules of all buckets make due at `now`, in bounded commits.
pub(super) async fn apply(store: &Store, now: OffsetDateTime) -> S3Result<Swept> {
    let now_ms = unix_ms(now);
    let configured = store.index.read(|connection| configured(connection).map_err(broken)).await?;
    let mut swept = Swept::default();
    for (bucket, configuration) in configured {
        for rule in configuration.rules {
            if rule.status.as_str() == dto::ExpirationStatus::ENABLED {
                let due = Due { bucket: bucket.clone(), now_ms, rule };
                swept.add(due.apply(store).await?);
            }
        }
    }
    Ok(swept)
}

fn configured(connection: &Connection) -> rusqlite::Result<Vec<(String, BucketLifecycleConfiguration)>> {
    connection
        .prepare_cached("SELECT name, lifecycle FROM bucket WHERE lifecycle IS NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, from_json(&row.get::<_, String>(1)?)?)))?
        .collect()
}

#[derive(Clone)]
struct Due {
    bucket: String,
    now_ms: i64,
    rule: LifecycleRule,
}

type Sweep = fn(&Due, &Connection, i64) -> S3Result<Swath>;

/// One bounded piece of a sweep: what was done, the blobs to remove, where the next piece goes on.
#[derive(Default)]
struct Swath {
    swept: Swept,
    discarded: Vec<String>,
    next_seq: Option<i64>,
}

/// The versions of one piece that a rule's filter covers.
struct Stretch {
    versions: Vec<Version>,
    /// The last one that was looked at; none at the end.
    last_seq: Option<i64>,
}

impl Stretch {
    /// Visits them in their order.
    fn each(self, mut visit: impl FnMut(Version, &mut Swath) -> S3Result<()>) -> S3Result<Swath> {
        let mut swath = Swath { next_seq: self.last_seq, ..Swath::default() };
        for version in self.versions {
            visit(version, &mut swath)?;
        }
        Ok(swath)
    }
}

impl Due {
    async fn apply(self, store: &Store) -> S3Result<Swept> {
        let mut swept = Swept::default();
        let sweeps: [Sweep; 3] = [Self::sweep_current, Self::sweep_noncurrent, Self::sweep_markers];
        for sweep in sweeps {
            let mut next = Some(0);
            while let Some(seq) = next {
                let due = self.clone();
                let (part, seq) = store
                    .index
                    .write(Vec::new(), move |connection| {
                        let swath = sweep(&due, connection, seq)?;
                        Ok(Change { value: (swath.swept, swath.next_seq), discarded: swath.discarded })
                    })
                    .await?;
                swept.add(part);
                next = seq;
            }
        }
        swept.add(self.sweep_uploads(store).await?);
        Ok(swept)
    }

    /// Current objects: `Days` after they were written, or from `Date` on.
    fn sweep_current(&self, connection: &Connection, after_seq: i64) -> S3Result<Swath> {
        let Some(expiration) = &self.rule.expiration else {
            return Ok(Swath::default());
        };
        let is_due = |version: &Version| match (expiration.days, &expiration.date) {
            (Some(days), _) => self.is_past(version.modified_ms, days),
            (None, Some(date)) => self.now_ms >= unix_ms(date.clone().into()),
            (None, None) => false,
        };
        let stretch = self.stretch(connection, "latest = 1 AND marker = 0", after_seq)?;
        stretch.each(|version, swath| {
            if is_due(&version) {
                let effect = rows::delete_latest(connection, &self.address(&version), self.now_ms)?;
                swath.discarded.extend(effect.discarded);
                swath.swept.objects_expired += 1;
            }
            Ok(())
        })
    }

    /// Old versions: `NoncurrentDays` after they were replaced, but the newest few may be kept.
    fn sweep_noncurrent(&self, connection: &Connection, after_seq: i64) -> S3Result<Swath> {
        let Some(expiration) = &self.rule.noncurrent_version_expiration else {
            return Ok(Swath::default());
        };
        let days = expiration.noncurrent_days.unwrap_or(0);
        let kept = i64::from(expiration.newer_noncurrent_versions.unwrap_or(0));
        self.stretch(connection, "latest = 0", after_seq)?.each(|version, swath| {
            let since = version.noncurrent_ms.unwrap_or(version.modified_ms);
            if self.is_past(since, days) && self.newer_noncurrent(connection, &version)? >= kept {
                let effect = rows::delete_exact(connection, &self.address(&version), &version.version)?;
                swath.discarded.extend(effect.discarded);
                swath.swept.versions_removed += 1;
            }
            Ok(())
        })
    }

    fn newer_noncurrent(&self, connection: &Connection, version: &Version) -> S3Result<i64> {
        connection
            .prepare_cached(
                "SELECT count(*) FROM object WHERE bucket = ?1 AND key = ?2 AND seq > ?3 AND latest = 0",
            )
            .and_then(|mut select| {
                select.query_row(params![self.bucket, version.key, version.seq], |row| row.get(0))
            })
            .map_err(broken)
    }

    /// Delete markers with nothing under them, where the rule says so or their own days are over.
    fn sweep_markers(&self, connection: &Connection, after_seq: i64) -> S3Result<Swath> {
        let Some(expiration) = &self.rule.expiration else {
            return Ok(Swath::default());
        };
        let is_always = expiration.expired_object_delete_marker == Some(true);
        let filter = "latest = 1 AND marker = 1 AND NOT EXISTS
            (SELECT 1 FROM object o WHERE o.bucket = object.bucket AND o.key = object.key AND o.seq <> object.seq)";
        self.stretch(connection, filter, after_seq)?.each(|version, swath| {
            let is_over = expiration.days.is_some_and(|days| self.is_past(version.modified_ms, days));
            if is_always || is_over {
                rows::delete_exact(connection, &self.address(&version), &version.version)?;
                swath.swept.markers_removed += 1;
            }
            Ok(())
        })
    }

    async fn sweep_uploads(&self, store: &Store) -> S3Result<Swept> {
        let abort = self.rule.abort_incomplete_multipart_upload.as_ref();
        let Some(days) = abort.and_then(|it| it.days_after_initiation) else {
            return Ok(Swept::default());
        };
        let due = self.clone();
        store
            .index
            .write(Vec::new(), move |connection| {
                let mut swath = Swath::default();
                let begun = uploads::begun_before(connection, &due.bucket, due.prefix(), due.now_ms)?;
                for (id, initiated_ms) in begun {
                    if due.is_past(initiated_ms, days) {
                        swath.discarded.extend(multipart::forget(connection, &id).map_err(broken)?);
                        swath.swept.uploads_aborted += 1;
                    }
                }
                Ok(Change { value: swath.swept, discarded: swath.discarded })
            })
            .await
    }

    /// Looks at a bounded number of versions for those that the rule covers.
    fn stretch(&self, connection: &Connection, filter: &str, after_seq: i64) -> S3Result<Stretch> {
        let sql = format!(
            "SELECT {COLUMNS} FROM object WHERE bucket = ?1 AND seq > ?2 AND {filter} ORDER BY seq LIMIT ?3"
        );
        let mut versions: Vec<Version> = connection
            .prepare_cached(&sql)
            .and_then(|mut select| {
                let bound = params![self.bucket, after_seq, REMOVALS_PER_COMMIT_MAX];
                select.query_map(bound, Version::read)?.collect()
            })
            .map_err(broken)?;
        let last_seq = versions.last().map(|version| version.seq);
        versions.retain(|version| self.covers(version));
        Ok(Stretch { versions, last_seq })
    }

    fn prefix(&self) -> &str {
        let filter = self.rule.filter.as_ref();
        let and = filter.and_then(|filter| filter.and.as_ref());
        and.and_then(|and| and.prefix.as_deref())
            .or_else(|| filter.and_then(|filter| filter.prefix.as_deref()))
            .or(self.rule.prefix.as_deref())
            .unwrap_or_default()
    }

    fn covers(&self, version: &Version) -> bool {
        let filter = self.rule.filter.as_ref();
        let and = filter.and_then(|filter| filter.and.as_ref());
        let size = i64::try_from(version.size).unwrap_or(i64::MAX);
        let above = and
            .and_then(|it| it.object_size_greater_than)
            .or(filter.and_then(|it| it.object_size_greater_than));
        let below =
            and.and_then(|it| it.object_size_less_than).or(filter.and_then(|it| it.object_size_less_than));
        let is_sized = version.is_marker
            || (above.is_none_or(|least| size > least) && below.is_none_or(|most| size < most));
        let many = and.and_then(|it| it.tags.as_deref()).unwrap_or_default();
        let mut tags = many.iter().chain(filter.and_then(|it| it.tag.as_ref()));
        is_sized && version.key.starts_with(self.prefix()) && tags.all(|tag| carries(version, tag))
    }

    fn is_past(&self, since_ms: i64, days: i32) -> bool {
        self.now_ms >= due_ms(since_ms, days)
    }

    fn address(&self, version: &Version) -> Address {
        Address { bucket: self.bucket.clone(), key: version.key.clone() }
    }
}

fn carries(version: &Version, tag: &dto::Tag) -> bool {
    let key = tag.key.as_deref().unwrap_or_default();
    version.tags.get(key).map(String::as_str) == Some(tag.value.as_deref().unwrap_or_default())
}

/// The midnight UTC at or behind `days` whole days after `since_ms`.
fn due_ms(since_ms: i64, days: i32) -> i64 {
    let end = since_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS));
    let into_day = end.rem_euclid(DAY_MS);
    if into_day == 0 { end } else { end.saturating_add(DAY_MS - into_day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_round_up_to_midnight() {
        let noon = 20_000 * DAY_MS + DAY_MS / 2;
        assert_eq!(due_ms(noon, 1), 20_002 * DAY_MS);
        assert_eq!(due_ms(20_000 * DAY_MS, 7), 20_007 * DAY_MS);
    }
}
