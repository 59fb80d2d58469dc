"""Compares renditions with what Pillow makes of the same inputs: decode, exif_transpose, littleCMS to sRGB, Lanczos.

    agree.py FOLDER          judges what made.json lists against manifest.json; fails with every case out of bounds

What Pillow made is printed as the rendition was, same format, quality and subsampling, so that what differs was lost
before the printing. Where a picture is no larger than what the printing blurs, up to 17 pixels, both prints are held
against what Pillow made instead, and ours may be farther from it than Pillow's own, the worst of three, by the bounds at
most. Compared are the sizes, the pixels in Y, Cb and Cr, and where the pixels lie: the shift that explains the difference
best, at the centre and growing towards the edges, in pixels of the rendition."""

import io
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

PERCEPTUAL = ImageCms.Intent.PERCEPTUAL
SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True)
class Bounds:
    """Levels of 255, mean and worst, for luma and for the worse chroma plane; shifts in pixels."""

    luma_mean: float
    luma_worst: float
    chroma_mean: float
    chroma_worst: float
    luma_shift: float = 0.1
    chroma_shift: float = 0.16


# What an honest renderer may do otherwise than Pillow: shrink while it decodes, resize the planes of a JPEG before they
# are RGB, convert colours after it has shrunk instead of before, round once more. On ramps and slow waves that is two or
# three levels, on an edge more: the worst pixel has room for that, the mean and the shift have none.
BOUNDS = {
    # Beyond what Pillow's own printing loses: a few samples of chroma carry all of the picture, and one sample off is
    # sixteen levels; one pixel off in luma is eleven. A level more or less in a handful of pixels is a third of a pixel to
    # the least squares.
    "odd": Bounds(luma_mean=1.2, luma_worst=2.5, chroma_mean=6.5, chroma_worst=8.5, luma_shift=0.35, chroma_shift=0.35),
    # One chroma sample for four pixels, which libjpeg repeats and does not interpolate.
    "odd-411": Bounds(luma_mean=1.2, luma_worst=2.5, chroma_mean=6, chroma_worst=10, luma_shift=0.3, chroma_shift=1.1),
    "jpeg": Bounds(luma_mean=1.2, luma_worst=14, chroma_mean=1.2, chroma_worst=14),
    "cmyk": Bounds(luma_mean=1.2, luma_worst=14, chroma_mean=1.2, chroma_worst=14),
    # A profile that is ignored is nine levels off in the mean.
    "icc": Bounds(luma_mean=1.2, luma_worst=14, chroma_mean=1.2, chroma_worst=14),
    "png": Bounds(luma_mean=1.2, luma_worst=8, chroma_mean=1, chroma_worst=8),
    "webp": Bounds(luma_mean=1.2, luma_worst=8, chroma_mean=1, chroma_worst=8),
    # Neighbours from different ends of a palette: the encoder's own noise.
    "png-edges": Bounds(luma_mean=2.5, luma_worst=26, chroma_mean=1.5, chroma_worst=12),
    # libwebp at its best still moves colours by a few levels, and where little is opaque there is little to compare.
    "alpha": Bounds(luma_mean=1.5, luma_worst=16, chroma_mean=1.2, chroma_worst=10, luma_shift=0.12),
    "alpha-edges": Bounds(luma_mean=4, luma_worst=36, chroma_mean=2, chroma_worst=30, luma_shift=0.12, chroma_shift=0.6),
    # Quality 80: each side rounds its coefficients in its own way.
    "photo": Bounds(luma_mean=1.8, luma_worst=40, chroma_mean=1, chroma_worst=20),
    "photo-alpha": Bounds(luma_mean=2, luma_worst=40, chroma_mean=1.2, chroma_worst=24),
}


def size_of(size, longer):
    """The size of a rendition, as the README states it: aspect kept, rounded to the nearest, never enlarged."""
    if max(size) <= longer:
        return size
    scaled = (int(side * longer / max(size) + 0.5) for side in size)
    return tuple(max(1, side) for side in scaled)


def developed(path):
    """What Pillow sees: upright, in sRGB, eight bits."""
    picture = Image.open(path)
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(eight_bits(mended(picture, path)))
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    if profile:
        return managed(picture, profile)
    return picture.convert("RGBA" if has_alpha else "RGB")


def mended(picture, path):
    """Where Pillow is alone. It compares tRNS, which counts in the file's depth, with grey that it has stretched to eight
    bits."""
    if picture.format == "PNG" and picture.mode == "L" and "transparency" in picture.info:
        depth = path.read_bytes()[24]
        picture.info["transparency"] *= 255 // ((1 << depth) - 1)
    return picture


def eight_bits(picture):
    if not picture.mode.startswith("I"):
        return picture
    transparent = picture.info.get("transparency")
    wide = np.asarray(picture).astype(float)
    grey = Image.fromarray(np.rint(wide / 257).astype(np.uint8))
    if transparent is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(wide == transparent, 0, 255).astype(np.uint8))))


def managed(picture, profile):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if picture.mode == "RGBA":
        colours = ImageCms.profileToProfile(picture.convert("RGB"), source, SRGB, PERCEPTUAL, "RGB")
        colours.putalpha(picture.getchannel("A"))
        return colours
    return ImageCms.profileToProfile(picture, source, SRGB, PERCEPTUAL, "RGB")


def printed(picture, kind, quality):
    """Through the encoder that the rendition went through."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    if (picture.mode == "RGBA") != (kind == "WEBP"):
        raise ValueError(f"{picture.mode} became {kind}")
    buffer = io.BytesIO()
    options = {"method": 4} if kind == "WEBP" else {"subsampling": 2}
    picture.save(buffer, kind, quality=quality, **options)
    return Image.open(buffer)


def planes(picture):
    """Y, Cb, Cr; with alpha of the picture over black and over white, and alpha itself."""
    if picture.mode != "RGBA":
        return [list(np.moveaxis(np.asarray(picture.convert("YCbCr")).astype(float), 2, 0))]
    sheer = np.asarray(picture.getchannel("A")).astype(float)
    views = [[sheer, np.zeros_like(sheer), np.zeros_like(sheer)]]
    for paper in ("black", "white"):
        under = Image.new("RGBA", picture.size, paper)
        seen = Image.alpha_composite(under, picture).convert("RGB").convert("YCbCr")
        views.append(list(np.moveaxis(np.asarray(seen).astype(float), 2, 0)))
    return views


def shift_of(ours, theirs):
    """The largest displacement within the picture that explains `ours - theirs` best by least squares: a shift and a
    stretch in each direction. None where the picture has too little on it to tell."""
    if min(ours.shape) < 12:
        return None
    slope_y, slope_x = np.gradient(theirs)
    height, width = ours.shape
    v, u = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    columns = [slope_x, slope_x * u, slope_y, slope_y * v, np.ones_like(slope_x)]
    system = np.stack([column[1:-1, 1:-1].reshape(-1) for column in columns], axis=1)
    if min((slope_x**2).mean(), (slope_y**2).mean()) < 0.05:
        return None
    answer = np.linalg.lstsq(system, -(ours - theirs)[1:-1, 1:-1].reshape(-1), rcond=None)[0]
    return max(abs(answer[0]) + abs(answer[1]), abs(answer[2]) + abs(answer[3]))


def measure(ours, theirs):
    """The five numbers that have bounds, the worst over all views."""
    worst = dict.fromkeys(("luma_mean", "luma_worst", "chroma_mean", "chroma_worst", "luma_shift", "chroma_shift"), 0)
    for our_view, their_view in zip(planes(ours), planes(theirs)):
        for plane, (mine, other) in enumerate(zip(our_view, their_view)):
            kind = "chroma" if plane else "luma"
            difference = np.abs(mine - other)
            seen = {"mean": difference.mean(), "worst": difference.max(), "shift": shift_of(mine, other) or 0}
            for name, value in seen.items():
                worst[f"{kind}_{name}"] = max(worst[f"{kind}_{name}"], float(value))
    return worst


def differences(ours, theirs, case):
    """What has bounds: how far we are from Pillow's print, or of tiny pictures, how much farther than it from none."""
    if not case["kind"].startswith("odd"):
        return measure(ours, printed(theirs, ours.format, case["quality"]))
    # Another encoder rounds in another way, and what looks like a shift in so few pixels is mostly that: three prints show
    # how much of it there is.
    prints = [printed(theirs, ours.format, case["quality"] + more) for more in (-1, 0, 1)]
    losses = [measure(print_of_theirs, theirs) for print_of_theirs in prints]
    seen = measure(ours, theirs)
    return {name: max(0, value - max(lost[name] for lost in losses)) for name, value in seen.items()}


def compare(folder, case, made):
    """Complaints about one input, and the worst numbers of its renditions."""
    if made["error"]:
        return [f"{case['file']}: {made['error']}"], {}
    original = developed(folder / case["file"])
    complaints, worst = [], {}
    if tuple(made["source"]) != original.size:
        complaints.append(f"{case['file']}: {made['source']} instead of {original.size}")
    for side, rendition in zip(case["sides"], made["renditions"], strict=True):
        ours = Image.open(folder / rendition["file"])
        size = size_of(original.size, side)
        if not ours.size == size == (rendition["width"], rendition["height"]):
            complaints.append(f"{rendition['file']}: {ours.size} instead of {size}")
            continue
        theirs = original if size == original.size else original.resize(size, Image.Resampling.LANCZOS)
        seen = differences(ours, theirs, case)
        bounds = BOUNDS[case["kind"]]
        for name, value in seen.items():
            worst[name] = max(worst.get(name, 0), value)
            if value > getattr(bounds, name):
                complaints.append(f"{rendition['file']}: {name} {value:.2f} above {getattr(bounds, name)}")
    return complaints, worst


def judge_one(arguments):
    folder, case, made = arguments
    try:
        return case["kind"], *compare(folder, case, made)
    except Exception as error:
        return case["kind"], [f"{case['file']}: {type(error).__name__}: {error}"], {}


def judge(folder):
    cases = json.loads((folder / "manifest.json").read_text())
    made = {one["file"]: one for one in json.loads((folder / "made.json").read_text())}
    complaints, table = [], {}
    with ProcessPoolExecutor() as pool:
        work = [(folder, case, made[case["file"]]) for case in cases]
        for kind, wrong, worst in pool.map(judge_one, work, chunksize=32):
            complaints += wrong
            row = table.setdefault(kind, {"cases": 0})
            row["cases"] += 1
            for name, value in worst.items():
                row[name] = max(row.get(name, 0), value)
    for kind, row in sorted(table.items()):
        numbers = "  ".join(f"{name} {value:.2f}" for name, value in row.items() if name != "cases")
        print(f"{kind:12} {row['cases']:5} inputs  {numbers}")
    return complaints


if __name__ == "__main__":
    wrong = judge(Path(sys.argv[1]))
    print("\n".join(wrong))
    sys.exit(bool(wrong))
