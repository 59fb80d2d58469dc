//! Owns reads of one object: which version is meant, whether the conditions hold, which bytes go out.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode};
use rusqlite::Connection;
use s3s::dto::{self, ETag, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::s3::Store;
use crate::s3::conditions::{ReadConditions, Verdict, failed};
use crate::s3::rows::{self, Address, NULL_VERSION, Version, Versioning, timestamp};

const FIRST_PIECE_BYTES: u64 = 1024 * 1024;
const PIECE_BYTES: usize = 256 * 1024;
const LOOKUPS_MAX: usize = 5;

/// What a GET or HEAD asks for.
struct Wanted {
    address: Address,
    version: Option<String>,
    conditions: ReadConditions,
    range: Option<dto::Range>,
    part: Option<i32>,
}

/// The version found and the span of it that goes out.
struct Found {
    version: Version,
    /// The version id, where the bucket shows one.
    shown: Option<String>,
    span: Range<u64>,
    is_partial: bool,
}

pub(super) async fn get(
    store: Store,
    request: S3Request<dto::GetObjectInput>,
) -> S3Result<S3Response<dto::GetObjectOutput>> {
    let input = request.input;
    let shows_checksum = shows_checksum(input.checksum_mode.as_ref());
    let wanted = Wanted {
        address: Address { bucket: input.bucket, key: input.key },
        version: input.version_id,
        conditions: ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        },
        range: input.range,
        part: input.part_number,
    };
    let blobs = store.blobs.clone();
    let (found, first, rest) = store
        .index
        .read(move |connection| {
            let (found, mut file) = open(connection, &wanted, |name| blobs.read(name))?;
            let first = read_first(&mut file, &found.span).map_err(S3Error::internal_error)?;
            Ok((found, first, file))
        })
        .await?;
    let body = body(first, rest, found.span.end - found.span.start);
    let head = head_of(found, shows_checksum);
    let tag_count = i32::try_from(head.tag_count).ok().filter(|count| *count > 0);
    Ok(S3Response::new(dto::GetObjectOutput { body: Some(body), tag_count, ..into_get(head.output) }))
}

pub(super) async fn head(
    store: Store,
    request: S3Request<dto::HeadObjectInput>,
) -> S3Result<S3Response<dto::HeadObjectOutput>> {
    let input = request.input;
    let shows_checksum = shows_checksum(input.checksum_mode.as_ref());
    let wanted = Wanted {
        address: Address { bucket: input.bucket, key: input.key },
        version: input.version_id,
        conditions: ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        },
        range: input.range,
        part: input.part_number,
    };
    let found = store.index.read(move |connection| find(connection, &wanted)).await?;
    let is_partial = found.is_partial;
    let output = head_of(found, shows_checksum).output;
    let status = is_partial.then_some(StatusCode::PARTIAL_CONTENT);
    let mut response = S3Response::new(output);
    response.status = status;
    Ok(response)
}

/// The version that a request means. Without an id that is the current one.
pub(super) fn resolve(
    connection: &Connection,
    address: &Address,
    version: Option<&str>,
) -> S3Result<(Version, Option<String>)> {
    let state = rows::versioning(connection, &address.bucket)?;
    let found = match version {
        None => rows::latest(connection, address)?
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))?,
        Some(id) => {
            check_version_id(id)?;
            rows::exact(connection, address, id)?
                .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist."))?
        }
    };
    if found.is_marker {
        return Err(marker(&found, version.is_some()));
    }
    let shown = (state != Versioning::Never).then(|| found.version.clone());
    Ok((found, shown))
}

/// Refuses what never was a version id.
pub(super) fn check_version_id(id: &str) -> S3Result<()> {
    let is_ours = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if id == NULL_VERSION || is_ours {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Invalid version id specified"))
}

fn marker(found: &Version, is_named: bool) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(&found.version) {
        headers.insert("x-amz-version-id", id);
    }
    let mut error = if is_named {
        s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.")
    } else {
        s3_error!(NoSuchKey, "The specified key does not exist.")
    };
    error.set_headers(headers);
    error
}

fn find(connection: &Connection, wanted: &Wanted) -> S3Result<Found> {
    let (version, shown) = resolve(connection, &wanted.address, wanted.version.as_deref())?;
    match wanted.conditions.judge(&version) {
        Verdict::Go => {}
        Verdict::Failed => return Err(failed()),
        Verdict::NotModified => return Err(not_modified(&version)),
    }
    let (span, is_partial) = match (wanted.part, &wanted.range) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(
                InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter"
            ));
        }
        (Some(number), None) => (part_span(&version, number)?, true),
        (None, Some(range)) => (range_span(&version, range)?, true),
        (None, None) => (0..version.size, false),
    };
    Ok(Found { version, shown, span, is_partial })
}

fn not_modified(version: &Version) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = ETag::Strong(version.etag.clone()).to_http_header() {
        headers.insert(http::header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

fn range_span(version: &Version, range: &dto::Range) -> S3Result<Range<u64>> {
    range.check(version.size).map_err(|_| {
        let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&format!("bytes */{}", version.size)) {
            headers.insert(http::header::CONTENT_RANGE, value);
        }
        error.set_headers(headers);
        error
    })
}

fn part_span(version: &Version, number: i32) -> S3Result<Range<u64>> {
    let whole = [version.size];
    let parts: &[u64] =
        if version.attributes.part_bytes.is_empty() { &whole } else { &version.attributes.part_bytes };
    let position = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let Some(position) = position.filter(|position| *position < parts.len()) else {
        let mut error = S3Error::with_message(
            S3ErrorCode::Custom("InvalidPartNumber".into()),
            "The requested partnumber is not satisfiable",
        );
        error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
        return Err(error);
    };
    let start: u64 = parts[..position].iter().sum();
    Ok(start..start + parts[position])
}

/// Finds the version and opens its blob. A delete between the two removes the file, so look again.
fn open(
    connection: &Connection,
    wanted: &Wanted,
    read: impl Fn(&str) -> std::io::Result<File>,
) -> S3Result<(Found, File)> {
    for _ in 0..LOOKUPS_MAX {
        let found = find(connection, wanted)?;
        let name = found.version.blob.as_deref().unwrap_or_default();
        match read(name) {
            Ok(file) => return Ok((found, file)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(S3Error::internal_error(error)),
        }
    }
    Err(s3_error!(InternalError, "the bytes of this version are missing"))
}

fn read_first(file: &mut File, span: &Range<u64>) -> std::io::Result<Bytes> {
    if span.start > 0 {
        file.seek(SeekFrom::Start(span.start))?;
    }
    let length = (span.end - span.start).min(FIRST_PIECE_BYTES);
    let mut first = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact(&mut first)?;
    Ok(first.into())
}

fn body(first: Bytes, rest: File, length: u64) -> StreamingBlob {
    let left = length - first.len() as u64;
    let first = stream::once(async move { Ok::<_, std::io::Error>(first) });
    if left == 0 {
        return StreamingBlob::wrap(first);
    }
    let rest = tokio::fs::File::from_std(rest).take(left);
    StreamingBlob::wrap(first.chain(ReaderStream::with_capacity(rest, PIECE_BYTES)))
}

fn shows_checksum(mode: Option<&dto::ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED)
}

struct Head {
    output: dto::HeadObjectOutput,
    tag_count: usize,
}

fn head_of(found: Found, shows_checksum: bool) -> Head {
    let Found { version, shown, span, is_partial } = found;
    let attributes = version.attributes;
    let sums = match &attributes.checksum {
        Some(sum) if shows_checksum && !is_partial => sum.fields(),
        _ => dto::Checksum::default(),
    };
    let content_range =
        is_partial.then(|| format!("bytes {}-{}/{}", span.start, span.end.saturating_sub(1), version.size));
    let parts = attributes.part_bytes.len();
    let output = dto::HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        content_length: i64::try_from(span.end - span.start).ok(),
        content_range,
        e_tag: Some(ETag::Strong(version.etag)),
        last_modified: Some(timestamp(version.modified_ms)),
        version_id: shown,
        content_type: attributes.content_type,
        cache_control: attributes.cache_control,
        content_disposition: attributes.content_disposition,
        content_encoding: attributes.content_encoding,
        content_language: attributes.content_language,
        expires: attributes.expires_unix_s.map(|seconds| timestamp(seconds.saturating_mul(1000))),
        metadata: Some(attributes.metadata.into_iter().collect()),
        parts_count: i32::try_from(parts).ok().filter(|count| *count > 0 && is_partial),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..dto::HeadObjectOutput::default()
    };
    Head { output, tag_count: version.tags.len() }
}

fn into_get(head: dto::HeadObjectOutput) -> dto::GetObjectOutput {
    dto::GetObjectOutput {
        accept_ranges: head.accept_ranges,
        content_length: head.content_length,
        content_range: head.content_range,
        e_tag: head.e_tag,
        last_modified: head.last_modified,
        version_id: head.version_id,
        content_type: head.content_type,
        cache_control: head.cache_control,
        content_disposition: head.content_disposition,
        content_encoding: head.content_encoding,
        content_language: head.content_language,
        expires: head.expires,
        metadata: head.metadata,
        parts_count: head.parts_count,
        checksum_crc32: head.checksum_crc32,
        checksum_crc32c: head.checksum_crc32c,
        checksum_crc64nvme: head.checksum_crc64nvme,
        checksum_sha1: head.checksum_sha1,
        checksum_sha256: head.checksum_sha256,
        checksum_type: head.checksum_type,
        ..dto::GetObjectOutput::default()
    }
}
