"""Pillow as it is: the first frame, turned as EXIF says, by its colour profile to sRGB where it has one that fits.

With --keep-blacks it does as browsers do: lcms moves black points where a profile of version 4 takes part, and its own
sRGB is one."""

import sys
from io import BytesIO

from PIL import Image, ImageCms, ImageOps, __version__
from words import serve

Image.init()
Image.MAX_IMAGE_PIXELS = None


def version_2(profile):
    """The same profile, which says of itself that it is of version 2.4."""
    content = bytearray(ImageCms.ImageCmsProfile(profile).tobytes())
    content[8:10] = b"\x02\x40"
    return ImageCms.ImageCmsProfile(BytesIO(bytes(content)))


SRGB = ImageCms.createProfile("sRGB")
if "--keep-blacks" in sys.argv[1:]:
    SRGB = version_2(SRGB)


def to_srgb(image):
    if image.mode.startswith("I"):
        profile, image = image.info.get("icc_profile"), image.point(lambda level: level / 257).convert("L")
        image.info["icc_profile"] = profile
    profile = image.info.get("icc_profile")
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    if profile and image.mode in ("RGBA", "LA"):
        image = image.convert(image.mode[:-1])
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            image = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(BytesIO(profile)), SRGB, outputMode="RGB")
        except ImageCms.PyCMSError:
            pass  # a profile that does not fit is ignored by everybody
    image = image.convert("RGBA")
    if alpha:
        image.putalpha(alpha)
    return image


def look(path):
    with Image.open(path, formats=("JPEG", "PNG", "GIF", "WEBP")) as image:
        image.load()
        image = to_srgb(ImageOps.exif_transpose(image))
        return image.size, image.tobytes()


serve(f"Pillow {__version__}", look)
