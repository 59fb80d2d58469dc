//! Owns what a client may say about its bytes beforehand (Content-MD5, `x-amz-checksum-*`, a trailer) and
//! whether the bytes agree. Knows nothing about files and rows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{self, ChecksumAlgorithm, ChecksumType};
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

use super::refusal::refusal;

/// The checksum algorithms of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// Reads the name used in requests: `SHA256`.
    pub(super) fn parse(name: &str) -> S3Result<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))
    }

    /// The name used in requests and answers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => ChecksumAlgorithm::CRC32,
            Self::Crc32c => ChecksumAlgorithm::CRC32C,
            Self::Crc64Nvme => ChecksumAlgorithm::CRC64NVME,
            Self::Sha1 => ChecksumAlgorithm::SHA1,
            Self::Sha256 => ChecksumAlgorithm::SHA256,
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn length_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Computes the checksum of bytes at hand, in base64.
    pub(super) fn of(self, bytes: &[u8]) -> String {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        self.pick(hasher.finalize()).unwrap_or_default()
    }

    fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        match self {
            Self::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Self::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Self::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Self::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Self::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
        hasher
    }

    /// The value of this algorithm among S3's five fields.
    pub(super) fn pick(self, sums: dto::Checksum) -> Option<String> {
        match self {
            Self::Crc32 => sums.checksum_crc32,
            Self::Crc32c => sums.checksum_crc32c,
            Self::Crc64Nvme => sums.checksum_crc64nvme,
            Self::Sha1 => sums.checksum_sha1,
            Self::Sha256 => sums.checksum_sha256,
        }
    }
}

/// A checksum that is kept with an object or a part: base64, or `base64-parts` when composite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
    #[serde(default)]
    pub(super) is_composite: bool,
}

impl Sum {
    /// S3's five fields and the type, of which one is filled.
    pub(super) fn fields(&self) -> dto::Checksum {
        let kind = if self.is_composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
        let mut fields = dto::Checksum {
            checksum_type: Some(ChecksumType::from_static(kind)),
            ..dto::Checksum::default()
        };
        let value = Some(self.value.clone());
        match self.algorithm {
            Algorithm::Crc32 => fields.checksum_crc32 = value,
            Algorithm::Crc32c => fields.checksum_crc32c = value,
            Algorithm::Crc64Nvme => fields.checksum_crc64nvme = value,
            Algorithm::Sha1 => fields.checksum_sha1 = value,
            Algorithm::Sha256 => fields.checksum_sha256 = value,
        }
        fields
    }
}

/// What the request declared about its body.
#[derive(Debug, Default)]
pub(super) struct Declared {
    md5: Option<[u8; 16]>,
    needs_md5: bool,
    sum: Option<(Algorithm, Promise)>,
    trailers: Option<TrailingHeaders>,
}

#[derive(Debug)]
enum Promise {
    Value(String),
    Trailer,
    /// Nothing was promised: compute it because the object keeps one.
    Nothing,
}

impl Declared {
    /// Reads the declarations from the headers of a PUT. More than one checksum, or a malformed one, is refused.
    pub(super) fn parse(headers: &HeaderMap, trailers: Option<TrailingHeaders>) -> S3Result<Self> {
        let md5 = headers.get("content-md5").map(parse_md5).transpose()?;
        let mut sums = Vec::new();
        for algorithm in Algorithm::ALL {
            if let Some(value) = headers.get(algorithm.header()) {
                sums.push((algorithm, Promise::Value(parse_sum(algorithm, value)?)));
            }
        }
        if let Some(algorithm) = trailer_algorithm(headers) {
            sums.push((algorithm, Promise::Trailer));
        }
        if sums.len() > 1 {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            ));
        }
        let sum = sums.pop();
        if sum.is_none() && headers.contains_key("x-amz-sdk-checksum-algorithm") {
            return Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
            ));
        }
        Ok(Self { md5, needs_md5: false, sum, trailers })
    }

    /// The algorithm that the client named, if it named one.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.sum.as_ref().map(|(algorithm, _)| *algorithm)
    }

    /// Asks for a checksum of this kind where the client promised none.
    pub(super) fn or_compute(mut self, algorithm: Algorithm) -> Self {
        self.sum.get_or_insert((algorithm, Promise::Nothing));
        self
    }

    /// Starts to hash what is declared. An MD5 that nobody asked for is left out where SHA-256 names the bytes already.
    pub(super) fn hasher(self) -> Hasher {
        let sums = self.algorithm().map(Algorithm::hasher).unwrap_or_default();
        let is_named = matches!(self.sum, Some((Algorithm::Sha256, Promise::Value(_))));
        let md5 = (!is_named || self.needs_md5 || self.md5.is_some()).then(Md5::new);
        Hasher { md5, sums, declared: self }
    }

    /// Wants an MD5 in any case: a part's is what the whole object's ETag is made of.
    pub(super) fn with_md5(self) -> Self {
        Self { needs_md5: true, ..self }
    }
}

/// Hashes a body as it passes and compares at its end.
pub(super) struct Hasher {
    md5: Option<Md5>,
    sums: ChecksumHasher,
    declared: Declared,
}

/// What a whole body hashed to.
#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) md5: Option<[u8; 16]>,
    pub(super) sum: Option<Sum>,
}

impl Hashed {
    /// The MD5 in hexadecimal. Without one the beginning of the SHA-256, in the form of an ETag that is no MD5: S3 has
    /// such ETags too, for what it encrypts with a key of KMS.
    pub(super) fn etag(&self) -> String {
        let sha256 = || {
            let sum = self.sum.as_ref().and_then(|sum| BASE64.decode(&sum.value).ok()).unwrap_or_default();
            format!("{}-1", hex::encode(sum.get(..16).unwrap_or_default()))
        };
        self.md5.map_or_else(sha256, hex::encode)
    }
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.sums.update(bytes);
    }

    /// Compares with what was declared: `BadDigest` when the bytes disagree.
    pub(super) fn finish(self) -> S3Result<Hashed> {
        let md5: Option<[u8; 16]> = self.md5.map(Md5::finalize);
        if self.declared.md5.is_some() && self.declared.md5 != md5 {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        let Some((algorithm, promise)) = self.declared.sum else {
            return Ok(Hashed { md5, sum: None });
        };
        let value = algorithm.pick(self.sums.finalize()).unwrap_or_default();
        let expected = match promise {
            Promise::Value(expected) => Some(expected),
            Promise::Trailer => Some(read_trailer(algorithm, self.declared.trailers.as_ref())?),
            Promise::Nothing => None,
        };
        if expected.is_some_and(|expected| expected != value) {
            return Err(mismatch(algorithm));
        }
        Ok(Hashed { md5, sum: Some(Sum { algorithm, value, is_composite: false }) })
    }
}

/// The refusal of bytes that do not hash to what was declared.
pub(super) fn mismatch(algorithm: Algorithm) -> s3s::S3Error {
    let name = algorithm.name();
    s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum.")
}

fn parse_md5(value: &http::HeaderValue) -> S3Result<[u8; 16]> {
    let decoded = BASE64.decode(value.as_bytes()).ok();
    decoded
        .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid."))
}

fn parse_sum(algorithm: Algorithm, value: &http::HeaderValue) -> S3Result<String> {
    let text = value.to_str().unwrap_or_default();
    match BASE64.decode(text) {
        Ok(bytes) if bytes.len() == algorithm.length_bytes() => Ok(text.to_owned()),
        _ => Err(s3_error!(InvalidRequest, "Value for {} header is invalid.", algorithm.header())),
    }
}

fn trailer_algorithm(headers: &HeaderMap) -> Option<Algorithm> {
    let names = headers.get("x-amz-trailer")?.to_str().ok()?;
    let mut names = names.split(',').map(str::trim);
    names.find_map(|name| {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    })
}

fn read_trailer(algorithm: Algorithm, trailers: Option<&TrailingHeaders>) -> S3Result<String> {
    let value = trailers
        .and_then(|trailers| trailers.read(|headers| headers.get(algorithm.header()).cloned()))
        .flatten();
    match value {
        Some(value) => parse_sum(algorithm, &value),
        None => Err(refusal("MalformedTrailerError", "The announced trailer did not come.")),
    }
}

/// The composite checksum of a multipart object: the hash over the parts' hashes, and their number.
pub(super) fn composite(algorithm: Algorithm, parts: &[String]) -> String {
    let mut joined = Vec::with_capacity(parts.len() * algorithm.length_bytes());
    for part in parts {
        joined.extend(BASE64.decode(part).unwrap_or_default());
    }
    format!("{}-{}", algorithm.of(&joined), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declare(name: &'static str, value: &str) -> S3Result<Declared> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header value"));
        Declared::parse(&headers, None)
    }

    #[test]
    fn a_declared_checksum_is_held_against_the_bytes() {
        for algorithm in Algorithm::ALL {
            let right = declare(algorithm.header(), &algorithm.of(b"light")).unwrap();
            let mut hasher = right.hasher();
            hasher.update(b"light");
            assert_eq!(hasher.finish().unwrap().sum.unwrap().algorithm, algorithm);

            let wrong = declare(algorithm.header(), &algorithm.of(b"dark")).unwrap();
            let mut hasher = wrong.hasher();
            hasher.update(b"light");
            assert_eq!(hasher.finish().unwrap_err().code().as_str(), "BadDigest");
        }
    }

    #[test]
    fn bytes_that_their_sha256_names_have_an_etag_that_nobody_takes_for_an_md5() {
        let declared = declare("x-amz-checksum-sha256", &Algorithm::Sha256.of(b"light")).unwrap();
        let mut hasher = declared.hasher();
        hasher.update(b"light");
        let named = hasher.finish().unwrap().etag();
        assert!(named.len() == 34 && named.ends_with("-1"), "{named}");
        let mut hasher = Declared::default().hasher();
        hasher.update(b"light");
        assert_eq!(hasher.finish().unwrap().etag(), "2ac43aa43bf473f9a9c09b4b608619d3");
    }

    #[test]
    fn a_malformed_declaration_is_refused() {
        assert_eq!(declare("content-md5", "nonsense").unwrap_err().code().as_str(), "InvalidDigest");
        let short = declare("x-amz-checksum-sha256", "AAAA").unwrap_err();
        assert_eq!(short.code().as_str(), "InvalidRequest");
    }
}
