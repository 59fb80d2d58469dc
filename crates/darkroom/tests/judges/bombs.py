"""Writes files that cost little to send and would cost much to open, and what may become of each.

    bombs.py FOLDER          files and bombs.json: {file: [answers that are right]}"""

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

import gifs
import jpegs
import pictures
import pngs
import profiles

SIZE = ["dimensions_too_large", "pixels_too_many"]
DEVELOPED = ["developed"]
# A file that is within the limits and lies about its content: what it ends as is up to where the lie shows.
ANY_REASON = ["corrupt", "truncated", "unsupported_format", "decode_timeout", "decode_memory"]
MEBI = 1 << 20


def zeros(mebibytes):
    """So much of nothing, deflated: each block is the same, so none has to be made twice."""
    deflate = zlib.compressobj(9)
    head = deflate.compress(bytes(MEBI)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(MEBI)) + deflate.flush(zlib.Z_FULL_FLUSH)
    end = b"\x01\0\0\xff\xff" + struct.pack(">I", zlib.adler32(b""))
    return head + block * (mebibytes - 1) + end


def resized_jpeg(file, width, height):
    """The same file, its frame header saying something else."""
    at = next(file.index(bytes([0xFF, sof])) for sof in (0xC0, 0xC2) if bytes([0xFF, sof]) in file)
    return file[: at + 5] + struct.pack(">HH", height, width) + file[at + 9 :]


def jpeg():
    small = pictures.scene(48, 32)
    flat = np.full((32, 48, 3), 90, np.uint8)
    plain, progressive = jpegs.sampled(small, "420", False), jpegs.sampled(flat, "444", True)
    yield "65500-square", resized_jpeg(plain, 65500, 65500), SIZE
    yield "65500-square-progressive", resized_jpeg(progressive, 65500, 65500), SIZE
    yield "65500-wide", resized_jpeg(plain, 65500, 1), SIZE
    yield "zero-wide", resized_jpeg(plain, 0, 32), ["corrupt"]
    yield "huge-and-empty", resized_jpeg(plain, 16000, 3100), ANY_REASON
    yield "huge-and-empty-progressive", resized_jpeg(progressive, 16000, 3100), ANY_REASON
    start = progressive.index(b"\xff\xda")
    scan, rest = progressive[start:-2], b"\xff\xd9"
    scan = scan[: scan.index(b"\xff\xda", 2)] if b"\xff\xda" in scan[2:] else scan
    yield "1000-scans", progressive[:start] + scan * 1000 + rest, ANY_REASON
    large = resized_jpeg(progressive, 7000, 7000)
    yield "99-scans-of-49-megapixels", large[:start] + scan * 99 + rest, ANY_REASON
    yield "a-million-segments", plain[:2] + b"\xff\xfe\0\2" * 1_000_000 + plain[2:], DEVELOPED
    yield "fill-bytes", plain[:2] + b"\xff" * (10 * MEBI) + plain[2:], DEVELOPED
    yield "255-profile-parts", jpegs.with_icc(plain, profiles.ALL_RGB["p3"].ljust(255 * 4, b"\0"), 4), DEVELOPED
    yield "10-mebibyte-profile", jpegs.with_icc(plain, profiles.ALL_RGB["p3"] + bytes(10 * MEBI)), DEVELOPED
    liar = bytearray(profiles.ALL_RGB["p3"])
    liar[128:132] = b"\xff\xff\xff\xff"
    yield "a-profile-of-four-billion-tags", jpegs.with_icc(plain, bytes(liar)), DEVELOPED
    loop = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 65535) + b"\x69\x87\4\0\1\0\0\0\x08\0\0\0" * 5000
    yield "endless-exif", jpegs.with_segment(plain, 0xE1, loop), DEVELOPED
    yield "too-large", plain + bytes(20 * MEBI), SIZE


def png():
    dot = np.zeros((1, 1, 3), np.uint8)
    header = lambda width, height, depth, colour: struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)

    def file(head, *chunks):
        ends = [(b"IHDR", head), *chunks, (b"IEND", b"")]
        return pngs.SIGNATURE + b"".join(pngs.chunk(kind, content) for kind, content in ends)

    yield "30000-square", file(header(30000, 30000, 1, 0), (b"IDAT", zeros(108))), SIZE
    yield "four-billion-wide", file(header(2**31 - 1, 2**31 - 1, 8, 6), (b"IDAT", zeros(1))), SIZE
    wide = file(header(16000, 3100, 16, 6), (b"IDAT", zeros(380)))
    yield "49-megapixels-of-16-bit-nothing", wide, [*ANY_REASON, "developed"]
    yield "49-megapixels-and-empty", file(header(16000, 3100, 8, 2), (b"IDAT", zeros(1))), ANY_REASON
    dear = file(header(1, 1, 8, 2), (b"IDAT", zeros(2000)))
    yield "one-pixel-of-two-gibibytes", dear, [*ANY_REASON, "developed"]
    bomb = zeros(2000)
    for kind, content in (("zTXt", b"a\0\0"), ("iTXt", b"a\0\1\0\0\0"), ("iCCP", b"a\0\0")):
        yield f"{kind}-of-two-gibibytes", pngs.write(dot, pngs.RGB, 8, before=[(kind.encode(), content + bomb)]), DEVELOPED
    profile = zlib.compress(profiles.ALL_RGB["p3"] + bytes(10 * MEBI))
    yield "10-mebibyte-profile", pngs.write(dot, pngs.RGB, 8, before=[(b"iCCP", b"a\0\0" + profile)]), DEVELOPED
    yield "a-million-chunks", pngs.write(dot, pngs.RGB, 8, before=[(b"teXt", b"")] * 1_000_000), DEVELOPED
    data = zlib.compress(b"\0\0\0\0")
    empty = [(b"IDAT", b"")] * 1_000_000
    yield "a-million-empty-data-chunks", file(header(1, 1, 8, 2), *empty, (b"IDAT", data)), [*DEVELOPED, "corrupt"]
    frames = [(b"acTL", struct.pack(">II", 2**31 - 1, 0))]
    frames += [(b"fcTL", struct.pack(">IIIIIHHBB", n, 16000, 3100, 0, 0, 1, 1, 0, 0)) for n in range(100_000)]
    yield "100000-announced-frames", pngs.write(dot, pngs.RGB, 8, before=frames), [*DEVELOPED, "corrupt"]


def gif():
    dot = gifs.frame(np.zeros((1, 1), np.uint8))
    colours = gifs.web_palette()
    yield "65535-square-screen", gifs.write((65535, 65535), [dot], colours), SIZE
    yield "49-megapixel-screen", gifs.write((16000, 3100), [dot], colours), [*DEVELOPED, "decode_memory"]
    frames = [gifs.control(), dot] * 200_000
    yield "200000-frames", gifs.write((4000, 3000), frames, colours), DEVELOPED
    vast = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x08\x01\x00\0"
    yield "a-frame-of-65535-square", gifs.write((10, 10), [vast], colours), SIZE
    wide = b"\x2c" + struct.pack("<HHHHB", 0, 0, 16000, 3100, 0) + b"\x08\x01\x00\0"
    yield "a-frame-of-49-megapixels-in-a-dot", gifs.write((1, 1), [wide], colours), [*ANY_REASON, "developed"]
    # Codes that each stand for one pixel more than the one before: four thousand of them are eight million pixels.
    run = b"\x2c" + struct.pack("<HHHHB", 0, 0, 7000, 7000, 0) + growing_codes(12)
    yield "49-megapixels-of-growing-codes", gifs.write((7000, 7000), [run], colours), [*ANY_REASON, "developed"]
    endless = b"\x21\xfe" + (b"\xff" + bytes(255)) * 70_000 + b"\0"
    yield "an-endless-comment", gifs.write((1, 1), [endless, dot], colours), DEVELOPED


def growing_codes(rounds):
    stream, bits, position = 0, [], 0
    for _ in range(rounds):
        width, known = 9, 258
        bits.append((256, width))
        bits.append((0, width))
        while known < 4096:
            if known == 1 << width and width < 12:
                width += 1
            bits.append((known, width))
            known += 1
    bits.append((257, 12))
    packed = bytearray()
    for code, width in bits:
        stream |= code << position
        position += width
        while position >= 8:
            packed.append(stream & 255)
            stream >>= 8
            position -= 8
    packed.append(stream & 255)
    return b"\x08" + gifs.sub_blocks(bytes(packed))


def webp():
    def riff(*chunks):
        body = b"WEBP" + b"".join(k + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for k, c in chunks)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    def sides(width, height):
        return (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")

    def vp8l(width, height, content=b"\x88\x88\x08\0\0"):
        return (b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + content)

    def vp8(width, height):
        return (b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(60))

    def frame(width, height, picture):
        kind, content = picture
        head = bytes(6) + sides(width, height) + bytes(4)
        return (b"ANMF", head + kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2))

    animated = lambda width, height: (b"VP8X", b"\x02\0\0\0" + sides(width, height))
    anim = (b"ANIM", bytes(6))
    lies = [*ANY_REASON, "developed"]
    # libwebp stops at 16383, and image-webp takes 16384 for nothing.
    yield "16384-square", riff(vp8l(16384, 16384)), [*SIZE, "corrupt"]
    yield "16383-square-lossy", riff(vp8(16383, 16383)), SIZE
    yield "49-megapixels-of-one-colour", riff(vp8l(16000, 3100)), lies
    yield "49-megapixels-of-nothing-lossy", riff(vp8(16000, 3100)), lies
    yield "a-canvas-of-2-to-the-24", riff(animated(1 << 24, 1 << 24), anim, frame(1, 1, vp8l(1, 1))), [*SIZE, "corrupt"]
    yield "a-canvas-of-49-megapixels", riff(animated(7000, 7000), anim, frame(1, 1, vp8l(1, 1))), lies
    many = [frame(4000, 3000, vp8l(4000, 3000))] * 20_000
    yield "20000-frames", riff(animated(4000, 3000), anim, *many), lies
    lying = riff(animated(10, 10), anim, frame(1 << 24, 1 << 24, vp8l(16384, 16384)))
    yield "a-frame-beyond-its-canvas", lying, [*SIZE, *ANY_REASON]
    still = (b"VP8X", b"\x20\0\0\0" + sides(8, 8))
    yield "10-mebibyte-profile", riff(still, (b"ICCP", profiles.ALL_RGB["p3"] + bytes(10 * MEBI)), vp8l(8, 8)), lies
    yield "a-million-chunks", riff((b"VP8X", b"\0\0\0\0" + sides(8, 8)), *[(b"none", b"")] * 1_000_000, vp8l(8, 8)), lies


def write(folder):
    answers = {}
    for make in (jpeg, png, gif, webp):
        for name, file, right in make():
            path = folder / f"{make.__name__}-{name}"
            path.write_bytes(file)
            answers[path.name] = right
    (folder / "bombs.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
