"""Writes the matrix of inputs and a manifest of what to make of each.

    matrix.py FOLDER         files and manifest.json: [{"file", "kind", "sides", "quality"}]

A `kind` is a row of the table of bounds in agree.py."""

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

import gifs
import jpegs
import pictures
import pngs
import profiles

PHOTOS = Path(__file__).parents[4] / "tests/photos"
QUALITY = 100
SCANS = {"baseline": False, "progressive": True}


class Matrix:
    """Collects cases; those that a tool has to make are made by a few threads."""

    def __init__(self, folder):
        self.folder = folder
        self.manifest = []
        self.pool = ThreadPoolExecutor(4)
        self.running = []

    def add(self, name, kind, sides, make, quality=QUALITY):
        self.manifest.append({"file": name, "kind": kind, "sides": list(sides), "quality": quality})
        self.running.append(self.pool.submit(lambda: (self.folder / name).write_bytes(make())))

    def finish(self):
        for one in self.running:
            one.result()
        (self.folder / "manifest.json").write_text(json.dumps(self.manifest))


def odd_sizes(matrix):
    """Every size from 1 to 17 in both directions: whole and half blocks, chroma planes that end between pixels."""
    for width in range(1, 18):
        for height in range(1, 18):
            pixels = pictures.ramps(width, height)
            longer = max(width, height)
            for sampling in jpegs.SAMPLINGS:
                for scan, progressive in SCANS.items():
                    make = lambda p=pixels, s=sampling, g=progressive: jpegs.sampled(p, s, g)
                    name = f"odd-{width}x{height}-{sampling}-{scan}.jpg"
                    kind = "odd-411" if sampling == "411" else "odd"
                    matrix.add(name, kind, [longer, max(1, longer // 2)], make)


def orientations(matrix):
    for orientation in range(1, 9):
        for sampling in jpegs.SAMPLINGS:
            for scan, progressive in SCANS.items():
                size = (203, 150) if orientation % 2 else (150, 203)
                pixels = pictures.scene(*size)
                order = "MM" if progressive else "II"
                make = lambda p=pixels, s=sampling, g=progressive, o=orientation, b=order: jpegs.with_orientation(
                    jpegs.sampled(p, s, g), o, b
                )
                matrix.add(f"turned-{orientation}-{sampling}-{scan}.jpg", "jpeg", [203, 101, 50], make)


def large(matrix):
    """Large enough that a decoder may shrink while it decodes: to a half, a quarter, an eighth."""
    pixels = pictures.scene(1601, 1203)
    for sampling in jpegs.SAMPLINGS:
        for scan, progressive in SCANS.items():
            make = lambda s=sampling, g=progressive: jpegs.sampled(pixels, s, g)
            name = f"large-{sampling}-{scan}"
            matrix.add(f"{name}-all.jpg", "jpeg", [800, 350, 100], make)
            for side in (780, 390, 190, 97):
                matrix.add(f"{name}-{side}.jpg", "jpeg", [side], make)


def colours(matrix):
    pixels = pictures.scene(160, 121)
    grey = pixels[..., 1]
    sides = [160, 77, 39]
    for scan, progressive in SCANS.items():
        option = ["-quality", "95", "-progressive" if progressive else "-baseline"]
        matrix.add(f"grey-{scan}.jpg", "jpeg", sides, lambda o=option: jpegs.cjpeg(grey, *o))
        matrix.add(f"rgb-{scan}.jpg", "jpeg", sides, lambda o=option: jpegs.cjpeg(pixels, "-rgb", *o))
        for sampling in (0, 1, 2):
            make = lambda s=sampling, g=progressive: jpegs.cmyk(pixels, s, g)
            matrix.add(f"cmyk-{sampling}-{scan}.jpg", "cmyk", sides, make)
            make = lambda s=sampling, g=progressive: jpegs.ycck(pixels, s, g)
            matrix.add(f"ycck-{sampling}-{scan}.jpg", "cmyk", sides, make)
        for name, profile in profiles.ALL_GREY.items():
            make = lambda o=option, p=profile: jpegs.with_icc(jpegs.cjpeg(grey, *o), p)
            matrix.add(f"icc-{name}-{scan}.jpg", "icc", sides, make)
    matrix.add("cmyk-plain.jpg", "cmyk", sides, lambda: jpegs.plain_cmyk(pixels))
    for name, profile in profiles.ALL_RGB.items():
        for sampling in jpegs.SAMPLINGS:
            for scan, progressive in SCANS.items():
                make = lambda s=sampling, g=progressive, p=profile: jpegs.with_icc(jpegs.sampled(pixels, s, g), p)
                matrix.add(f"icc-{name}-{sampling}-{scan}.jpg", "icc", sides, make)
    in_parts = lambda: jpegs.with_icc(jpegs.sampled(pixels, "420", False), profiles.ALL_RGB["swapped"], 200)
    matrix.add("icc-in-parts.jpg", "icc", sides, in_parts)


def codings(matrix):
    pixels = pictures.scene(141, 99)
    for sampling in ("444", "420"):
        base = ["-quality", "92", "-sample", jpegs.SAMPLINGS[sampling]]
        for name, options in {
            "restart-each-block": ["-restart", "1B"],
            "restart-each-row": ["-restart", "1"],
            "restart-progressive": ["-restart", "2", "-progressive"],
            "optimised": ["-optimize"],
            "arithmetic": ["-arithmetic"],
            "arithmetic-progressive": ["-arithmetic", "-progressive"],
            "quality-20": ["-quality", "20"],
            "quality-100": ["-quality", "100"],
            "luma-finer-tables": ["-quality", "90,60"],
        }.items():
            make = lambda o=(*base, *options): jpegs.cjpeg(pixels, *o)
            matrix.add(f"coded-{name}-{sampling}.jpg", "jpeg", [141, 70, 35], make)
    behind = lambda: jpegs.sampled(pixels, "420", False) * 2
    matrix.add("coded-second-image-behind.jpg", "jpeg", [141, 70], behind)


def png(matrix):
    width, height = 93, 70
    sides = [93, 46, 23]
    pixels = pictures.scene(width, height).astype(int)
    sheer = pictures.alpha(width, height).astype(int)
    for interlaced in (False, True):
        tail = "-interlaced" if interlaced else ""

        def add(name, kind, samples, colour, depth, before=(), lace=interlaced):
            make = lambda: pngs.write(samples, colour, depth, lace, before)
            matrix.add(f"png-{name}{'-interlaced' if lace else ''}.png", kind, sides, make)

        for depth in (1, 2, 4, 8, 16):
            grey = deepened(pixels[..., 1:2], depth)
            add(f"grey-{depth}", "png" if depth > 2 else "png-edges", grey, pngs.GREY, depth)
            hole = int(grey[height // 2, width // 2, 0])
            trns = (b"tRNS", hole.to_bytes(2, "big"))
            add(f"grey-{depth}-one-transparent", "alpha-edges", grey, pngs.GREY, depth, [trns])
        for depth in (1, 2, 4, 8):
            colours = pngs.palette_of(depth)
            index = deepened(pixels[..., :1], depth)
            plte = (b"PLTE", colours.astype(np.uint8).tobytes())
            add(f"palette-{depth}", "png-edges", index, pngs.PALETTE, depth, [plte])
            fading = bytes(255 - 200 * number // len(colours) for number in range(len(colours)))
            add(f"palette-{depth}-sheer", "alpha-edges", index, pngs.PALETTE, depth, [plte, (b"tRNS", fading)])
        for depth in (8, 16):
            add(f"rgb-{depth}", "png", deepened(pixels, depth), pngs.RGB, depth)
            with_alpha = np.dstack([pixels, sheer])
            add(f"rgba-{depth}", "alpha", deepened(with_alpha, depth), pngs.RGBA, depth)
            grey_alpha = np.dstack([pixels[..., 1], sheer])
            add(f"grey-alpha-{depth}", "alpha", deepened(grey_alpha, depth), pngs.GREY_ALPHA, depth)
            opaque = np.dstack([pixels, np.full_like(sheer, 255)])
            add(f"rgba-opaque-{depth}", "png", deepened(opaque, depth), pngs.RGBA, depth)
        for name in ("p3", "swapped"):
            profile = pngs.icc_chunk(profiles.ALL_RGB[name])
            add(f"icc-{name}", "icc", pixels, pngs.RGB, 8, [profile])
            add(f"icc-{name}-alpha", "alpha", np.dstack([pixels, sheer]), pngs.RGBA, 8, [profile])
        grey_profile = pngs.icc_chunk(profiles.ALL_GREY["grey10"])
        add("icc-grey", "icc", pixels[..., 1:2], pngs.GREY, 8, [grey_profile])
        for orientation in (1, 3, 6):
            exif = (b"eXIf", b"II" + bytes([42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]))
            add(f"turned-{orientation}", "png", pixels, pngs.RGB, 8, [exif])
        for side in range(1, 18):
            small = pictures.ramps(side, 18 - side)
            make = lambda p=small, lace=interlaced: pngs.write(p, pngs.RGB, 8, lace)
            matrix.add(f"png-odd-{side}{tail}.png", "odd", [17, 8], make)


def deepened(samples, depth):
    """Eight-bit samples in another depth; sixteen bits get low bytes of their own."""
    if depth == 16:
        return samples * 256 + (samples * 37 + 11) % 256
    return samples >> (8 - depth)


def gif(matrix):
    size = (93, 70)
    pixels = pictures.scene(*size)
    index, colours = gifs.indexed(pixels), gifs.web_palette()
    other = colours[::-1]
    sides = [93, 46, 23]
    screen = [gifs.frame(index)]
    for name, kind, blocks in [
        ("global-palette", "png-edges", screen),
        ("local-palette", "png-edges", [gifs.frame(255 - index, palette=other)]),
        ("interlaced", "png-edges", [gifs.frame(index, interlace=True)]),
        ("transparent", "alpha-edges", [gifs.control(int(index[35, 46])), gifs.frame(index)]),
        ("second-frame", "png-edges", [gifs.control(), gifs.frame(index), gifs.control(), gifs.frame(index[::-1])]),
        ("beside-the-screen", "alpha-edges", [gifs.control(255), gifs.frame(index[10:60, 20:80], at=(20, 10))]),
    ]:
        matrix.add(f"gif-{name}.gif", kind, sides, lambda b=blocks: gifs.write(size, b, colours))
    for side in range(1, 18):
        small = gifs.indexed(pictures.ramps(side, 18 - side))
        make = lambda p=small: gifs.write((p.shape[1], p.shape[0]), [gifs.frame(p)], colours)
        matrix.add(f"gif-odd-{side}.gif", "odd", [17, 8], make)


def webp(matrix):
    pixels = pictures.scene(155, 117)
    sheer = Image.fromarray(np.dstack([pixels, pictures.alpha(155, 117)]), "RGBA")
    opaque = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, kind, picture, options in [
        ("lossy", "webp", opaque, {"quality": 92}),
        ("lossless", "png", opaque, {"lossless": True}),
        ("lossy-alpha", "alpha", sheer, {"quality": 92}),
        ("lossy-alpha-coded", "alpha", sheer, {"quality": 92, "alpha_quality": 60}),
        ("lossless-alpha", "alpha", sheer, {"lossless": True, "exact": True}),
        ("turned", "webp", opaque, {"quality": 92, "exif": exif}),
        ("icc", "icc", opaque, {"lossless": True, "icc_profile": profiles.ALL_RGB["p3"]}),
        ("icc-swapped", "icc", opaque, {"lossless": True, "icc_profile": profiles.ALL_RGB["swapped"]}),
        ("animated", "webp", opaque, {"quality": 92, "save_all": True, "append_images": [opaque.rotate(180)]}),
        ("animated-alpha", "alpha", sheer, {"lossless": True, "save_all": True, "append_images": [sheer.rotate(180)]}),
    ]:
        matrix.add(f"webp-{name}.webp", kind, [155, 77, 38], lambda p=picture, o=options: saved(p, **o))
    for side in range(1, 18):
        small = Image.fromarray(pictures.ramps(side, 18 - side))
        for name, options in (("lossy", {"quality": 98}), ("lossless", {"lossless": True})):
            make = lambda p=small, o=options: saved(p, **o)
            matrix.add(f"webp-odd-{side}-{name}.webp", "odd", [17, 8], make)


def saved(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", **options)
    return buffer.getvalue()


def photos(matrix):
    """The sample photos at the sizes and the quality that the default recipe asks for."""
    for photo in sorted(PHOTOS.iterdir()):
        if photo.suffix in (".jpg", ".png", ".webp", ".gif") and photo.stem != "truncated":
            kind = "photo-alpha" if photo.stem == "bowl" else "photo"
            matrix.add(photo.name, kind, [2048, 1024, 320], photo.read_bytes, quality=80)
            if kind == "photo":
                matrix.add(f"thumb-of-{photo.name}", kind, [320], photo.read_bytes, quality=80)


def write(folder):
    matrix = Matrix(folder)
    for part in (odd_sizes, orientations, large, colours, codings, png, gif, webp, photos):
        part(matrix)
    matrix.finish()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
