"""What is said below the client library: checksums, trailers, presigned URLs."""

import datetime
import hashlib
import http.client
import urllib.parse
from contextlib import ExitStack
from unittest import mock

import botocore.auth
from botocore.compat import HAS_CRT

from matrix import ENDPOINT, pick
from s3_words import BARE, MATRIX, S3, b64, sha256, crc32, crc32c, crc64nvme, read, shown


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
