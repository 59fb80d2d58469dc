"""A GIF writer for what Pillow does not write: frames beside their screen, local palettes, any block. The pixels are
LZW codes that never grow: clear often, repeat nothing."""

import struct

import numpy as np


def codes(indices, bits=8):
    """Nine-bit codes, a clear code before the table could reach ten bits."""
    clear, end = 1 << bits, (1 << bits) + 1
    room = (1 << bits) - 4
    stream = []
    for number, index in enumerate(indices.reshape(-1).tolist()):
        if number % room == 0:
            stream.append(clear)
        stream.append(index)
    stream.append(end)
    packed = 0
    for position, code in enumerate(stream):
        packed |= code << (position * (bits + 1))
    raw = packed.to_bytes((len(stream) * (bits + 1) + 7) // 8, "little")
    return bytes([bits]) + sub_blocks(raw)


def sub_blocks(raw):
    parts = [raw[start : start + 255] for start in range(0, len(raw), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def control(transparent=None, disposal=0, delay=10):
    flags = disposal << 2 | (transparent is not None)
    return b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, transparent or 0, 0)


def interlaced(rows):
    order = [*range(0, len(rows), 8), *range(4, len(rows), 8), *range(2, len(rows), 4), *range(1, len(rows), 2)]
    return rows[order]


def frame(indices, at=(0, 0), palette=None, interlace=False):
    height, width = indices.shape
    flags = (0x80 | 7 if palette is not None else 0) | (0x40 if interlace else 0)
    head = b"\x2c" + struct.pack("<HHHHB", *at, width, height, flags)
    local = palette.astype(np.uint8).tobytes() if palette is not None else b""
    return head + local + codes(interlaced(indices) if interlace else indices)


def write(screen, blocks, palette=None, background=0):
    flags = 0x80 | 0x70 | 7 if palette is not None else 0x70
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, flags, background, 0)
    table = palette.astype(np.uint8).tobytes() if palette is not None else b""
    return head + table + b"".join(blocks) + b"\x3b"


def web_palette():
    """256 colours on a 6 x 7 x 6 lattice, the rest black."""
    lattice = [(r * 51, g * 255 // 6, b * 51) for r in range(6) for g in range(7) for b in range(6)]
    return np.array(lattice + [(0, 0, 0)] * (256 - len(lattice)))


def indexed(pixels):
    """The nearest lattice colour of each pixel."""
    levels = np.rint(pixels / [51, 255 / 6, 51]).astype(int)
    return (levels[..., 0] * 42 + levels[..., 1] * 6 + levels[..., 2]).astype(np.uint8)
