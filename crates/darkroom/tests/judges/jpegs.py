"""JPEG files of every kind: libjpeg-turbo's own tools make what they can, bytes are put together for the rest."""

import io
import struct
import subprocess

import numpy as np
from PIL import Image

# The luma sampling factors of cjpeg; chroma has one sample for each such block.
SAMPLINGS = {"444": "1x1", "422": "2x1", "420": "2x2", "440": "1x2", "411": "4x1"}


def cjpeg(pixels, *options):
    """Encodes (height, width, 3) as colour and (height, width) as grey."""
    colour = pixels.ndim == 3
    head = b"%s\n%d %d\n255\n" % (b"P6" if colour else b"P5", pixels.shape[1], pixels.shape[0])
    done = subprocess.run(["cjpeg", *options], input=head + pixels.tobytes(), capture_output=True, check=True)
    return done.stdout


def sampled(pixels, sampling, progressive, quality=95):
    """One of the ten kinds that cameras, scanners and editors write."""
    options = ["-quality", str(quality), "-sample", SAMPLINGS[sampling]]
    return cjpeg(pixels, *options, *(["-progressive"] if progressive else ["-baseline"]))


def with_segment(file, marker, payload):
    """The file with one more segment, right behind SOI."""
    return file[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + file[2:]


def with_orientation(file, orientation, order="II"):
    mark = ">" if order == "MM" else "<"
    tiff = order.encode() + struct.pack(f"{mark}HI", 42, 8)
    tiff += struct.pack(f"{mark}HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return with_segment(file, 0xE1, b"Exif\0\0" + tiff)


def with_icc(file, profile, part_bytes=65519):
    parts = [profile[start : start + part_bytes] for start in range(0, len(profile), part_bytes)]
    for number, part in reversed(list(enumerate(parts, 1))):
        head = b"ICC_PROFILE\0" + bytes([number, len(parts)])
        file = with_segment(file, 0xE2, head + part)
    return file


def without_segment(file, marker):
    """The file without the first segment of this kind."""
    at = 2
    while file[at + 1] != 0xDA:
        length = struct.unpack(">H", file[at + 2 : at + 4])[0]
        if file[at + 1] == marker:
            return file[:at] + file[at + 2 + length :]
        at += 2 + length
    raise ValueError("no such segment")


def inks(pixels):
    """Cyan, magenta, yellow and black of a colour picture, with real black in it."""
    light = pixels.astype(float)
    black = (255 - light.max(axis=2)) * 0.7
    paper = np.maximum(255 - black, 1)[..., None]
    return np.rint(np.dstack([255 - light * 255 / paper, black])).clip(0, 255).astype(np.uint8)


def cmyk(pixels, sampling=0, progressive=False):
    """Four inks as Adobe stores them: inverted, marked by APP14."""
    buffer = io.BytesIO()
    picture = Image.fromarray(inks(pixels), "CMYK")
    picture.save(buffer, "JPEG", quality=95, subsampling=sampling, progressive=progressive)
    return buffer.getvalue()


def plain_cmyk(pixels):
    """The same without Adobe's marker: inks are inverted, whether it says so or nobody does."""
    buffer = io.BytesIO()
    Image.fromarray(inks(pixels), "CMYK").save(buffer, "JPEG", quality=95, subsampling=0)
    return without_segment(buffer.getvalue(), 0xEE)


def ycck(pixels, sampling=0, progressive=False):
    """Adobe's other way: the three colours as luma and chroma, black as it is; APP14 says 2."""
    ink = inks(pixels)
    rgb = Image.fromarray(255 - ink[..., :3], "RGB")
    # Pillow inverts what it writes as CMYK, so what shall stand in the file goes in inverted.
    planes = np.dstack([255 - np.asarray(rgb.convert("YCbCr")), ink[..., 3:]])
    buffer = io.BytesIO()
    picture = Image.fromarray(planes, "CMYK")
    picture.save(buffer, "JPEG", quality=95, subsampling=sampling, progressive=progressive)
    file = bytearray(buffer.getvalue())
    file[file.index(b"Adobe") + 11] = 2
    return bytes(file)
