//! Owns deletes: the object, one version of it, a delete marker on top, or up to a thousand at once.

use rusqlite::Connection;
use s3s::dto::{self, ETagCondition};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::get::check_version_id;
use crate::s3::Store;
use crate::s3::conditions::{ReadConditions, Verdict, failed};
use crate::s3::index::Change;
use crate::s3::rows::{self, Address, Effect};

const OBJECTS_MAX: usize = 1000;

pub(super) async fn one(
    store: Store,
    request: S3Request<dto::DeleteObjectInput>,
) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
    let input = request.input;
    let address = Address { bucket: input.bucket, key: input.key };
    let effect = store
        .index
        .write(Vec::new(), move |connection| {
            let target = Target { address, version: input.version_id, if_match: input.if_match };
            let mut effect = target.delete(connection)?;
            let discarded = std::mem::take(&mut effect.discarded);
            Ok(Change { value: effect, discarded })
        })
        .await?;
    Ok(S3Response::new(dto::DeleteObjectOutput {
        delete_marker: effect.is_marker.then_some(true),
        version_id: effect.version,
        ..dto::DeleteObjectOutput::default()
    }))
}

pub(super) async fn many(
    store: Store,
    request: S3Request<dto::DeleteObjectsInput>,
) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
    let dto::DeleteObjectsInput { bucket, delete, .. } = request.input;
    if delete.objects.is_empty() || delete.objects.len() > OBJECTS_MAX {
        return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed"));
    }
    let is_quiet = delete.quiet.unwrap_or(false);
    let output =
        store.index.write(Vec::new(), move |connection| all(connection, &bucket, delete.objects)).await?;
    let deleted = (!is_quiet).then_some(output.0);
    let errors = (!output.1.is_empty()).then_some(output.1);
    Ok(S3Response::new(dto::DeleteObjectsOutput { deleted, errors, request_charged: None }))
}

type Outcomes = (Vec<dto::DeletedObject>, Vec<dto::Error>);

fn all(
    connection: &Connection,
    bucket: &str,
    objects: Vec<dto::ObjectIdentifier>,
) -> S3Result<Change<Outcomes>> {
    rows::versioning(connection, bucket)?;
    let mut outcomes = Outcomes::default();
    let mut discarded = Vec::new();
    for object in objects {
        let target = Target {
            address: Address { bucket: bucket.to_owned(), key: object.key.clone() },
            version: object.version_id.clone(),
            if_match: object.e_tag.map(ETagCondition::ETag),
        };
        match target.delete(connection) {
            Ok(effect) => outcomes.0.push(deleted(object.key, object.version_id, effect, &mut discarded)),
            Err(error) => outcomes.1.push(dto::Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(object.key),
                message: error.message().map(ToOwned::to_owned),
                version_id: object.version_id,
            }),
        }
    }
    Ok(Change { value: outcomes, discarded })
}

fn deleted(
    key: String,
    version_id: Option<String>,
    effect: Effect,
    discarded: &mut Vec<String>,
) -> dto::DeletedObject {
    discarded.extend(effect.discarded);
    dto::DeletedObject {
        key: Some(key),
        delete_marker: effect.is_marker.then_some(true),
        delete_marker_version_id: effect.version.filter(|_| effect.is_marker),
        version_id,
    }
}

struct Target {
    address: Address,
    version: Option<String>,
    if_match: Option<ETagCondition>,
}

impl Target {
    fn delete(self, connection: &Connection) -> S3Result<Effect> {
        if let Some(id) = &self.version {
            check_version_id(id)?;
        }
        if self.if_match.is_some() {
            self.check(connection)?;
        }
        match &self.version {
            Some(id) => rows::delete_exact(connection, &self.address, id),
            None => rows::delete_latest(connection, &self.address, rows::now_ms()),
        }
    }

    fn check(&self, connection: &Connection) -> S3Result<()> {
        let found = match &self.version {
            Some(id) => rows::exact(connection, &self.address, id)?,
            None => rows::latest(connection, &self.address)?,
        };
        let conditions = ReadConditions { if_match: self.if_match.clone(), ..ReadConditions::default() };
        let version = found
            .filter(|version| !version.is_marker)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?;
        match conditions.judge(&version) {
            Verdict::Go => Ok(()),
            Verdict::NotModified | Verdict::Failed => Err(failed()),
        }
    }
}
