"""Walks folders of image files, each file through our workers and beside Pillow and sharp, and prints a table.

`walk.py FOLDER...` with BENCH_PROGRAM, BENCH_NODE and this Python's Pillow and NumPy (`make corpus FILES=FOLDER`). Files
are found by their first bytes, whatever they are called, and are only read. What counts is where both peers agree and we
do not: in whether there is a picture, in its size, or in what it shows. Exits with 1 where there is such a file.

A difference that docs/differences.md has is known, and shown to be that one: without its cause the peers agree with us."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from mended import MENDED

HERE = Path(__file__).parent
# As long as our own worker may take, and a little more.
ANSWER_SECS_MAX = 70
# What a first frame leaves free is transparent here and black there.
SURROUND = "transparent or black"
BEYOND_LIMITS = ("pixels_too_many", "dimensions_too_large")
FILE_BYTES_MAX = 20 << 20
# How far apart two renditions of one picture are, in levels, shrunk to this side: decoders round, and differ in chroma.
SIDE_PX = 48
MEAN_MAX, MOST_MAX = 3.0, 40.0
# Two, so that what is transparent is told from what has a colour.
BEHIND = ((119, 119, 119, 255), (0, 0, 0, 255))


def format_of(path):
    with path.open("rb") as file:
        head = file.read(12)
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "WebP"
    return None


class Eye:
    """A warm process that looks at files; one that ends or says nothing for long is started again."""

    def __init__(self, command, out):
        self.command, self.out, self.process, self.name = command, out, None, None
        self.start()

    def start(self):
        # What a decoder complains of beside its answer is nobody's.
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.name = json.loads(self.process.stdout.readline())["ready"]

    def ask(self, path):
        question = json.dumps({"path": str(path), "out": self.out}) + "\n"
        try:
            self.process.stdin.write(question.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it

    def answer(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(ANSWER_SECS_MAX) else b""
        if not line:
            self.process.kill()
            self.process.wait()
            self.start()
            return {"refused": "no answer"}
        answer = json.loads(line)
        if "size" in answer:
            answer["shown"] = shown(tuple(answer["size"]), Path(self.out).read_bytes())
        return answer


def shown(size, pixels):
    """The picture on grey and on black, small."""
    small = (min(size[0], SIDE_PX), min(size[1], SIDE_PX))
    return [np.asarray(laid(size, pixels, colour).resize(small, Image.Resampling.BOX), np.float32) for colour in BEHIND]


def laid(size, pixels, colour):
    behind = Image.new("RGBA", size, colour)
    behind.alpha_composite(Image.frombuffer("RGBA", size, pixels))
    return behind.convert("RGB")


def differ(one, other):
    """In what two answers differ, or None."""
    if ("size" in one) != ("size" in other):
        return "processed or not"
    if "size" not in one:
        return None
    if one["size"] != other["size"]:
        return "size"
    on_grey, on_black = (is_apart(*pair) for pair in zip(one["shown"], other["shown"]))
    return {(True, True): "colours", (True, False): SURROUND, (False, True): "colours"}.get((on_grey, on_black))


def is_apart(one, other):
    apart = np.abs(one - other)
    return apart.mean() > MEAN_MAX or apart.max() > MOST_MAX


def said(answer):
    return f"{answer['size'][0]}x{answer['size'][1]}" if "size" in answer else answer["refused"][:90]


def files_in(folders):
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.stat().st_size <= FILE_BYTES_MAX and format_of(path):
                yield path


def asked(eyes, path):
    for eye in eyes:
        eye.ask(path)
    return [eye.answer() for eye in eyes]


def is_known(path, answers, eyes):
    """Whether one of the differences of docs/differences.md is all there is."""
    ours, *peers = answers
    kind = format_of(path)
    if kind == "GIF" and {differ(ours, peer) for peer in peers} == {SURROUND}:
        return True
    if all("size" in answer for answer in answers):
        # Black points of profiles.
        return not differ(ours, asked([eyes.kept_blacks], path)[0])
    return any(is_the_cause(path, ours, mended, eyes) for mended in MENDED.get((kind, "size" in ours), []))


def is_the_cause(path, ours, mended, eyes):
    """Whether all agree on the file without what is said to be the cause."""
    file = mended(path.read_bytes())
    if not file:
        return False
    eyes.scratch.write_bytes(file)
    if "size" not in ours:
        ours = asked(eyes.all[:1], eyes.scratch)[0]
    return "size" in ours and not any(differ(ours, peer) for peer in asked(eyes.all[1:], eyes.scratch))


def walk(folders, eyes):
    counts, apart = defaultdict(Counter), defaultdict(list)
    for path in files_in(folders):
        ours = asked(eyes.all[:1], path)[0]
        reason = "processed" if "size" in ours else ours["refused"].split(":")[0]
        count = counts[format_of(path)]
        count["files"] += 1
        count[reason] += 1
        # The peers have no such limits: they would be at a bomb for minutes.
        if reason in BEYOND_LIMITS:
            continue
        peers = asked(eyes.all[1:], path)
        what, other = (differ(ours, peer) for peer in peers)
        agree = what and other and not differ(*peers)
        if agree and is_known(path, [ours, *peers], eyes):
            count["known"] += 1
        elif agree:
            count["apart from both"] += 1
            apart[what].append((path, [ours, *peers]))
        elif what or other:
            count["apart from one"] += 1
    return counts, apart


def report(counts, apart, eyes):
    print(", ".join(eye.name for eye in eyes))
    columns = ["files", "processed", "known", "apart from one", "apart from both"]
    reasons = sorted({name for count in counts.values() for name in count} - set(columns))
    columns[2:2] = reasons
    print(" ".join(["format", *(f"{name:>{max(len(name), 6)}}" for name in columns)]))
    for kind in sorted(counts):
        print(" ".join([f"{kind:6}", *(f"{counts[kind][name]:{max(len(name), 6)}}" for name in columns)]))
    for what, cases in sorted(apart.items()):
        print(f"\nBoth peers agree and we differ: {what}")
        for path, answers in cases:
            print(f"  {path}")
            for eye, answer in zip(eyes, answers):
                print(f"    {eye.name}: {said(answer)}")


class Eyes:
    """Ours, Pillow and sharp; each leaves the pixels of its last answer in a file of its own."""

    def __init__(self, scratch):
        self.scratch = Path(scratch, "mended")
        pillow = [sys.executable, "-B", str(HERE / "pillow.py")]
        commands = [
            [os.environ["BENCH_PROGRAM"], "corpus"],
            pillow,
            ["node", str(HERE / "sharp.mjs")],
            [*pillow, "--keep-blacks"],
        ]
        *self.all, self.kept_blacks = (Eye(command, f"{scratch}/{index}") for index, command in enumerate(commands))

    def close(self):
        for eye in (*self.all, self.kept_blacks):
            eye.process.stdin.close()
            eye.process.wait()


def main():
    with tempfile.TemporaryDirectory() as scratch:
        eyes = Eyes(scratch)
        counts, apart = walk(sys.argv[1:], eyes)
        report(counts, apart, eyes.all)
        eyes.close()
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
