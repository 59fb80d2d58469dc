"""A PNG writer for what Pillow does not write: every depth, every colour type, interlaced or not, any chunk."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
# Start and step of Adam7's seven passes: x, y, x step, y step.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def rows(samples, depth):
    """Each row of (height, width, channels) samples, packed, behind filter type 0 or 1 in turn."""
    out = b""
    for number, row in enumerate(samples):
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        elif depth == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
            packed = np.packbits(bits.reshape(-1)).tobytes()
        if depth >= 8 and number % 2:
            step = samples.shape[2] * depth // 8
            whole = np.frombuffer(packed, np.uint8)
            before = np.concatenate([np.zeros(step, np.uint8), whole[:-step]]) if len(whole) > step else 0 * whole
            out += b"\x01" + (whole - before).astype(np.uint8).tobytes()
        else:
            out += b"\x00" + packed
    return out


def write(samples, colour, depth, interlaced=False, before=(), after=()):
    """A file of (height, width, channels) samples; `before` and `after` are chunks around the pixels."""
    height, width = samples.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    if interlaced:
        parts = (samples[y::step_y, x::step_x] for x, y, step_x, step_y in PASSES)
        pixels = b"".join(rows(part, depth) for part in parts if part.size)
    else:
        pixels = rows(samples, depth)
    data = zlib.compress(pixels, 6)
    half = len(data) // 2
    chunks = [(b"IHDR", head), *before, (b"IDAT", data[:half]), (b"IDAT", data[half:]), *after, (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in chunks)


def palette_of(depth):
    """As many colours as the depth can name, none like its neighbour."""
    count = 1 << depth
    index = np.arange(count)
    return np.dstack([index * 255 // (count - 1), (index * 97 + 40) % 256, 255 - index * 200 // (count - 1)])[0]


def icc_chunk(profile, name=b"profile"):
    return (b"iCCP", name + b"\0\0" + zlib.compress(profile))
