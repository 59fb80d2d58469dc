"""The judge of quality: `quality.py < QUESTION` holds the engines' files against a float Lanczos of the full decode.

The reference is the whole original, decoded by Pillow and resized channel by channel in 32-bit float with Lanczos
(a = 3, antialiased). PSNR is of RGB in dB; SSIM is the standard one (Gaussian window of 11, sigma 1.5) of luma. What is
not opaque is judged twice, on black and on white, and the mean is taken. Both are means over the renditions."""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

BACKGROUNDS = (0.0, 255.0)
RED, GREEN, BLUE = 0.299, 0.587, 0.114


def planes(path):
    """The picture's premultiplied channels and its alpha, 0 to 255 and 0 to 1, as float32."""
    image = Image.open(path)
    pixels = np.asarray(image.convert("RGBA"), dtype=np.float32)
    alpha = pixels[..., 3] / 255
    return [pixels[..., channel] * alpha for channel in range(3)], alpha


def resized(plane, size):
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))


def shown(picture, size=None):
    """The picture on each background, as height x width x 3; on one only where it is opaque."""
    channels, alpha = picture
    if size and size != (alpha.shape[1], alpha.shape[0]):
        channels, alpha = [resized(channel, size) for channel in channels], resized(alpha, size)
    backgrounds = BACKGROUNDS[:1] if alpha.min() > 0.9999 else BACKGROUNDS
    rgb = np.stack(channels, axis=-1)
    return [np.clip(rgb + (1 - alpha)[..., None] * behind, 0, 255) for behind in backgrounds]


def psnr(one, other):
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return 10 * np.log10(255**2 / error) if error else 99.0


def window():
    at = np.arange(11) - 5
    weights = np.exp(-(at**2) / (2 * 1.5**2))
    return weights / weights.sum()


def blurred(plane):
    """The Gaussian mean around every pixel whose whole window lies in the picture."""
    for axis in (0, 1):
        size = plane.shape[axis] - 10
        parts = (np.take(plane, range(at, at + size), axis) * weight for at, weight in enumerate(window()))
        plane = sum(parts)
    return plane


def ssim(one, other):
    one, other = (rgb @ np.array([RED, GREEN, BLUE]) for rgb in (one.astype(np.float64), other.astype(np.float64)))
    if min(one.shape) < 11:
        return None
    mean_one, mean_other = blurred(one), blurred(other)
    one_squared = blurred(one * one) - mean_one**2
    other_squared = blurred(other * other) - mean_other**2
    both = blurred(one * other) - mean_one * mean_other
    small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_one * mean_other + small) * (2 * both + smaller)
    below = (mean_one**2 + mean_other**2 + small) * (one_squared + other_squared + smaller)
    return float(np.mean(above / below))


def judged(original, files):
    """PSNR and SSIM of one rendition of each engine; the references are made once for each size that occurs."""
    references = {}
    for engine, file in files.items():
        picture = planes(file)
        size = (picture[1].shape[1], picture[1].shape[0])
        if size not in references:
            references[size] = shown(original, size)
        made = shown(picture)
        # An engine that dropped the alpha is judged against what a person would have seen.
        if len(made) < len(references[size]):
            made *= len(references[size])
        pairs = list(zip(made, references[size]))
        scores = [(psnr(*pair), ssim(*pair)) for pair in pairs]
        yield engine, size, np.mean([score[0] for score in scores]), np.mean([score[1] for score in scores])


def main():
    answer = {}
    for task in json.load(sys.stdin):
        original = planes(task["input"])
        engines = answer.setdefault(task["task"], {})
        for side in task["sides"]:
            files = {name: Path(folder) / f"{side}.{task['format']}" for name, folder in task["engines"].items()}
            for engine, size, decibels, similarity in judged(original, files):
                of = engines.setdefault(engine, {"sizes": [], "psnr_db": [], "ssim": []})
                of["sizes"].append(list(size))
                of["psnr_db"].append(round(float(decibels), 4))
                of["ssim"].append(round(float(similarity), 6))
    json.dump(answer, sys.stdout)


main()
