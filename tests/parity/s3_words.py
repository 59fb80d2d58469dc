"""What the S3 calls are made with: two clients, digests in S3's forms."""

import base64
import hashlib
import zlib

from matrix import Matrix, client

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


def shown(status, text):
    code = text.split("<Code>")[1].split("</Code>")[0] if "<Code>" in text else None
    return {"status": status, "error": code}
