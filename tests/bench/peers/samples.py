"""Makes the bench's originals from the photos of Debian's lomiri-wallpapers packages: `samples.py PHOTOS TARGET`.

The same Pillow makes the same bytes; deploy/tools/bench-fetch.sh checks them."""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

PHOTOS, TARGET = Path(sys.argv[1]), Path(sys.argv[2])


def photo(name, size):
    """The middle of a photo, shrunk: never enlarged, so that every pixel has detail of its own."""
    picture = Image.open(PHOTOS / name).convert("RGB")
    assert picture.width >= size[0] and picture.height >= size[1], name
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def jpeg(picture, quality, **options):
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling="4:2:0", **options)
    return file.getvalue()


def near(picture, size):
    """The JPEG of the highest quality that is not larger than `size` bytes."""
    files = (jpeg(picture, quality) for quality in range(95, 30, -1))
    return next(file for file in files if len(file) <= size)


def sheer(size):
    """Soft ellipses, partly transparent: an opaque middle, soft rims, a clear outside."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    width, height = size
    draw.ellipse((width * 0.05, height * 0.05, width * 0.95, height * 0.95), fill=255)
    draw.ellipse((width * 0.60, height * 0.15, width * 0.80, height * 0.45), fill=96)
    return mask.filter(ImageFilter.GaussianBlur(height / 40))


def make():
    large = photo("Kleiber_by_Lukas_Baubkus.jpg", (4000, 3000))
    yield "photo.jpg", jpeg(large, 90)
    yield "progressive.jpg", jpeg(large, 90, progressive=True, optimize=True)
    yield "small.jpg", near(photo("Dragonfly_by_Bolly.jpg", (1600, 1200)), 200_000)
    cut = photo("sunset_by_Aitzol_Berasategi.jpg", (3000, 2000))
    cut.putalpha(sheer(cut.size))
    file = BytesIO()
    cut.save(file, "PNG")
    yield "alpha.png", file.getvalue()


for name, file in make():
    (TARGET / name).write_bytes(file)
