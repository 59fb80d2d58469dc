"""What is on the test pictures, as arrays of (height, width, 3). Knows nothing about files.

Everything is relative to the picture's size, so that ramps are still ramps and edges still edges when it is made
smaller: a shift of a quarter of a pixel then shows at any size."""

import numpy as np


def grid(width, height):
    """Pixel centres from 0 to 1 in both directions."""
    x = (np.arange(width) + 0.5) / width
    y = (np.arange(height) + 0.5) / height
    return np.meshgrid(x, y)


def ramps(width, height):
    """No detail, each channel its own way: whatever a decoder interpolates, it stays on these slopes."""
    x, y = grid(width, height)
    red = 30 + 190 * x
    green = 40 + 170 * (0.5 * (1 - y) + 0.5 * x * y)
    blue = 220 - 180 * (0.6 * y + 0.4 * (1 - x))
    return to_bytes(np.dstack([red, green, blue]))


def scene(width, height):
    """Ramps and slow waves in luma and in both chroma planes, discs with edges two thousandths of the picture wide."""
    x, y = grid(width, height)
    turn = 2 * np.pi
    luma = 118 + 46 * np.sin(turn * (2.2 * x + 0.3)) * np.cos(turn * (1.7 * y - 0.1)) + 26 * (x - y)
    blueness = 44 * np.sin(turn * (1.3 * y + 0.8 * x)) + 20 * (x - 0.5)
    redness = 44 * np.cos(turn * (1.6 * x - 0.7 * y)) - 20 * (y - 0.5)
    for index in range(5):
        centre_x, centre_y = 0.15 + 0.17 * index, 0.2 + 0.6 * (index * 0.37 % 1)
        edge = 0.11 - np.hypot(x - centre_x, y - centre_y)
        inside = np.clip(edge / 0.002 * 0.5 + 0.5, 0, 1)
        luma += inside * (34 if index % 2 else -34)
        blueness += inside * (26 if index in (0, 3) else -18)
        redness += inside * (22 if index in (1, 3) else -24)
    red = luma + 1.402 * redness
    green = luma - 0.344136 * blueness - 0.714136 * redness
    blue = luma + 1.772 * blueness
    return to_bytes(np.dstack([red, green, blue]))


def alpha(width, height):
    """Transparent on the left, opaque on the right, a hole with an edge in between."""
    x, y = grid(width, height)
    sheer = np.clip(x * 1.6 - 0.2, 0, 1) * 255
    hole = np.hypot(x - 0.6, y - 0.5) < 0.15
    return to_bytes(np.where(hole, 60, sheer))


def to_bytes(array):
    return np.clip(np.rint(array), 0, 255).astype(np.uint8)
