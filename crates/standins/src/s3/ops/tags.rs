//! Owns the tags of an object: at most ten, set with the object or afterwards.

use rusqlite::{Connection, params};
use s3s::dto;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::get::resolve;
use crate::s3::Store;
use crate::s3::index::{Change, broken};
use crate::s3::refusal::refusal;
use crate::s3::rows::{Address, Tags, to_json};

const TAGS_MAX: usize = 10;
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;

pub(super) async fn get(
    store: Store,
    request: S3Request<dto::GetObjectTaggingInput>,
) -> S3Result<S3Response<dto::GetObjectTaggingOutput>> {
    let dto::GetObjectTaggingInput { bucket, key, version_id, .. } = request.input;
    let address = Address { bucket, key };
    let (found, version_id) =
        store.index.read(move |connection| resolve(connection, &address, version_id.as_deref())).await?;
    let pair = |(key, value)| dto::Tag { key: Some(key), value: Some(value) };
    let tag_set = found.tags.into_iter().map(pair).collect();
    Ok(S3Response::new(dto::GetObjectTaggingOutput { tag_set, version_id }))
}

pub(super) async fn put(
    store: Store,
    request: S3Request<dto::PutObjectTaggingInput>,
) -> S3Result<S3Response<dto::PutObjectTaggingOutput>> {
    let dto::PutObjectTaggingInput { bucket, key, version_id, tagging, .. } = request.input;
    let pairs = tagging.tag_set.into_iter();
    let tags = check(pairs.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())))?;
    let version_id = replace(&store, Address { bucket, key }, version_id, tags).await?;
    Ok(S3Response::new(dto::PutObjectTaggingOutput { version_id }))
}

pub(super) async fn delete(
    store: Store,
    request: S3Request<dto::DeleteObjectTaggingInput>,
) -> S3Result<S3Response<dto::DeleteObjectTaggingOutput>> {
    let dto::DeleteObjectTaggingInput { bucket, key, version_id, .. } = request.input;
    let version_id = replace(&store, Address { bucket, key }, version_id, Tags::new()).await?;
    Ok(S3Response::new(dto::DeleteObjectTaggingOutput { version_id }))
}

async fn replace(
    store: &Store,
    address: Address,
    version: Option<String>,
    tags: Tags,
) -> S3Result<Option<String>> {
    store
        .index
        .write(Vec::new(), move |connection| {
            let (found, shown) = resolve(connection, &address, version.as_deref())?;
            set(connection, found.seq, &tags).map_err(broken)?;
            Ok(Change { value: shown, discarded: Vec::new() })
        })
        .await
}

fn set(connection: &Connection, seq: i64, tags: &Tags) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE object SET tags = ?2 WHERE seq = ?1")?
        .execute(params![seq, to_json(tags)])
        .map(drop)
}

/// Reads the `x-amz-tagging` header: `a=1&b=2`, percent-encoded.
pub(super) fn parse_header(header: Option<&str>) -> S3Result<Tags> {
    let Some(header) = header.filter(|header| !header.is_empty()) else {
        return Ok(Tags::new());
    };
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
        decoded.map(String::from).map_err(|_| s3_error!(InvalidArgument, "The tag header is not UTF-8"))
    };
    let pairs: S3Result<Vec<_>> = header
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| Ok((decode(key)?, decode(value)?)))
        .collect();
    check(pairs?.into_iter())
}

fn check(pairs: impl Iterator<Item = (String, String)>) -> S3Result<Tags> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        let is_sound = !key.is_empty()
            && key.chars().count() <= TAG_KEY_CHARS_MAX
            && value.chars().count() <= TAG_VALUE_CHARS_MAX;
        if !is_sound || tags.insert(key, value).is_some() {
            return Err(s3_error!(InvalidTag, "The tag provided was not a valid tag."));
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(refusal("BadRequest", "Object tags cannot be greater than 10"));
    }
    Ok(tags)
}
