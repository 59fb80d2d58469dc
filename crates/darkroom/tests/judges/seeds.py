"""Writes small valid files of every kind, for those who damage files: the chaos test and the fuzz targets.

    seeds.py FOLDER          FOLDER/jpeg, FOLDER/png, FOLDER/gif, FOLDER/webp"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import gifs
import jpegs
import pictures
import pngs
import profiles

WIDTH, HEIGHT = 41, 29


def jpeg(pixels):
    for sampling in jpegs.SAMPLINGS:
        for progressive in (False, True):
            yield jpegs.sampled(pixels, sampling, progressive, quality=70)
    for options in (["-arithmetic"], ["-arithmetic", "-progressive"], ["-restart", "1B"], ["-rgb"], ["-optimize"]):
        yield jpegs.cjpeg(pixels, "-quality", "70", *options)
    yield jpegs.cjpeg(pixels[..., 1])
    yield jpegs.cmyk(pixels)
    yield jpegs.ycck(pixels, 2, True)
    yield jpegs.plain_cmyk(pixels)
    yield jpegs.with_orientation(jpegs.sampled(pixels, "420", False), 6)
    yield jpegs.with_icc(jpegs.sampled(pixels, "420", False), profiles.ALL_RGB["p3"], 200)
    yield jpegs.with_icc(jpegs.cjpeg(pixels[..., 1]), profiles.ALL_GREY["grey18"])


def png(pixels):
    sheer = np.dstack([pixels, pictures.alpha(WIDTH, HEIGHT)])
    palette = (b"PLTE", pngs.palette_of(4).astype(np.uint8).tobytes())
    icc = pngs.icc_chunk(profiles.ALL_RGB["adobe"])
    text = (b"tEXt", b"Comment\0a word")
    for lace in (False, True):
        yield pngs.write(pixels, pngs.RGB, 8, lace, [icc, text])
        yield pngs.write(pixels.astype(int) * 257, pngs.RGB, 16, lace)
        yield pngs.write(sheer, pngs.RGBA, 8, lace)
        yield pngs.write(sheer.astype(int) * 257, pngs.RGBA, 16, lace)
        yield pngs.write(sheer[..., 2:], pngs.GREY_ALPHA, 8, lace)
        yield pngs.write(pixels[..., :1] >> 4, pngs.PALETTE, 4, lace, [palette, (b"tRNS", bytes(range(9)))])
        for depth in (1, 2, 4):
            yield pngs.write(pixels[..., :1] >> (8 - depth), pngs.GREY, depth, lace, [(b"tRNS", b"\0\1")])


def gif(pixels):
    index, colours = gifs.indexed(pixels), gifs.web_palette()
    size = (WIDTH, HEIGHT)
    comment = b"\x21\xfe" + gifs.sub_blocks(b"a word")
    yield gifs.write(size, [gifs.frame(index)], colours)
    yield gifs.write(size, [gifs.frame(index, palette=colours, interlace=True)])
    yield gifs.write(size, [gifs.control(7), gifs.frame(index[5:20, 9:30], at=(9, 5)), comment], colours)
    yield gifs.write(size, [comment, *([gifs.control(3, 2), gifs.frame(index)] * 3)], colours)
    # Pillow's own compresses, with codes of every width.
    yield saved(Image.fromarray(pixels).quantize(64), "GIF")
    yield saved(Image.fromarray(pixels).quantize(7), "GIF", interlace=0)


def webp(pixels):
    opaque = Image.fromarray(pixels)
    sheer = Image.fromarray(np.dstack([pixels, pictures.alpha(WIDTH, HEIGHT)]), "RGBA")
    few = opaque.quantize(9).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 8
    for picture in (opaque, sheer):
        for options in ({"quality": 40}, {"quality": 95}, {"lossless": True}, {"quality": 50, "alpha_quality": 30}):
            yield saved(picture, "WEBP", **options)
    yield saved(few, "WEBP", lossless=True)
    yield saved(opaque, "WEBP", exif=exif, icc_profile=profiles.ALL_RGB["p3"], xmp=b"a word")
    for lossless in (False, True):
        yield saved(sheer, "WEBP", lossless=lossless, save_all=True, append_images=[sheer.rotate(180), sheer])


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def write(folder):
    for make in (jpeg, png, gif, webp):
        place = folder / make.__name__
        place.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(make(pictures.scene(WIDTH, HEIGHT))):
            (place / f"{number:02}.{make.__name__}").write_bytes(file)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
