"""Files without what makes a known difference (docs/differences.md), and with all else.

`MENDED` has, for each format and for whether we show the file or refuse it, what may be the cause. Each takes a file's
bytes and returns others, or None where it has nothing to mend."""

import zlib

# Tables, frames and scans of a JPEG; what an application has to say of it, for its colours and its orientation.
KEPT = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD, *range(0xE0, 0xF0)} - {0xC8}
ROWS_OF_BLOCKS = 16


def segments(jpeg):
    """The marker, the place and the end of each segment, a scan with its data; strays are in none."""
    at = 2
    while at + 4 <= len(jpeg):
        marker = jpeg[at + 1]
        if jpeg[at] != 0xFF or marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            at += 1
            continue
        if marker == 0xD9:
            return
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == 0xDA:
            while end + 1 < len(jpeg) and (jpeg[end] != 0xFF or jpeg[end + 1] in (0x00, 0xFF, *range(0xD0, 0xD8))):
                end += 1
            if end + 1 >= len(jpeg):
                end = len(jpeg)
        if end > at + 3:
            yield marker, at, end
        at = max(end, at + 2)


def bare(jpeg):
    """With an end of image behind the codes, and nothing that is no part of the picture: says nothing of a pixel."""
    parts = [jpeg[at:end] for marker, at, end in segments(jpeg) if marker in KEPT and end <= len(jpeg)]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def without_last_rows(jpeg):
    """Less high by the last row of blocks, or, where there is but one, as wide as a block."""
    for marker, at, _ in segments(jpeg):
        if marker in KEPT and 0xC0 <= marker < 0xD0 and marker not in (0xC4, 0xCC):
            height = int.from_bytes(jpeg[at + 5 : at + 7])
            width = int.from_bytes(jpeg[at + 7 : at + 9])
            if height > ROWS_OF_BLOCKS:
                height = (height - 1) // ROWS_OF_BLOCKS * ROWS_OF_BLOCKS
            else:
                width = min(width, 8)
            return jpeg[: at + 5] + height.to_bytes(2) + width.to_bytes(2) + jpeg[at + 9 :]
    return None


def with_checksum(png):
    """With zlib's checksum of what is there."""
    head, data, tail, at = png[:8], b"", b"", 8
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : end - 4]
        elif data:
            tail += png[at:end]
        else:
            head += png[at:end]
        at = end
    try:
        data = zlib.compress(zlib.decompressobj(-15).decompress(data[2:]))
    except zlib.error:
        return png
    body = b"IDAT" + data
    return head + len(data).to_bytes(4) + body + zlib.crc32(body).to_bytes(4) + tail


# Flags of WebP's extended header that mean something.
ANNOUNCED, IS_ANIMATED = 0x3E, 0x02


def first_picture(webp):
    """The still picture or the first frame, and what is said of it before; nothing behind it."""
    parts, kinds, at = [], set(), 12
    is_animated = webp[12:16] == b"VP8X" and webp[20] & IS_ANIMATED
    kept = {b"VP8X", b"ICCP", b"EXIF", *([b"ANIM", b"ANMF"] if is_animated else [b"ALPH", b"VP8 ", b"VP8L"])}
    while at + 8 <= len(webp):
        kind, length = webp[at : at + 4], int.from_bytes(webp[at + 4 : at + 8], "little")
        content = webp[at + 8 : at + 8 + length]
        if kind == b"VP8X" and content:
            content = bytes([content[0] & ANNOUNCED]) + content[1:]
        if kind in kept and kind not in kinds:
            parts.append(kind + len(content).to_bytes(4, "little") + content + bytes(length % 2))
        kinds.add(kind)
        at += 8 + length + length % 2
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


MENDED = {
    ("JPEG", True): [bare],
    ("JPEG", False): [without_last_rows],
    ("PNG", True): [with_checksum],
    ("WebP", True): [first_picture],
}
