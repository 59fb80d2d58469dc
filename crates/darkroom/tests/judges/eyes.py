"""The judge judged: mistakes that a renderer could make are out of the bounds of agree.py, each by its own number.

    eyes.py                  fails with every mistake that agree.py would let pass"""

import sys

import numpy as np
from PIL import Image

import agree
import pictures
import profiles


def moved(picture, right=0.0, down=0.0, stretch=1.0):
    """Everything lies so many pixels further right and down."""
    numbers = (1 / stretch, 0, -right, 0, 1, -down)
    return picture.transform(picture.size, Image.Transform.AFFINE, numbers, Image.Resampling.BICUBIC)


def in_chroma(picture, change):
    luma, *chroma = picture.convert("YCbCr").split()
    return Image.merge("YCbCr", (luma, *(change(plane) for plane in chroma))).convert("RGB")


def unmanaged(picture, profile):
    """The mistake is the picture without its profile; the truth is handed back with it."""
    return agree.managed(picture, profile), picture


def mistakes(truth):
    width = truth.width
    yield "luma_shift", "a quarter of a pixel to the right", truth, moved(truth, right=0.25)
    yield "luma_shift", "a quarter of a pixel up", truth, moved(truth, down=-0.25)
    yield "luma_shift", "half a pixel wider at the edge", truth, moved(truth, stretch=1 + 0.5 / width)
    yield "chroma_shift", "chroma a quarter of a pixel down", truth, in_chroma(truth, lambda p: moved(p, down=0.25))
    yield "chroma_shift", "chroma half a pixel to the left", truth, in_chroma(truth, lambda p: moved(p, right=-0.5))
    yield "chroma_mean", "Display P3 taken as sRGB", *unmanaged(truth, profiles.ALL_RGB["p3"])
    yield "chroma_mean", "Adobe RGB taken as sRGB", *unmanaged(truth, profiles.ALL_RGB["adobe"])
    yield "luma_mean", "two levels too bright", truth, truth.point(lambda level: level + 2)
    swapped = Image.merge("RGB", truth.split()[::-1])
    yield "chroma_worst", "red and blue exchanged", truth, swapped


def unseen():
    for size in ((203, 150), (101, 75), (50, 37)):
        truth = Image.fromarray(pictures.scene(*size))
        for number, what, right, wrong in mistakes(truth):
            seen = agree.measure(agree.printed(wrong, "JPEG", 100), agree.printed(right, "JPEG", 100))
            if seen[number] <= getattr(agree.BOUNDS["jpeg"], number):
                yield f"{what} at {size}: {number} is only {seen[number]:.2f}"
    yield from unseen_in_the_smallest()


def unseen_in_the_smallest():
    """At seventeen pixels a mistake shows in the pixels, not in a fit: one pixel, and one chroma sample."""
    truth = pictures.ramps(17, 17)
    late = np.concatenate([truth[:, :1], truth[:, :-1]], axis=1)
    planes = np.asarray(Image.fromarray(truth).convert("YCbCr"))
    chroma = np.concatenate([planes[:, :2], planes[:, :-2]], axis=1)
    fringed = Image.fromarray(np.dstack([planes[..., :1], chroma[..., 1:]]), "YCbCr").convert("RGB")
    for number, wrong in (("luma_worst", Image.fromarray(late)), ("chroma_worst", fringed)):
        ours = agree.printed(wrong, "JPEG", 100)
        seen = agree.differences(ours, Image.fromarray(truth), {"kind": "odd", "quality": 100})
        if seen[number] <= getattr(agree.BOUNDS["odd"], number):
            yield f"one sample late: {number} is only {seen[number]:.2f}"


if __name__ == "__main__":
    missed = list(unseen())
    print("\n".join(missed))
    sys.exit(bool(missed))
