"""The words between the walk and whoever looks at files: a warm process that takes a path a line and answers a line,
`{"size": [w, h]}` with the upright sRGB pixels as RGBA in a file beside, or `{"refused": why}`."""

import json
import sys
from pathlib import Path


def serve(name, look):
    """Answers each path with `look(path) -> (size, RGBA bytes)` until stdin ends."""
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            size, pixels = look(question["path"])
            Path(question["out"]).write_bytes(pixels)
            answer = {"size": list(size)}
        except Exception as error:  # whatever is thrown is an answer
            answer = {"refused": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
