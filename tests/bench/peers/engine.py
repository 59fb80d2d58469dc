"""The engine's side of the bench's protocol: a warm process that takes a job a line and says what it cost."""

import json
import resource
import sys
from pathlib import Path


class Unsupported(Exception):
    """The engine cannot do this at all."""


def cpu_ms():
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent) * 1000


def answer(job, develop):
    original = Path(job["input"]).read_bytes()
    begun = cpu_ms()
    for _ in range(job["repeat"]):
        files = develop(original, job)
    spent = cpu_ms() - begun
    if job["out"]:
        for side, file in zip(job["sides"], files, strict=True):
            (Path(job["out"]) / f"{side}.{job['format']}").write_bytes(file)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"done": {"cpu_ms": spent, "bytes": [len(file) for file in files], "child_peak_kib": peak}}


def serve(develop, versions):
    """Answers jobs with `develop(original, job) -> [bytes]` until stdin ends."""
    print(json.dumps({"versions": versions}), flush=True)
    for line in sys.stdin:
        try:
            said = answer(json.loads(line), develop)
        except Unsupported as reason:
            said = {"unsupported": str(reason)}
        except Exception as error:  # whatever a peer throws is an answer
            said = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
