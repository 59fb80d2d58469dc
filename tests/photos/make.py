"""Makes the sample photos from Debian's lomiri-wallpapers packages. Needs Pillow; see README.md."""

import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, TiffImagePlugin

SOURCE = Path("/usr/share/backgrounds")
HERE = Path(__file__).parent


def photo(name, longer_side):
    picture = Image.open(SOURCE / name).convert("RGB")
    picture.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return picture


def exif(orientation):
    """Orientation, camera and a position in the Picos de Europa: all of it must be gone from the renditions."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Safelight"
    tags[0x0110] = "Sample Camera"
    ratio = TiffImagePlugin.IFDRational
    tags[0x8825] = {
        1: "N", 2: (ratio(43), ratio(11), ratio(51)),
        3: "W", 4: (ratio(4), ratio(49), ratio(3)),
    }
    return tags


def rotated():
    """Stored lying on its side, as phones do: orientation 6 says to turn it clockwise to see it."""
    picture = photo("friends_by_Aitzol_Berasategi.jpg", 1600).transpose(Image.Transpose.ROTATE_90)
    picture.save(HERE / "friends.jpg", quality=82, exif=exif(6), optimize=True)


def baseline_and_truncated():
    picture = photo("picosdeeuropa_by_Aitzol_Berasategi.jpg", 1500)
    picture.save(HERE / "mountains.jpg", quality=78, exif=exif(1), optimize=True)
    picture = photo("sunset_by_Aitzol_Berasategi.jpg", 1200)
    picture.save(HERE / "truncated.jpg", quality=80, optimize=True)
    whole = (HERE / "truncated.jpg").read_bytes()
    (HERE / "truncated.jpg").write_bytes(whole[: len(whole) * 3 // 5])


def progressive():
    picture = photo("seeding_by_Clements_Engelhardt.jpg", 2400)
    picture.save(HERE / "dandelion.jpg", quality=84, progressive=True, optimize=True)


def alpha():
    """The red bowl cut out of its background, with a soft edge: what is red, and whatever that encloses."""
    picture = photo("Picture_0B_by_freespace.jpg", 640)
    red, _, blue = picture.split()
    mask = ImageChops.subtract(red, blue).point(lambda difference: 255 if difference > 44 else 0)
    mask = mask.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MedianFilter(9))
    outside = ImageOps.expand(mask, 1, 0)
    ImageDraw.floodfill(outside, (0, 0), 128)
    mask = ImageOps.crop(outside, 1).point(lambda value: 0 if value == 128 else 255)
    mask = mask.filter(ImageFilter.MedianFilter(11)).filter(ImageFilter.MinFilter(3)).filter(ImageFilter.GaussianBlur(1.0))
    picture.putalpha(mask)
    picture.crop(mask.getbbox()).save(HERE / "bowl.png", optimize=True)


def webp():
    picture = photo("aitzgorri_by_Aitzol_Berasategi.jpg", 1800)
    picture.save(HERE / "autumn.webp", quality=74, method=6)


def gif():
    """Two frames, a slow zoom: the first one is the picture."""
    picture = photo("Picture_1A_by_freespace.jpg", 520)
    width, height = picture.size
    closer = picture.crop((20, 16, width - 20, height - 16)).resize(picture.size, Image.Resampling.LANCZOS)
    frames = [frame.quantize(128, dither=Image.Dither.NONE) for frame in (picture, closer)]
    frames[0].save(HERE / "brushes.gif", save_all=True, append_images=frames[1:], duration=800, loop=0)


if __name__ == "__main__":
    for make in (rotated, baseline_and_truncated, progressive, alpha, webp, gif):
        make()
    sys.stdout.write("".join(f"{p.name} {p.stat().st_size}\n" for p in sorted(HERE.iterdir())))
