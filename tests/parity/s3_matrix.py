"""The S3 matrix: every group of calls, in an order that both servers see."""

import datetime

from matrix import client, pick
from s3_history import copies, lists, multipart, tags, versions
from s3_wire import checksums, presigned, trailers
from s3_words import BARE, MATRIX, S3, read


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


for group in [buckets, objects, keys, checksums, trailers, conditions, ranges, presigned, multipart, versions, lists, copies, tags]:
    group()
MATRIX.print()
