"""libvips as an engine of the bench. `vips.py each` makes every rendition by a `thumbnail` of its own, `vips.py
chained` makes each from the next larger one in memory. VIPS_CONCURRENCY=1 is the harness's to set."""

import sys

import pyvips
from engine import serve

pyvips.cache_set_max(0)


def encoded(image, job):
    if job["format"] == "jpeg":
        return image.jpegsave_buffer(Q=job["quality"], optimize_coding=True, subsample_mode="on", keep="none")
    return image.webpsave_buffer(Q=job["quality"], effort=4, keep="none")


def each(original, job):
    def one(side):
        return pyvips.Image.thumbnail_buffer(original, side, height=side, size="down")

    return [encoded(one(side), job) for side in job["sides"]]


def chained(original, job):
    files = []
    image = None
    for side in job["sides"]:
        if image is None:
            image = pyvips.Image.thumbnail_buffer(original, side, height=side, size="down")
        else:
            image = image.thumbnail_image(side, height=side, size="down")
        image = image.copy_memory()
        files.append(encoded(image, job))
    return files


version = ".".join(str(pyvips.version(part)) for part in range(3))
serve({"each": each, "chained": chained}[sys.argv[1]], {"libvips": version, "pyvips": pyvips.__version__})
