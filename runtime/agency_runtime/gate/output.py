"""What a command prints, where that can be known without running it."""

import base64
import binascii
import codecs
from collections.abc import Callable, Sequence
from typing import TypeAlias

from agency_runtime.gate.files import STDIN, Files
from agency_runtime.gate.words import FETCHED, TOKEN, UNKNOWN, known, unescape_ansi

Read: TypeAlias = Callable[[str], str | None]

DOWNLOADERS = frozenset(
    {"curl", "wget", "fetch", "aria2c", "http", "https", "xh", "lynx", "w3m", "nc", "ncat", "socat"}
)
NAMES = frozenset({"date", "basename", "nproc", "id", "uname", "whoami", "hostname", "wc", "arch", "tty", "uuidgen"})
"""Programs that print a short name without a slash when their arguments hold none."""


def output(argv: Sequence[str], stdin: str | None, cwd: str, files: Files) -> str:
    """The text on standard output, with marks where it is unknown or fetched."""
    name = argv[0].rpartition("/")[2] if argv else ""
    if name in DOWNLOADERS:
        return FETCHED
    if name in ("command", "type") and list(argv[1:2]) in (["-v"], ["-p"], ["-P"]):
        name, argv = "which", ["which", *argv[2:]]
    speaker = _SPEAKERS.get(name)
    text = speaker(argv[1:], stdin, lambda path: files.text(path, cwd)) if speaker else None
    if text is not None:
        return text
    if stdin and FETCHED in stdin:
        return FETCHED
    return _place(argv, name, cwd)


def _place(argv: Sequence[str], name: str, cwd: str) -> str:
    if name == "mktemp":
        return f"/tmp/{TOKEN}"
    if name == "pwd" or list(argv[1:]) == ["rev-parse", "--show-toplevel"]:
        return cwd if name == "pwd" else "/workspace"
    named = name in NAMES or list(argv[:2]) == ["git", "rev-parse"]
    return (
        TOKEN
        if named and not any("/" in word or not known(word) for word in argv[1:] if name != "basename")
        else UNKNOWN
    )


def _echo(args: Sequence[str], _stdin: str | None, _read: Read) -> str | None:
    words, escapes, newline = list(args), False, "\n"
    while words and words[0].startswith("-") and set(words[0][1:]) <= set("neE") and len(words[0]) > 1:
        flags = words.pop(0)
        escapes = escapes or "e" in flags
        newline = "" if "n" in flags else newline
    text = " ".join(words)
    return (unescape_ansi(text) if escapes else text) + newline


def _printf(args: Sequence[str], _stdin: str | None, _read: Read) -> str | None:
    if not args or args[0] == "-v":
        return None
    form, values = unescape_ansi(args[0]), list(args[1:])
    pieces = form.replace("%%", "\ue015").replace("%b", "%s").replace("%q", "%s").split("%s")
    if any("%" in piece for piece in pieces):
        return UNKNOWN
    out = _fill(pieces, values)
    while len(pieces) > 1 and values:
        out += _fill(pieces, values)
    return out.replace("\ue015", "%")


def _fill(pieces: Sequence[str], values: list[str]) -> str:
    return pieces[0] + "".join((values.pop(0) if values else "") + piece for piece in pieces[1:])


def _cat(args: Sequence[str], stdin: str | None, read: Read) -> str | None:
    names = [word for word in args if not word.startswith("-") or word == "-"] or ["-"]
    texts = [(stdin if name in STDIN else read(name)) for name in names]
    return "".join(text if text is not None else UNKNOWN for text in texts)


def _base64(args: Sequence[str], stdin: str | None, read: Read) -> str | None:
    decodes = any(word in ("-d", "-D", "--decode", "-di") for word in args)
    source = _cat([word for word in args if not word.startswith("-")], stdin, read)
    if not source or not known(source):
        return None
    try:
        return base64.b64decode(source).decode() if decodes else base64.b64encode(source.encode()).decode() + "\n"
    except (binascii.Error, ValueError):
        return UNKNOWN


def _xxd(args: Sequence[str], stdin: str | None, _read: Read) -> str | None:
    if stdin is None or not known(stdin) or ("-r" not in args and "-rp" not in args):
        return None
    try:
        return bytes.fromhex(stdin).decode()
    except ValueError:
        return UNKNOWN


def _rev(_args: Sequence[str], stdin: str | None, _read: Read) -> str | None:
    return "\n".join(line[::-1] for line in stdin.split("\n")) if stdin is not None else None


def _tee(_args: Sequence[str], stdin: str | None, _read: Read) -> str | None:
    return stdin


def _tr(args: Sequence[str], stdin: str | None, _read: Read) -> str | None:
    rotates = list(args) in (["A-Za-z", "N-ZA-Mn-za-m"], ["a-zA-Z", "n-za-mN-ZA-M"])
    return codecs.encode(stdin, "rot13") if rotates and stdin is not None else None


def _which(args: Sequence[str], _stdin: str | None, _read: Read) -> str | None:
    """A program's place, which is on the search path."""
    names = [word for word in args if not word.startswith("-")]
    return f"/usr/bin/{names[0]}\n" if len(names) == 1 and "/" not in names[0] and known(names[0]) else None


_SPEAKERS = {
    "which": _which,
    "echo": _echo,
    "printf": _printf,
    "cat": _cat,
    "base64": _base64,
    "xxd": _xxd,
    "rev": _rev,
    "tee": _tee,
    "tr": _tr,
}
