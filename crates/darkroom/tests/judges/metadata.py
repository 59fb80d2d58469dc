"""Writes originals that carry every kind of metadata their format has, and a manifest of what to make of each.

    metadata.py FOLDER

Every piece of text holds the word CANARY, every profile has it in its description, every picture stands where a
position was. EXIF, GPS, XMP, IPTC and thumbnails are exiftool's work; the rest are bytes."""

import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

import gifs
import jpegs
import pictures
import pngs
import profiles

WORD = "CANARY"
PROFILE = profiles.srgb(b"CANARY in a profile")
XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="CANARY in XMP"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()


def tagged(path, *more):
    """Lets exiftool write what cameras and editors write."""
    text = f"{WORD} in %s"
    tags = [
        f"-EXIF:Artist={text % 'EXIF'}", f"-EXIF:UserComment={text % 'EXIF'}", f"-EXIF:ImageDescription={text % 'EXIF'}",
        f"-EXIF:Make={text % 'EXIF'}", f"-EXIF:SerialNumber={text % 'EXIF'}", f"-EXIF:OwnerName={text % 'EXIF'}",
        "-EXIF:GPSLatitude=43.1975", "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitude=4.8175", "-EXIF:GPSLongitudeRef=W",
        f"-EXIF:GPSAreaInformation={text % 'GPS'}", "-EXIF:DateTimeOriginal=2026:01:02 03:04:05",
        f"-XMP-dc:Description={text % 'XMP'}", f"-XMP-dc:Rights={text % 'XMP'}",
    ]  # fmt: skip
    subprocess.run(["exiftool", "-q", "-q", "-overwrite_original", *tags, *more, path], check=True)


def jpeg(folder):
    pixels = pictures.scene(211, 160)
    for name, file in {
        "baseline": jpegs.sampled(pixels, "420", False),
        "progressive": jpegs.sampled(pixels, "444", True),
        "grey": jpegs.cjpeg(pixels[..., 1]),
        "cmyk": jpegs.cmyk(pixels),
    }.items():
        path = folder / f"jpeg-{name}.jpg"
        path.write_bytes(full_of_segments(file, pixels))
        thumb = folder / "thumb.jpg"
        thumb.write_bytes(jpegs.with_segment(jpegs.sampled(pixels[::4, ::4], "420", False), 0xFE, b"CANARY in a thumb"))
        profile = folder / "profile.icc"
        profile.write_bytes(PROFILE)
        long = folder / "long.txt"
        long.write_text(f"{WORD} in extended XMP " * 4000)
        tagged(
            path, f"-IPTC:Caption-Abstract={WORD} in IPTC", f"-IPTC:City={WORD}", f"-Photoshop:CopyrightFlag=1",
            f"-Photoshop:URL=https://{WORD}.example", f"-Comment={WORD} in a comment", f"-XMP-dc:Title<={long}",
            f"-ThumbnailImage<={thumb}", *([] if name in ("grey", "cmyk") else [f"-ICC_Profile<={profile}"]),
        )  # fmt: skip
        # Behind the end: a second picture as phones store it, and anything.
        path.write_bytes(path.read_bytes() + thumb.read_bytes() + b"CANARY behind the end")
        yield path
        for scratch in (thumb, profile, long):
            scratch.unlink()


def full_of_segments(file, pixels):
    thumb = pixels[::20, ::20]
    jfxx = b"JFXX\0\x13" + bytes([thumb.shape[1], thumb.shape[0]]) + thumb.tobytes()
    for marker, payload in [
        (0xE0, jfxx),
        (0xE2, b"MPF\0II*\0\x08\0\0\0CANARY in MPF"),
        (0xE2, b"FPXR\0CANARY in FlashPix"),
        (0xEB, b"JP\0\0CANARY in JUMBF"),
        (0xEC, b"Ducky\0CANARY in Ducky"),
        (0xEF, b"CANARY in APP15"),
        (0xFE, b"CANARY in a comment"),
    ]:
        file = jpegs.with_segment(file, marker, payload)
    return file


def png(folder):
    pixels = pictures.scene(121, 93)
    text = [
        (b"tEXt", b"Comment\0CANARY in tEXt"),
        (b"zTXt", b"Title\0\0" + zlib.compress(b"CANARY in zTXt" * 9)),
        (b"iTXt", b"Author\0\0\0en\0\0CANARY in iTXt"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        (b"tIME", struct.pack(">HBBBBB", 2026, 1, 2, 3, 4, 5)),
        (b"prVt", b"CANARY in a private chunk"),
    ]
    sheer = np.dstack([pixels, pictures.alpha(121, 93)])
    for name, samples, colour in (("rgb", pixels, pngs.RGB), ("rgba", sheer, pngs.RGBA)):
        path = folder / f"png-{name}.png"
        before = [pngs.icc_chunk(PROFILE, b"CANARY"), *text]
        path.write_bytes(pngs.write(samples, colour, 8, before=before, after=text))
        tagged(path)
        path.write_bytes(path.read_bytes() + b"CANARY behind the end")
        yield path


def gif(folder):
    pixels = gifs.indexed(pictures.scene(121, 93))
    comment = b"\x21\xfe" + gifs.sub_blocks(b"CANARY in a comment")
    application = b"\x21\xff\x0bCANARY-1234" + gifs.sub_blocks(b"CANARY in an application block")
    plain = b"\x21\x01\x0c" + bytes(12) + gifs.sub_blocks(b"CANARY in plain text")
    for name, transparent in (("opaque", None), ("sheer", int(pixels[40, 40]))):
        path = folder / f"gif-{name}.gif"
        blocks = [comment, application, plain, gifs.control(transparent), gifs.frame(pixels), comment]
        path.write_bytes(gifs.write((121, 93), blocks, gifs.web_palette()))
        subprocess.run(
            ["exiftool", "-q", "-q", "-overwrite_original", f"-XMP-dc:Rights={WORD} in XMP", path], check=True
        )
        path.write_bytes(path.read_bytes() + b"CANARY behind the end")
        yield path


def webp(folder):
    pixels = pictures.scene(121, 93)
    sheer = Image.fromarray(np.dstack([pixels, pictures.alpha(121, 93)]), "RGBA")
    for name, picture, options in [
        ("lossy", Image.fromarray(pixels), {}),
        ("lossless", Image.fromarray(pixels), {"lossless": True}),
        ("lossy-alpha", sheer, {}),
        ("lossless-alpha", sheer, {"lossless": True}),
    ]:
        path = folder / f"webp-{name}.webp"
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", icc_profile=PROFILE, xmp=XMP, exif=Image.Exif().tobytes(), **options)
        path.write_bytes(buffer.getvalue())
        tagged(path)
        body = path.read_bytes()[8:]
        body += b"PRIV" + struct.pack("<I", 26) + b"CANARY in an unknown chunk"
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body + b"CANARY behind the end")
        yield path


def write(folder):
    manifest = []
    for path in (path for part in (jpeg, png, gif, webp) for path in part(folder)):
        manifest.append({"file": path.name, "sides": [400, 60], "quality": 80})
    (folder / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
