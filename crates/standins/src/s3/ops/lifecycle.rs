//! Owns the lifecycle configuration of a bucket as data: checked, kept, read back as it was given.

use rusqlite::{OptionalExtension as _, params};
use s3s::dto::{self, BucketLifecycleConfiguration};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::s3::Store;
use crate::s3::index::{Change, broken};
use crate::s3::lifecycle::check;
use crate::s3::rows::{self, from_json, to_json};

pub(super) async fn put(
    store: Store,
    request: S3Request<dto::PutBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<dto::PutBucketLifecycleConfigurationOutput>> {
    let input = request.input;
    let configuration = input.lifecycle_configuration.unwrap_or_default();
    let configuration = check(configuration)?;
    set(&store, input.bucket, Some(to_json(&configuration))).await?;
    Ok(S3Response::new(dto::PutBucketLifecycleConfigurationOutput::default()))
}

pub(super) async fn delete(
    store: Store,
    request: S3Request<dto::DeleteBucketLifecycleInput>,
) -> S3Result<S3Response<dto::DeleteBucketLifecycleOutput>> {
    set(&store, request.input.bucket, None).await?;
    Ok(S3Response::new(dto::DeleteBucketLifecycleOutput::default()))
}

async fn set(store: &Store, bucket: String, configuration: Option<String>) -> S3Result<()> {
    store
        .index
        .write(Vec::new(), move |connection| {
            rows::versioning(connection, &bucket)?;
            connection
                .prepare_cached("UPDATE bucket SET lifecycle = ?2 WHERE name = ?1")
                .and_then(|mut update| update.execute(params![bucket, configuration]))
                .map_err(broken)?;
            Ok(Change { value: (), discarded: Vec::new() })
        })
        .await
}

pub(super) async fn get(
    store: Store,
    request: S3Request<dto::GetBucketLifecycleConfigurationInput>,
) -> S3Result<S3Response<dto::GetBucketLifecycleConfigurationOutput>> {
    let bucket = request.input.bucket;
    let kept: Option<String> = store
        .index
        .read(move |connection| {
            rows::versioning(connection, &bucket)?;
            let kept = connection
                .prepare_cached("SELECT lifecycle FROM bucket WHERE name = ?1")
                .and_then(|mut select| select.query_row([&bucket], |row| row.get(0)).optional())
                .map_err(broken)?;
            Ok(kept.flatten())
        })
        .await?;
    let kept = kept.ok_or_else(|| {
        s3_error!(NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist")
    })?;
    let configuration: BucketLifecycleConfiguration = from_json(&kept).map_err(broken)?;
    Ok(S3Response::new(dto::GetBucketLifecycleConfigurationOutput {
        rules: Some(configuration.rules),
        transition_default_minimum_object_size: None,
    }))
}
