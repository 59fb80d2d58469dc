"""Makes the files of docs/differences.md and prints what Safelight, Pillow and sharp say of each: `make differ`."""

import io
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from walk import Eyes

sys.path.insert(0, str(Path(__file__).parents[2] / "crates/darkroom/tests/judges"))
import profiles  # noqa: E402 - it lies with the judges

SIDE = 64


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(header, rows, before=b"", behind=b"", checksum=None):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    data = zlib.compress(rows)
    pixels = chunk(b"IDAT", data[:-4] + (checksum or data[-4:]))
    return b"\x89PNG\r\n\x1a\n" + head + before + pixels + behind + chunk(b"IEND", b"")


def orientation(way):
    return chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([way]) + bytes(7))


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def deep_profile():
    """200, 100, 50 in Display P3, in sixteen bits: 214, 96, 35 in sRGB."""
    icc = chunk(b"iCCP", b"p3\0\0" + zlib.compress(profiles.ALL_RGB["p3"]))
    row = b"\0" + struct.pack(">3H", 200 * 257, 100 * 257, 50 * 257) * SIDE
    return png((SIDE, 48, 16, 2), row * 48, icc)


def deep_transparent():
    """Sixteen bits of colour, all of the one that is transparent."""
    row = b"\0" + struct.pack(">3H", 0x1234, 0x5678, 0x9ABC) * SIDE
    said = chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))
    return png((SIDE, 48, 16, 2), row * 48, said)


def transparent_damaged():
    """Grey, and a transparent level whose chunk was damaged on the way."""
    said = chunk(b"tRNS", b"\0\0")
    return png((SIDE, 48, 8, 0), (b"\0" + bytes(SIDE)) * 48, said[:-4] + b"what")


def four_bits_transparent():
    """Four bits of grey, level 3 transparent; every pixel is 3."""
    return png((SIDE, 48, 4, 0), (b"\0" + b"\x33" * (SIDE // 2)) * 48, chunk(b"tRNS", struct.pack(">H", 3)))


def behind_pixels():
    return png((SIDE, 48, 8, 0), (b"\0" + bytes(SIDE)) * 48, behind=orientation(6))


def two_orientations():
    return png((SIDE, 48, 8, 0), (b"\0" + bytes(SIDE)) * 48, orientation(6) + orientation(3))


def wrong_checksum():
    """zlib's own checksum is another, the chunk's is right."""
    return png((SIDE, 48, 8, 0), (b"\0" + bytes(SIDE)) * 48, checksum=b"what")


def gif(screen, size=(9, 9)):
    """A frame of one colour in the corner of a screen; codes of three bits, a clear code before every two."""
    pixels = size[0] * size[1]
    codes = [code for at in range(0, pixels, 2) for code in [4, *[1] * min(2, pixels - at)]] + [5]
    bits = sum(code << 3 * at for at, code in enumerate(codes))
    data = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
    place = b"," + struct.pack("<4H", 0, 0, *size) + b"\0\x02"
    head = b"GIF89a" + struct.pack("<2H", *screen) + b"\x80\0\0" + bytes([0, 60, 200, 200, 100, 50])
    return head + place + bytes([len(data)]) + data + b"\0;"


def restart_lost():
    """A JPEG with restart markers, one of which has another number."""
    noise = np.random.default_rng(1).integers(0, 255, (48, SIDE, 3), np.uint8)
    file = bytearray(saved(Image.fromarray(noise), "JPEG", quality=90, restart_marker_blocks=4))
    file[file.index(b"\xff\xd1") + 1] = 0xD5
    return bytes(file)


def last_row_damaged():
    """A JPEG whose last codes are missing, with an end of image all the same."""
    noise = np.random.default_rng(1).integers(0, 255, (48, SIDE, 3), np.uint8)
    return saved(Image.fromarray(noise), "JPEG", subsampling="4:4:4")[:-40] + b"\xff\xd9"


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def component_missing():
    """8 x 8 in three components, each of which would come in a scan of its own; the last one does not."""
    tables = segment(0xDB, b"\0" + bytes([1]) * 64) + b"".join(segment(0xC4, bytes([table, 1, *[0] * 16])) for table in (0, 16))
    frame = segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 3) + b"".join(bytes([at, 0x11, 0]) for at in (1, 2, 3)))
    scans = b"".join(segment(0xDA, bytes([1, at, 0, 0, 63, 0])) + b"\x3f" for at in (1, 2))
    return b"\xff\xd8" + tables + frame + scans + b"\xff\xd9"


def turned_by_xmp():
    """Orientation in XMP alone."""
    said = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    said += b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    file = saved(Image.new("RGB", (SIDE, 48), (200, 100, 50)), "JPEG")
    return file[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + said) + file[2:]


def large_profile():
    """Display P3 in a profile of three mebibytes, nearly all of it room that no tag uses."""
    profile = bytearray(profiles.ALL_RGB["p3"].ljust(3 << 20, b"\0"))
    profile[:4] = struct.pack(">I", len(profile))
    icc = chunk(b"iCCP", b"p3\0\0" + zlib.compress(bytes(profile)))
    return png((SIDE, 48, 8, 2), (b"\0" + bytes([200, 100, 50]) * SIDE) * 48, icc)


def inks():
    """CMYK, and no word of which inks."""
    return saved(Image.new("CMYK", (SIDE, 48), (200, 100, 50, 20)), "JPEG")


def lossless_webp():
    """16,384 x 4 of one colour, as libwebp's encoder refuses to write it: one code for everything."""
    bits, at = 0, 0

    def put(value, count):
        nonlocal bits, at
        bits |= value << at
        at += count

    put(0x2F, 8), put(16383, 14), put(3, 14), put(0, 1), put(0, 3)  # signature, sides, no alpha, version
    put(0, 1), put(0, 1), put(0, 1)  # no transform, no cache of colours, no meta codes
    for symbol in (100, 200, 50, 255):  # green, red, blue, alpha: a simple code of one symbol of eight bits
        put(1, 1), put(0, 1), put(1, 1), put(symbol, 8)
    put(1, 1), put(0, 1), put(0, 1), put(0, 1)  # distances
    data = bits.to_bytes((at + 7) // 8, "little")
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


CASES = {
    "png-16-bit-profile.png": deep_profile,
    "png-16-bit-transparent.png": deep_transparent,
    "png-4-bit-transparent.png": four_bits_transparent,
    "png-transparent-damaged.png": transparent_damaged,
    "png-exif-behind-pixels.png": behind_pixels,
    "png-two-exif.png": two_orientations,
    "png-zlib-checksum.png": wrong_checksum,
    "gif-small-first-frame.gif": lambda: gif((20, 20)),
    "gif-screen-of-a-monitor.gif": lambda: gif((640, 480)),
    "webp-side-16384.webp": lossless_webp,
    "jpeg-restart-lost.jpg": restart_lost,
    "jpeg-last-row-damaged.jpg": last_row_damaged,
    "jpeg-component-missing.jpg": component_missing,
    "jpeg-turned-by-xmp.jpg": turned_by_xmp,
    "jpeg-cmyk.jpg": inks,
    "png-large-profile.png": large_profile,
    "jpeg-of-a-scanner.jpg": lambda: saved(Image.new("RGB", (SIDE, 48)), "JPEG", icc_profile=scanner_profile()),
}


def order_of_passes():
    """How far apart one Lanczos is from itself when the columns come before the rows, in eight bits between them."""
    noise = np.random.default_rng(1).integers(0, 2, (256, 256), np.uint8) * 255
    image = Image.fromarray(noise)
    turned = image.transpose(Image.Transpose.TRANSPOSE)
    rows = np.asarray(image.resize((97, 97), Image.Resampling.LANCZOS), np.int16)
    columns = turned.resize((97, 97), Image.Resampling.LANCZOS).transpose(Image.Transpose.TRANSPOSE)
    return np.abs(rows - np.asarray(columns, np.int16)).max()


def scanner_profile():
    """A scanner's v2 profile by a table: the corners of its cube in Lab. Its black is L* 5."""
    corners = {0: (13, 128, 128), 1: (82, 200, 30), 2: (224, 10, 220), 3: (248, 110, 230), 4: (136, 220, 200)}
    corners |= {5: (154, 230, 60), 6: (235, 80, 110), 7: (255, 128, 128)}
    ramp = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65536 if at % 4 == 0 else 0) for at in range(9))
    table = b"".join(bytes(corners[at]) for at in range(8))
    lut = b"mft1\0\0\0\0\x03\x03\x02\0" + identity + ramp * 3 + table + ramp * 3
    profile = bytearray(profiles.assemble(b"RGB ", {"A2B0": lut}, b"A scanner"))
    profile[12:16], profile[20:24] = b"scnr", b"Lab "
    return bytes(profile)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for eye in (looking := Eyes(scratch).all):
            print(eye.name, end="  ")
        print()
        for name, make in CASES.items():
            path = Path(scratch) / name
            path.write_bytes(make())
            print(name)
            for eye in looking:
                eye.ask(path)
                answer = eye.answer()
                what = answer.get("refused", "")[:80]
                if "size" in answer:
                    rgba = np.frombuffer(Path(eye.out).read_bytes(), np.uint8).reshape(-1, 4)
                    what = f"{answer['size'][0]}x{answer['size'][1]}, first {rgba[0].tolist()}, last {rgba[-1].tolist()}"
                print(f"  {eye.name}: {what}")
    print(f"one Lanczos, rows or columns first: up to {order_of_passes()} levels")


if __name__ == "__main__":
    main()
