"""Pillow, or pillow-simd where that is installed in its place, as an engine of the bench: one decode, shrunk while
loading where the format can, then each rendition from the next larger one."""

from io import BytesIO

from engine import Unsupported, serve
from PIL import Image, __version__, features

NAME = "pillow-simd" if "post" in __version__ else "Pillow"


def encoded(image, job):
    file = BytesIO()
    if job["format"] == "jpeg":
        image.save(file, "JPEG", quality=job["quality"], subsampling="4:2:0", optimize=True)
    else:
        image.save(file, "WEBP", quality=job["quality"], method=4)
    return file.getvalue()


def develop(original, job):
    if job["format"] == "webp" and not features.check("webp"):
        raise Unsupported("built without WebP")
    image = Image.open(BytesIO(original))
    files = []
    for side in job["sides"]:
        # The gap keeps what is shrunk while loading at least twice as large as the rendition.
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        files.append(encoded(image, job))
    return files


turbo = features.version("libjpeg_turbo") or features.version("jpg")
serve(develop, {NAME: __version__, f"{NAME}'s libjpeg-turbo": turbo})
