"""The two pattern languages of rules: command patterns with `*`, and gitignore patterns for paths."""

import fnmatch
import re
from functools import lru_cache

HOME = "~"


def command_pattern(spec: str) -> re.Pattern[str]:
    """`*` is any text, a final ` *` (or `:*`) any arguments or none.

    Raises ValueError when `:*` stands anywhere but at the end.
    """
    if spec.endswith(":*"):
        spec = spec[:-2] + " *"
    if ":*" in spec:
        raise ValueError("`:*` may stand only at the end")
    tail = ""
    if spec.endswith(" *"):
        spec, tail = spec[:-2], r"(?:\s.*)?"
    return re.compile(".*".join(re.escape(part) for part in spec.split("*")) + tail, re.DOTALL)


def path_pattern(spec: str, root: str) -> re.Pattern[str]:
    """A gitignore pattern as a pattern on absolute paths: `//abs`, `~/home`, `/` from the root, `name` at any depth."""
    if spec.startswith("//"):
        return re.compile(_body(spec[1:]))
    if spec == HOME or spec.startswith("~/"):
        return re.compile(re.escape(HOME) + _body(spec[1:]))
    body = spec.removeprefix("./")
    if body.startswith("/"):
        return re.compile(re.escape(root) + _body(body))
    anywhere = "/" not in body.rstrip("/") and not spec.startswith("./")
    start = "(?:/.*)?/" if anywhere else "/"
    return re.compile((".*" if anywhere and spec != "*" else re.escape(root)) + start + _body(body))


def _body(glob: str) -> str:
    out, at = "", 0
    glob = glob.rstrip("/")
    while at < len(glob):
        piece, at = _piece(glob, at)
        out += piece
    return out + "(?:/.*)?"


def _piece(glob: str, at: int) -> tuple[str, int]:
    if glob.startswith("/**/", at):
        return "/(?:.*/)?", at + 4
    if glob.startswith("**/", at):
        return "(?:.*/)?", at + 3
    if glob.startswith("**", at):
        return ".*", at + 2
    if glob[at] == "*":
        return "[^/]*", at + 1
    if glob[at] == "?":
        return "[^/]", at + 1
    if glob[at] == "[" and "]" in glob[at + 2 :]:
        end = glob.index("]", at + 2)
        inner = glob[at + 1 : end].replace("\\", r"\\")
        return f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]", end + 1
    if glob[at] == "\\" and at + 1 < len(glob):
        return re.escape(glob[at + 1]), at + 2
    return re.escape(glob[at]), at + 1


@lru_cache(maxsize=512)
def glob_reaches(glob: str, spec: str) -> bool:
    """A shell glob such as `.e*` could expand to the plain name that a path rule guards."""
    name = spec.rstrip("/").rpartition("/")[2]
    return "*" not in name and fnmatch.fnmatchcase(name, glob.rpartition("/")[2])
