"""Objects of several parts, of several versions, of several pages; copies and tags."""

import hashlib

from matrix import pick
from s3_words import BARE, MATRIX, MEBIBYTE, S3, sha256, read


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
