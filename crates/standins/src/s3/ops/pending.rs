//! Owns what an upload said when it began, and finding it while it is under way.

use rusqlite::{Connection, OptionalExtension as _};
use s3s::dto;
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

use crate::s3::checks::Algorithm;
use crate::s3::index::broken;
use crate::s3::rows::{self, Address, Attributes, Tags, from_json};

/// What was decided when the upload began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Announced {
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) is_composite: bool,
}

/// The name of the checksum's kind: of the whole, or of the parts' checksums.
pub(super) fn kind_name(plan: &Announced) -> &'static str {
    if plan.is_composite { dto::ChecksumType::COMPOSITE } else { dto::ChecksumType::FULL_OBJECT }
}

/// The plan of an upload that is under way; `NoSuchUpload` without one.
pub(super) fn find(connection: &Connection, address: &Address, id: &str) -> S3Result<Announced> {
    rows::versioning(connection, &address.bucket)?;
    let plan = connection
        .prepare_cached("SELECT plan FROM upload WHERE id = ?1 AND bucket = ?2 AND key = ?3")
        .and_then(|mut select| {
            let found = select.query_row([id, &address.bucket, &address.key], |row| row.get::<_, String>(0));
            found.optional()
        })
        .map_err(broken)?;
    let plan = plan.ok_or_else(|| {
        s3_error!(
            NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        )
    })?;
    from_json(&plan).map_err(broken)
}
