"""The S3 matrix: checksums, conditions, presigned URLs, multipart, versions, paging, ranges."""

import base64
import datetime
import hashlib
import http.client
import urllib.parse
import zlib
from contextlib import ExitStack
from unittest import mock

import botocore.auth
from botocore.compat import HAS_CRT

from matrix import ENDPOINT, Matrix, client, pick

MATRIX = Matrix()
S3 = client("s3", signature_version="s3v4", s3={"addressing_style": "path"})
# Sends no checksum by itself, so that only the one under test is on the wire.
BARE = client(
    "s3",
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
MEBIBYTE = 1024 * 1024


def b64(raw):
    return base64.b64encode(raw).decode()


def sha256(body):
    return b64(hashlib.sha256(body).digest())


def crc32(body):
    return b64(zlib.crc32(body).to_bytes(4, "big"))


def crc_table(polynomial, width):
    mask = (1 << width) - 1
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value & mask)
    return table


def crc(body, polynomial, width):
    """A reflected CRC; slow, for the short bodies of this matrix."""
    table, value, mask = crc_table(polynomial, width), (1 << width) - 1, (1 << width) - 1
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return b64((value ^ mask).to_bytes(width // 8, "big"))


def crc32c(body):
    return crc(body, 0x82F63B78, 32)


def crc64nvme(body):
    return crc(body, 0x9A6C9329AC4BC9B5, 64)


def read(response):
    return response["Body"].read().decode("latin-1")


def buckets():
    call = MATRIX.call
    call("bucket: head before it is made", lambda: S3.head_bucket(Bucket="parity"))
    call("bucket: create", lambda: S3.create_bucket(Bucket="parity"))
    call("bucket: create again", lambda: S3.create_bucket(Bucket="parity"))
    call("bucket: head", lambda: S3.head_bucket(Bucket="parity"))
    call("bucket: a bad name", lambda: BARE.create_bucket(Bucket="Bad_Name"))
    call("bucket: location", lambda: S3.get_bucket_location(Bucket="parity"), pick("LocationConstraint"))
    S3.create_bucket(Bucket="full")
    S3.put_object(Bucket="full", Key="k", Body=b"x")
    call("bucket: delete a full one", lambda: S3.delete_bucket(Bucket="full"))
    S3.delete_object(Bucket="full", Key="k")
    call("bucket: delete an empty one", lambda: S3.delete_bucket(Bucket="full"))
    call("bucket: delete one that is gone", lambda: S3.delete_bucket(Bucket="full"))
    call("bucket: list", lambda: S3.list_buckets(), lambda r: [b["Name"] for b in r["Buckets"]])
    wrong = client("s3", secret_key="wrong-secret-wrong-secret", signature_version="s3v4")
    call("auth: wrong secret", lambda: wrong.list_buckets())
    stranger = client("s3", access_key="stranger", signature_version="s3v4")
    call("auth: unknown access key", lambda: stranger.list_buckets())
    call("bucket: put into none", lambda: S3.put_object(Bucket="nowhere", Key="k", Body=b"x"))
    call("bucket: get from none", lambda: S3.get_object(Bucket="nowhere", Key="k"))
    call("bucket: list none", lambda: S3.list_objects_v2(Bucket="nowhere"))


def objects():
    call = MATRIX.call
    body = b"a photo, more or less"
    call(
        "object: put with everything",
        lambda: S3.put_object(
            Bucket="parity",
            Key="full",
            Body=body,
            ContentType="image/jpeg",
            CacheControl="no-store",
            ContentDisposition="inline",
            ContentEncoding="gzip",
            ContentLanguage="de",
            Metadata={"claim": "abc", "file-name": "caf%C3%A9.jpg"},
        ),
        pick("ETag", "VersionId"),
    )
    fields = (
        "ContentLength ContentType CacheControl ContentDisposition ContentEncoding ContentLanguage "
        "ETag Metadata AcceptRanges VersionId"
    ).split()
    call("object: head", lambda: S3.head_object(Bucket="parity", Key="full"), pick(*fields))
    call(
        "object: get",
        lambda: S3.get_object(Bucket="parity", Key="full"),
        lambda r: pick(*fields)(r) | {"body": read(r)},
    )
    call("object: get none", lambda: S3.get_object(Bucket="parity", Key="none"))
    call("object: head none", lambda: S3.head_object(Bucket="parity", Key="none"))
    call("object: put without a type", lambda: BARE.put_object(Bucket="parity", Key="plain", Body=b"x"))
    call("object: head without a type", lambda: S3.head_object(Bucket="parity", Key="plain"), pick("ContentType"))
    call("object: put empty", lambda: S3.put_object(Bucket="parity", Key="empty", Body=b""), pick("ETag"))
    call(
        "object: get empty",
        lambda: S3.get_object(Bucket="parity", Key="empty"),
        lambda r: [r["ContentLength"], read(r)],
    )
    call("object: overwrite", lambda: S3.put_object(Bucket="parity", Key="plain", Body=b"new"), pick("ETag"))
    call("object: get overwritten", lambda: S3.get_object(Bucket="parity", Key="plain"), read)
    call("object: delete", lambda: S3.delete_object(Bucket="parity", Key="plain"), pick("DeleteMarker", "VersionId"))
    call("object: get deleted", lambda: S3.get_object(Bucket="parity", Key="plain"))
    call("object: delete twice", lambda: S3.delete_object(Bucket="parity", Key="plain"), pick("DeleteMarker"))
    call(
        "object: delete many",
        lambda: S3.delete_objects(
            Bucket="parity", Delete={"Objects": [{"Key": "empty"}, {"Key": "never-there"}]}
        ),
        lambda r: sorted(d["Key"] for d in r["Deleted"]),
    )
    call(
        "object: delete many, quietly",
        lambda: S3.delete_objects(Bucket="parity", Delete={"Objects": [{"Key": "empty"}], "Quiet": True}),
        lambda r: r.get("Deleted"),
    )


def keys():
    call = MATRIX.call
    S3.create_bucket(Bucket="keys")
    for name, key in {
        "unicode": "grüße/日本.jpg",
        "percent": "100%25/%2F.jpg",
        "space and plus": "a b+c.jpg",
        "question and hash": "what?#.jpg",
        "quotes": "\"it's\".jpg",
        "xml": "<a>&amp;.jpg",
        "1024 bytes": "/".join(["k" * 204] * 5),
    }.items():
        call(f"key: put {name}", lambda: S3.put_object(Bucket="keys", Key=key, Body=name.encode()))
        call(f"key: get {name}", lambda: S3.get_object(Bucket="keys", Key=key), read)
    call(
        "key: list them all",
        lambda: S3.list_objects_v2(Bucket="keys"),
        lambda r: [o["Key"] for o in r["Contents"]],
    )
    call("key: 1025 bytes", lambda: S3.put_object(Bucket="keys", Key="k" * 1025, Body=b"x"))


def checksums():
    call = MATRIX.call
    body, other = b"checked bytes", b"other bytes"
    sums = {"SHA256": sha256, "CRC32": crc32, "CRC32C": crc32c, "CRC64NVME": crc64nvme}
    for name, function in sums.items():
        field = f"Checksum{name}"
        call(
            f"checksum: right {name}",
            lambda: BARE.put_object(Bucket="parity", Key=name, Body=body, **{field: function(body)}),
            pick(field, "ChecksumType"),
        )
        call(
            f"checksum: wrong {name}",
            lambda: BARE.put_object(Bucket="parity", Key=f"wrong-{name}", Body=body, **{field: function(other)}),
        )
        call(f"checksum: wrong {name} left nothing", lambda: S3.head_object(Bucket="parity", Key=f"wrong-{name}"))
        call(
            f"checksum: head {name} when asked",
            lambda: S3.head_object(Bucket="parity", Key=name, ChecksumMode="ENABLED"),
            pick(field, "ChecksumType"),
        )
        call(
            f"checksum: get {name} when asked",
            lambda: S3.get_object(Bucket="parity", Key=name, ChecksumMode="ENABLED"),
            pick(field, "ChecksumType"),
        )
        call(f"checksum: head {name} unasked", lambda: BARE.head_object(Bucket="parity", Key=name), pick(field))
        call(
            f"checksum: malformed {name}",
            lambda: BARE.put_object(Bucket="parity", Key="malformed", Body=body, **{field: "nonsense"}),
        )
    md5 = b64(hashlib.md5(body).digest())
    call("checksum: right MD5", lambda: BARE.put_object(Bucket="parity", Key="md5", Body=body, ContentMD5=md5))
    wrong = b64(hashlib.md5(other).digest())
    call("checksum: wrong MD5", lambda: BARE.put_object(Bucket="parity", Key="md5-2", Body=body, ContentMD5=wrong))
    call("checksum: wrong MD5 left nothing", lambda: S3.head_object(Bucket="parity", Key="md5-2"))
    call("checksum: malformed MD5", lambda: BARE.put_object(Bucket="parity", Key="m", Body=body, ContentMD5="xx"))
    call(
        "checksum: two at once",
        lambda: BARE.put_object(
            Bucket="parity", Key="two", Body=body, ChecksumSHA256=sha256(body), ChecksumCRC32=crc32(body)
        ),
    )


def put_raw(path, headers, chunks):
    """A PUT with headers as given, signed with an unsigned or streamed payload."""
    url = urllib.parse.urlsplit(ENDPOINT)
    request = botocore.awsrequest.AWSRequest(method="PUT", url=ENDPOINT + path, headers=headers, data=b"")
    credentials = S3._request_signer._credentials
    signer = botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1")
    request.context["payload_signing_enabled"] = False
    kind = headers["x-amz-content-sha256"]
    with mock.patch.object(signer, "payload", lambda _: kind):
        signer.add_auth(request)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    sent = dict(request.headers.items())
    connection.request("PUT", path, body=b"".join(chunks), headers=sent)
    response = connection.getresponse()
    return shown(response.status, response.read().decode())


def shown(status, text):
    code = text.split("<Code>")[1].split("</Code>")[0] if "<Code>" in text else None
    return {"status": status, "error": code}


def trailers():
    body = b"streamed bytes with a trailer"

    def put(key, value, length=None, name="x-amz-checksum-sha256"):
        chunks = [b"%x\r\n" % len(body), body, b"\r\n0\r\n", f"{name}:{value}\r\n\r\n".encode()]
        headers = {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-trailer": "x-amz-checksum-sha256",
            "x-amz-decoded-content-length": str(len(body) if length is None else length),
            "content-encoding": "aws-chunked",
            "content-length": str(sum(map(len, chunks))),
        }
        return put_raw(f"/parity/{key}", headers, chunks)

    MATRIX.call("trailer: right SHA256", lambda: put("trailed", sha256(body)), lambda r: r)
    MATRIX.call("trailer: get it", lambda: S3.get_object(Bucket="parity", Key="trailed"), read)
    MATRIX.call(
        "trailer: head it",
        lambda: S3.head_object(Bucket="parity", Key="trailed", ChecksumMode="ENABLED"),
        pick("ChecksumSHA256", "ContentEncoding", "ContentLength"),
    )
    MATRIX.call("trailer: wrong SHA256", lambda: put("trailed-2", sha256(b"other")), lambda r: r)
    MATRIX.call("trailer: wrong left nothing", lambda: S3.head_object(Bucket="parity", Key="trailed-2"))
    MATRIX.call("trailer: malformed SHA256", lambda: put("trailed-3", "nonsense"), lambda r: r)
    MATRIX.call(
        "payload: wrong signed hash",
        lambda: put_raw(
            "/parity/payload",
            {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest(), "content-length": "4"},
            [b"body"],
        ),
        lambda r: r,
    )


def conditions():
    call, race = MATRIX.call, MATRIX.race

    def put(key, **more):
        return S3.put_object(Bucket="parity", Key=key, Body=b"first", **more)

    call("condition: put if none", lambda: put("once", IfNoneMatch="*"))
    call("condition: put if none, again", lambda: put("once", IfNoneMatch="*"))
    race("condition: 32 racing puts if none", lambda n: put("raced", IfNoneMatch="*"))
    etag = S3.head_object(Bucket="parity", Key="once")["ETag"]
    call("condition: put if match", lambda: put("once", IfMatch=etag))
    call("condition: put if match another", lambda: put("once", IfMatch='"' + "0" * 32 + '"'))
    call("condition: put if match, none there", lambda: put("not-there", IfMatch=etag))

    def get(**more):
        return S3.get_object(Bucket="parity", Key="once", **more)

    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
    future = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    call("condition: get if match", lambda: get(IfMatch=etag))
    call("condition: get if match another", lambda: get(IfMatch='"other"'))
    call("condition: get if none match", lambda: get(IfNoneMatch=etag))
    call("condition: get if none match another", lambda: get(IfNoneMatch='"other"'))
    call("condition: get if modified since the past", lambda: get(IfModifiedSince=past))
    call("condition: get if unmodified since the past", lambda: get(IfUnmodifiedSince=past))
    call("condition: get if unmodified since the future", lambda: get(IfUnmodifiedSince=future))
    call("condition: get if match beats unmodified", lambda: get(IfMatch=etag, IfUnmodifiedSince=past))
    call("condition: head if none match", lambda: S3.head_object(Bucket="parity", Key="once", IfNoneMatch=etag))
    call("condition: head if match another", lambda: S3.head_object(Bucket="parity", Key="once", IfMatch='"other"'))


def ranges():
    S3.put_object(Bucket="parity", Key="range", Body=b"0123456789")
    for text in ["bytes=0-3", "bytes=4-", "bytes=-3", "bytes=0-0", "bytes=5-100", "bytes=-100", "bytes=10-", "bytes=20-30"]:
        MATRIX.call(
            f"range: {text}",
            lambda: S3.get_object(Bucket="parity", Key="range", Range=text),
            lambda r: {
                "body": read(r),
                "range": r.get("ContentRange"),
                "length": r["ContentLength"],
                "status": r["ResponseMetadata"]["HTTPStatusCode"],
            },
        )


def send(method, url, body=None, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=headers or {})
    response = connection.getresponse()
    return shown(response.status, response.read().decode())


def presigned_ago(seconds, **more):
    """Signs a GET as if it were `seconds` ago: nobody has to wait until it expires."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)

    def clock(remove_tzinfo=True):
        return then.replace(tzinfo=None) if remove_tzinfo else then

    with ExitStack() as patches:
        # With awscrt installed, botocore signs there.
        for module in ("botocore.auth", "botocore.crt.auth") if HAS_CRT else ("botocore.auth",):
            patches.enter_context(mock.patch(f"{module}.get_current_datetime", clock))
        url = S3.generate_presigned_url("get_object", **more)
    assert f"X-Amz-Date={then:%Y%m%dT%H%M%SZ}" in url, "the clock was not set back"
    return url


def presigned():
    body = b"presigned bytes"
    signed = {
        "Bucket": "parity",
        "Key": "presigned",
        "ContentLength": len(body),
        "ContentType": "image/png",
        "ChecksumSHA256": sha256(body),
        "IfNoneMatch": "*",
        "Metadata": {"claim": "abc"},
    }

    def sign(**more):
        # The checksum goes as a signed header, not into the query, as an upload page would send it.
        url = BARE.generate_presigned_url("put_object", Params=signed | more, ExpiresIn=60)
        return url

    right = {
        "content-length": str(len(body)),
        "content-type": "image/png",
        "x-amz-checksum-sha256": sha256(body),
        "if-none-match": "*",
        "x-amz-meta-claim": "abc",
    }

    def needed(url, headers):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        names = query["X-Amz-SignedHeaders"][0].split(";")
        return {name: value for name, value in headers.items() if name in names or name.startswith("content-")}

    def put(name, key, headers=None, drop=(), data=body):
        url = sign(Key=key)
        merged = needed(url, right) | (headers or {})
        merged = {header: value for header, value in merged.items() if header not in drop}
        MATRIX.call(f"presigned: {name}", lambda: send("PUT", url, data, merged), lambda r: r)

    MATRIX.answers["presigned: what is signed"] = urllib.parse.parse_qs(urllib.parse.urlsplit(sign()).query)[
        "X-Amz-SignedHeaders"
    ]
    put("as signed", "p-1")
    put("again, if none match holds", "p-1")
    put("longer", "p-2", {"content-length": str(len(body) + 1)}, data=body + b"!")
    put("other type", "p-3", {"content-type": "text/html"})
    put("other checksum header", "p-4", {"x-amz-checksum-sha256": sha256(b"other")})
    put("other bytes of the same length", "p-5", data=b"presigned bytez")
    put("other metadata", "p-6", {"x-amz-meta-claim": "xyz"})
    put("without metadata", "p-7", drop=("x-amz-meta-claim",))
    put("without if none match", "p-8", drop=("if-none-match",))
    put("with more metadata", "p-9", {"x-amz-meta-more": "1"})
    for number in range(2, 10):
        MATRIX.call(f"presigned: p-{number} is not there", lambda: S3.head_object(Bucket="parity", Key=f"p-{number}"))

    get = S3.generate_presigned_url("get_object", Params={"Bucket": "parity", "Key": "p-1"}, ExpiresIn=60)
    MATRIX.call("presigned: get", lambda: send("GET", get), lambda r: r)
    MATRIX.call("presigned: get with another method", lambda: send("PUT", get, b"x"), lambda r: r)
    MATRIX.call("presigned: get another key", lambda: send("GET", get.replace("p-1", "once")), lambda r: r)
    MATRIX.call("presigned: get with a longer life", lambda: send("GET", get.replace("Expires=60", "Expires=600")), lambda r: r)
    for age in (30, 61):
        url = presigned_ago(age, Params={"Bucket": "parity", "Key": "p-1"}, ExpiresIn=60)
        MATRIX.call(f"presigned: get for 60 s, {age} s later", lambda: send("GET", url), lambda r: r)
    MATRIX.call("unsigned: get", lambda: send("GET", f"{ENDPOINT}/parity/p-1"), lambda r: r)


def multipart():
    call = MATRIX.call
    parts = [b"a" * (5 * MEBIBYTE), b"b" * (5 * MEBIBYTE), b"tail"]

    def begin(key, **more):
        return BARE.create_multipart_upload(Bucket="parity", Key=key, ContentType="image/tiff", Metadata={"m": "1"}, **more)

    def upload(key, upload_id, number, body, **more):
        return BARE.upload_part(Bucket="parity", Key=key, UploadId=upload_id, PartNumber=number, Body=body, **more)

    def complete(key, upload_id, chosen, **more):
        return BARE.complete_multipart_upload(
            Bucket="parity", Key=key, UploadId=upload_id, MultipartUpload={"Parts": chosen}, **more
        )

    begun = call("multipart: create", lambda: begin("big", ChecksumAlgorithm="SHA256"), pick("ChecksumAlgorithm", "ChecksumType"))
    upload_id = begun["UploadId"]
    chosen = []
    for number, body in enumerate(parts, 1):
        part = call(
            f"multipart: part {number}",
            lambda: upload("big", upload_id, number, body, ChecksumSHA256=sha256(body)),
            pick("ETag", "ChecksumSHA256"),
        )
        chosen.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    call("multipart: wrong part checksum", lambda: upload("big", upload_id, 4, b"x", ChecksumSHA256=sha256(b"y")))
    call("multipart: part 0", lambda: upload("big", upload_id, 0, b"x"))
    call("multipart: part 10001", lambda: upload("big", upload_id, 10001, b"x"))
    call("multipart: part of no upload", lambda: upload("big", "00000000000000000000000000000000", 1, b"x"))
    call(
        "multipart: list parts",
        lambda: BARE.list_parts(Bucket="parity", Key="big", UploadId=upload_id),
        lambda r: [(p["PartNumber"], p["Size"], p["ETag"], p.get("ChecksumSHA256")) for p in r["Parts"]],
    )
    page = call(
        "multipart: list parts by two",
        lambda: BARE.list_parts(Bucket="parity", Key="big", UploadId=upload_id, MaxParts=2),
        lambda r: [[p["PartNumber"] for p in r["Parts"]], r["IsTruncated"], r["NextPartNumberMarker"]],
    )
    call(
        "multipart: list parts, the rest",
        lambda: BARE.list_parts(
            Bucket="parity", Key="big", UploadId=upload_id, PartNumberMarker=page["NextPartNumberMarker"]
        ),
        lambda r: [[p["PartNumber"] for p in r["Parts"]], r["IsTruncated"]],
    )
    call(
        "multipart: list uploads",
        lambda: BARE.list_multipart_uploads(Bucket="parity"),
        lambda r: [u["Key"] for u in r["Uploads"]],
    )
    call("multipart: not visible before", lambda: S3.head_object(Bucket="parity", Key="big"))
    call("multipart: complete in disorder", lambda: complete("big", upload_id, [chosen[1], chosen[0]]))
    call("multipart: complete with a wrong etag", lambda: complete("big", upload_id, [chosen[0] | {"ETag": '"' + "0" * 32 + '"'}]))
    call("multipart: complete with an unknown part", lambda: complete("big", upload_id, [chosen[0], chosen[1] | {"PartNumber": 9}]))
    call(
        "multipart: complete with a wrong part checksum",
        lambda: complete("big", upload_id, [chosen[0] | {"ChecksumSHA256": sha256(b"no")}, *chosen[1:]]),
    )
    call("multipart: complete", lambda: complete("big", upload_id, chosen), pick("ETag", "ChecksumSHA256", "ChecksumType", "Key"))
    call(
        "multipart: head",
        lambda: S3.head_object(Bucket="parity", Key="big", ChecksumMode="ENABLED"),
        pick("ETag", "ContentLength", "ContentType", "Metadata", "ChecksumSHA256", "ChecksumType"),
    )
    call(
        "multipart: get",
        lambda: S3.get_object(Bucket="parity", Key="big"),
        lambda r: hashlib.sha256(r["Body"].read()).hexdigest() == hashlib.sha256(b"".join(parts)).hexdigest(),
    )
    call("multipart: range over a seam", lambda: S3.get_object(Bucket="parity", Key="big", Range="bytes=5242878-5242881"), read)
    call(
        "multipart: get part 3",
        lambda: S3.get_object(Bucket="parity", Key="big", PartNumber=3),
        lambda r: [read(r), r["PartsCount"], r["ContentRange"]],
    )
    small = begin("small")["UploadId"]
    etags = [upload("small", small, number, b"tiny")["ETag"] for number in (1, 2)]
    tiny = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    call("multipart: complete with a small part", lambda: complete("small", small, tiny))
    call("multipart: complete without parts", lambda: complete("small", small, []))
    call("multipart: abort", lambda: BARE.abort_multipart_upload(Bucket="parity", Key="small", UploadId=small))
    call("multipart: abort again", lambda: BARE.abort_multipart_upload(Bucket="parity", Key="small", UploadId=small))
    call("multipart: list parts of an aborted", lambda: BARE.list_parts(Bucket="parity", Key="small", UploadId=small))

    def one(key):
        made = begin(key)["UploadId"]
        etag = upload(key, made, 1, b"single")["ETag"]
        return made, [{"PartNumber": 1, "ETag": etag}]

    made, single = one("once-more")
    call("multipart: complete if none", lambda: complete("once-more", made, single, IfNoneMatch="*"))
    made, single = one("once-more")
    call("multipart: complete if none, again", lambda: complete("once-more", made, single, IfNoneMatch="*"))
    ready = [one("raced-multipart") for _ in range(32)]
    MATRIX.race(
        "multipart: 32 racing completes if none",
        lambda n: complete("raced-multipart", *ready[n], IfNoneMatch="*"),
    )


def versions():
    call, alias = MATRIX.call, MATRIX.alias
    S3.create_bucket(Bucket="versioned")
    S3.put_object(Bucket="versioned", Key="pre", Body=b"before")
    call("versions: state before", lambda: S3.get_bucket_versioning(Bucket="versioned"), pick("Status"))
    S3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    call("versions: state", lambda: S3.get_bucket_versioning(Bucket="versioned"), pick("Status"))

    def version(response):
        return alias(response.get("VersionId"), "version")

    def put(key, body):
        return S3.put_object(Bucket="versioned", Key=key, Body=body)

    def listed(**more):
        def show(response):
            rows = response.get("Versions", []) + response.get("DeleteMarkers", [])
            names = [(row["Key"], alias(row["VersionId"], "version"), row["IsLatest"], "Size" not in row) for row in rows]
            return sorted(names)

        return lambda: S3.list_object_versions(Bucket="versioned", **more), show

    first = call("versions: put 1", lambda: put("k", b"one"), version)["VersionId"]
    second = call("versions: put 2", lambda: put("k", b"two"), version)["VersionId"]
    call("versions: get latest", lambda: S3.get_object(Bucket="versioned", Key="k"), lambda r: [read(r), version(r)])
    call(
        "versions: get 1",
        lambda: S3.get_object(Bucket="versioned", Key="k", VersionId=first),
        lambda r: [read(r), version(r)],
    )
    put("pre", b"after")
    call("versions: get the null one", lambda: S3.get_object(Bucket="versioned", Key="pre", VersionId="null"), read)
    covered = S3.delete_object(Bucket="versioned", Key="pre")["VersionId"]
    S3.delete_object(Bucket="versioned", Key="pre", VersionId=covered)
    call("versions: uncovered above a null one", lambda: S3.get_object(Bucket="versioned", Key="pre"), read)
    call("versions: get a malformed id", lambda: S3.get_object(Bucket="versioned", Key="k", VersionId="malformed"))
    deleted = call(
        "versions: delete",
        lambda: S3.delete_object(Bucket="versioned", Key="k"),
        lambda r: [version(r), r.get("DeleteMarker")],
    )
    marker = deleted["VersionId"]
    call("versions: get deleted", lambda: S3.get_object(Bucket="versioned", Key="k"))
    call("versions: get 2 under a marker", lambda: S3.get_object(Bucket="versioned", Key="k", VersionId=second), read)
    call("versions: get the marker", lambda: S3.get_object(Bucket="versioned", Key="k", VersionId=marker))
    call("versions: list all", *listed(Prefix="k"))
    call(
        "versions: a list of objects hides it",
        lambda: S3.list_objects_v2(Bucket="versioned"),
        lambda r: [o["Key"] for o in r.get("Contents", [])],
    )
    put("covered", b"two")
    S3.delete_object(Bucket="versioned", Key="covered")
    call(
        "versions: put if none over a marker",
        lambda: S3.put_object(Bucket="versioned", Key="covered", Body=b"three", IfNoneMatch="*"),
    )
    call("versions: get after it", lambda: S3.get_object(Bucket="versioned", Key="covered"), read)
    call(
        "versions: delete the marker",
        lambda: S3.delete_object(Bucket="versioned", Key="k", VersionId=marker),
        lambda r: [version(r), r.get("DeleteMarker")],
    )
    call("versions: back again", lambda: S3.get_object(Bucket="versioned", Key="k"), read)
    call("versions: delete 2 for good", lambda: S3.delete_object(Bucket="versioned", Key="k", VersionId=second), version)
    call("versions: now 1 is the latest", lambda: S3.get_object(Bucket="versioned", Key="k"), read)
    call("versions: get 2 that is gone", lambda: S3.get_object(Bucket="versioned", Key="k", VersionId=second))
    put("a", b"1"), put("a", b"2"), put("z", b"3")
    page = call(
        "versions: first page of 2",
        lambda: S3.list_object_versions(Bucket="versioned", MaxKeys=2),
        lambda r: [[v["Key"] for v in r["Versions"]], r["IsTruncated"], r["NextKeyMarker"]],
    )
    call(
        "versions: second page of 2",
        lambda: S3.list_object_versions(
            Bucket="versioned",
            MaxKeys=2,
            KeyMarker=page["NextKeyMarker"],
            VersionIdMarker=page["NextVersionIdMarker"],
        ),
        lambda r: [[v["Key"] for v in r["Versions"]], r["IsTruncated"]],
    )
    S3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Suspended"})
    call("versions: put while suspended", lambda: put("k", b"null again"), version)
    call("versions: get while suspended", lambda: S3.get_object(Bucket="versioned", Key="k"), lambda r: [read(r), r.get("VersionId")])
    call("versions: bucket with versions is not empty", lambda: S3.delete_bucket(Bucket="versioned"))


def lists():
    call = MATRIX.call
    S3.create_bucket(Bucket="lists")
    for key in ["a.jpg", "b/1.jpg", "b/2.jpg", "b/c/3.jpg", "b0.jpg", "d/4.jpg", "z.jpg", "ä/5.jpg"]:
        S3.put_object(Bucket="lists", Key=key, Body=key.encode())

    def show(response):
        return {
            "keys": [o["Key"] for o in response.get("Contents", [])],
            "prefixes": [p["Prefix"] for p in response.get("CommonPrefixes", [])],
            "truncated": response["IsTruncated"],
            "count": response.get("KeyCount"),
        }

    def v2(name, **more):
        return call(f"list: {name}", lambda: S3.list_objects_v2(Bucket="lists", **more), show)

    v2("everything")
    v2("a prefix", Prefix="b/")
    v2("a prefix that nothing has", Prefix="nothing/")
    v2("a delimiter", Delimiter="/")
    v2("a prefix and a delimiter", Prefix="b/", Delimiter="/")
    v2("a prefix without its slash", Prefix="b", Delimiter="/")
    v2("another delimiter", Delimiter=".jpg")
    v2("start after", StartAfter="b/2.jpg")
    v2("start after what is not there", StartAfter="b/15.jpg")
    v2("no keys", MaxKeys=0)
    call(
        "list: one entry",
        lambda: S3.list_objects_v2(Bucket="lists", Prefix="a.jpg"),
        lambda r: [(o["Key"], o["Size"], o["ETag"], o["StorageClass"]) for o in r["Contents"]],
    )
    for name, more in {"keys": {}, "prefixes": {"Delimiter": "/"}}.items():
        token, number = {}, 0
        while token is not None and number < 12:
            number += 1
            page = v2(f"page {number} of 2 {name}", MaxKeys=2, **more, **token)
            token = {"ContinuationToken": page["NextContinuationToken"]} if page["IsTruncated"] else None
    call("list: a bad token", lambda: S3.list_objects_v2(Bucket="lists", ContinuationToken="§"))
    call("list: v1", lambda: S3.list_objects(Bucket="lists", MaxKeys=3), show)
    call("list: v1 from a marker", lambda: S3.list_objects(Bucket="lists", Marker="b/2.jpg"), show)
    call(
        "list: v1 with a delimiter",
        lambda: S3.list_objects(Bucket="lists", Delimiter="/", MaxKeys=2),
        lambda r: show(r) | {"next": r.get("NextMarker")},
    )
    call("list: v1 from a prefix", lambda: S3.list_objects(Bucket="lists", Delimiter="/", Marker="b/"), show)


def copies():
    call = MATRIX.call
    S3.put_object(Bucket="parity", Key="source", Body=b"to copy", ContentType="image/gif", Metadata={"a": "1"})
    source = {"Bucket": "parity", "Key": "source"}
    call(
        "copy: as it is",
        lambda: S3.copy_object(Bucket="parity", Key="copied", CopySource=source),
        lambda r: r["CopyObjectResult"]["ETag"],
    )
    call(
        "copy: head",
        lambda: S3.head_object(Bucket="parity", Key="copied"),
        pick("ContentType", "Metadata", "ContentLength"),
    )
    call(
        "copy: with new metadata",
        lambda: S3.copy_object(
            Bucket="parity",
            Key="copied-2",
            CopySource=source,
            MetadataDirective="REPLACE",
            Metadata={"b": "2"},
            ContentType="image/png",
        ),
    )
    call("copy: head new metadata", lambda: S3.head_object(Bucket="parity", Key="copied-2"), pick("ContentType", "Metadata"))
    call("copy: of none", lambda: S3.copy_object(Bucket="parity", Key="x", CopySource={"Bucket": "parity", "Key": "nope"}))
    call("copy: onto itself", lambda: S3.copy_object(Bucket="parity", Key="source", CopySource=source))
    call(
        "copy: if match another",
        lambda: S3.copy_object(Bucket="parity", Key="x", CopySource=source, CopySourceIfMatch='"other"'),
    )


def tags():
    call = MATRIX.call
    S3.put_object(Bucket="parity", Key="tagged", Body=b"x", Tagging="a=1&b=two%20words")
    show = lambda r: sorted((t["Key"], t["Value"]) for t in r["TagSet"])
    call("tags: from the header", lambda: S3.get_object_tagging(Bucket="parity", Key="tagged"), show)
    call("tags: put", lambda: S3.put_object_tagging(Bucket="parity", Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]}))
    call("tags: get", lambda: S3.get_object_tagging(Bucket="parity", Key="tagged"), show)
    call("tags: delete", lambda: S3.delete_object_tagging(Bucket="parity", Key="tagged"))
    call("tags: get none", lambda: S3.get_object_tagging(Bucket="parity", Key="tagged"), show)
    eleven = [{"Key": str(number), "Value": ""} for number in range(11)]
    call("tags: eleven", lambda: S3.put_object_tagging(Bucket="parity", Key="tagged", Tagging={"TagSet": eleven}))


for group in [buckets, objects, keys, checksums, trailers, conditions, ranges, presigned, multipart, versions, lists, copies, tags]:
    group()
MATRIX.print()
