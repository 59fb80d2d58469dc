"""ICC profiles, built from their numbers: nothing is taken from anybody's files."""

import struct

# Colorants adapted to D50, as the profiles of the same names carry them: red, green, blue.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
D50 = (0.96420, 1.0, 0.82491)


def fixed(number):
    return struct.pack(">i", round(number * 65536))


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)


def gamma(exponent):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def srgb_curve():
    """The curve with the straight foot, as a formula."""
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + b"".join(fixed(number) for number in numbers)


def text(kind, words):
    if kind == "desc":
        return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + b"\0" + bytes(12 + 67)
    return b"text\0\0\0\0" + words + b"\0"


def assemble(space, tags, description):
    tags = {"desc": text("desc", description), "cprt": text("text", b"None"), "wtpt": xyz(D50), **tags}
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += struct.pack(">4sII", name.encode(), offset + len(body), len(content))
        body += content
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s4sI", 2026, 1, 1, 0, 0, 0, b"acsp", b"\0\0\0\0", 0) + bytes(8 + 8 + 4)
    header += b"".join(fixed(value) for value in D50)
    return header.ljust(128, b"\0") + table + body


def rgb(colorants, curve, description=b"A test profile"):
    tags = {f"{channel}XYZ": xyz(values) for channel, values in zip("rgb", colorants)}
    tags |= {f"{channel}TRC": curve for channel in "rgb"}
    return assemble(b"RGB ", tags, description)


def grey(exponent, description=b"A grey test profile"):
    return assemble(b"GRAY", {"kTRC": gamma(exponent)}, description)


def srgb(description=b"A test profile"):
    return rgb(SRGB, srgb_curve(), description)


ALL_RGB = {
    "srgb": srgb(),
    "p3": rgb(DISPLAY_P3, srgb_curve()),
    "adobe": rgb(ADOBE_RGB, gamma(563 / 256)),
    # Red and blue in each other's place: who ignores the profile is off by everything.
    "swapped": rgb(SRGB[::-1], srgb_curve()),
}
ALL_GREY = {"grey10": grey(1.0), "grey18": grey(1.8), "grey22": grey(2.2)}
