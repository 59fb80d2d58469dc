"""ImageMagick as an engine of the bench: its command, started for each job, with files in memory. One decode, then
each rendition from the next larger one. MAGICK_THREAD_LIMIT=1 is the harness's to set."""

import os
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

from engine import serve
from PIL import Image

# Memory, not a disk: the others never touch one.
FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
HERE = Path(FOLDER.name)
COMMAND = os.environ.get("BENCH_MAGICK", "convert")


def hint(original, job):
    """Has a JPEG shrunk while loading, as the others do, to no less than twice the largest rendition. Only where
    that is smaller than the original: a larger hint would enlarge it."""
    gap = job["sides"][0] * 2
    is_smaller = gap < max(Image.open(BytesIO(original)).size)
    return ["-define", f"jpeg:size={gap}x{gap}"] if is_smaller else []


def develop(original, job):
    source = HERE / "original"
    source.write_bytes(original)
    names = [HERE / f"{side}.{job['format']}" for side in job["sides"]]
    command = [COMMAND, *hint(original, job), str(source), "-strip", "-quality", str(job["quality"])]
    if job["format"] == "jpeg":
        command += ["-sampling-factor", "4:2:0", "-define", "jpeg:optimize-coding=true"]
    else:
        command += ["-define", "webp:method=4"]
    for side, name in zip(job["sides"], names, strict=True):
        command += ["-filter", "Lanczos", "-resize", f"{side}x{side}>"]
        command += ["-write", str(name)] if name != names[-1] else [str(name)]
    subprocess.run(command, check=True, capture_output=True)
    return [name.read_bytes() for name in names]


banner = subprocess.run([COMMAND, "-version"], check=True, capture_output=True, text=True).stdout
serve(develop, {"ImageMagick": banner.split()[2]})
