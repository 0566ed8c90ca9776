"""The long-lived process: listens on a socket in the sandbox and answers one JSON request a line, so that the
validators' libraries are loaded once.

Started as `python -m CHECKS.serve SOCKET`; asked by `ask.py`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from .before import Before, lines_of
from .engine import Judged, Pace, check, files_below, put_off, sources_of, told
from .registry import VALIDATORS
from .since import Watch

SLOW = frozenset(validator.name for validator in VALIDATORS if validator.slow)


class Service:
    """Answers requests about the tree at `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._watch = Watch(root)
        self._before = Before(root)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request's answer: {"paths": [...] | null, "since": bool,
        "pace": "fast" | "slow" | "all", "base": commit}, or {"mark": true}."""
        root = self._root
        if request.get("mark"):
            self._watch.mark()
            return {"validators": [], "findings": [], "paths": [], "lines": [], "before": []}
        pace: Pace = request.get("pace", "fast")
        paths = self._paths(root, request)
        sources = sources_of(root, paths)
        judged = check(root, sources, pace)
        self._watch.seen(paths)
        before = self._earlier(request["base"], paths, judged, pace) if request.get("base") else []
        later = put_off(sources) if pace == "fast" else []
        return {**told(judged), "paths": paths, "lines": lines_of(root, judged), "before": before, "later": later}

    def _earlier(self, base: str, paths: list[str], judged: list[Judged], pace: Pace) -> list[list[Any]]:
        """What was there at the commit; the slow validators are asked only of files in which they found something."""
        found = {finding.path for each in judged if each.name in SLOW for finding in each.findings}
        fast = self._before.findings(base, paths, "fast") if pace != "slow" else []
        return [*fast, *self._before.findings(base, sorted(found), "slow")] if found else fast

    def _paths(self, root: str, request: dict[str, Any]) -> list[str]:
        if request.get("since"):
            return self._watch.changed()
        given = request.get("paths")
        if given is None:
            return files_below(root)
        found: list[str] = []
        for path in given:
            found += files_below(root, path) if os.path.isdir(os.path.join(root, path)) else [path]
        return list(dict.fromkeys(found))


def serve(path: str) -> None:
    """Answer until killed; what goes wrong in one request is its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(8)
        service = Service(os.getcwd())
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                _one(service, stream)


def _one(service: Service, stream: Any) -> None:
    line = stream.readline()
    if not line:
        return
    try:
        answer = service.answer(json.loads(line))
    except Exception as problem:  # the asker has to hear of it, and the next request is answered all the same
        answer = {"problem": f"{type(problem).__name__}: {problem}"}
    try:
        stream.write(json.dumps(answer).encode() + b"\n")
        stream.flush()
    except OSError:
        return


if __name__ == "__main__":
    serve(sys.argv[1])
