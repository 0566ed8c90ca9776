"""Whether a check is older than the last change to what it speaks of.

What a call changed is what the tree showed by its end. Recordings of old keep nothing of that: there Write and Edit say
it, and of a shell call what its commands name as written, by redirects and by the table below, is taken as changed
where git shows the path as changed too.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import normpath

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.report import Claim
from agency_runtime.handoff.shell_call import Words
from agency_runtime.handoff.support import kinds_of, shell_of

ROOT = "/workspace"
REDIRECT = re.compile(r"(?<![<>&\d])(?:\d?>>?|&>>?|>\|)\s*(?P<path>[\w./@%+=:-]+)")
INLINE_WRITE = re.compile(r"write_text|write_bytes|writeFile|open\([^)]*['\"][wax+]", re.IGNORECASE)

WRITERS = frozenset(
    ["tee", "cp", "mv", "rm", "install", "ln", "touch", "truncate", "dd", "patch", "rsync", "unlink", "chmod"]
)
"""Programs whose every operand may be written."""

IN_PLACE = {"sed": "-i", "perl": "-i", "yq": "-i", "sort": "-o", "jq": "-i"}
"""Programs that write their operands when given this option."""

GIT_WRITES = frozenset(
    [
        "checkout",
        "restore",
        "reset",
        "rm",
        "mv",
        "apply",
        "stash",
        "clean",
        "merge",
        "rebase",
        "pull",
        "revert",
        "cherry-pick",
        "am",
    ]
)

FORMATTERS = {
    ("terraform", "fmt"): (".tf", ".tfvars"),
    ("tofu", "fmt"): (".tf", ".tfvars"),
    ("gofmt", "-w"): (".go",),
    ("black",): (".py",),
    ("ruff", "format"): (".py",),
    ("prettier", "--write"): (".js", ".ts", ".tsx", ".json", ".yml", ".yaml", ".md", ".css", ".html"),
    ("shfmt", "-w"): (".sh",),
}
"""Programs that rewrite what they find, by the kinds of files they rewrite."""

DOCUMENTS = re.compile(r"\.(?:md|mdx|rst|txt|adoc)$|(?:^|/)docs?/|^\.agency/|(?:^|/)LICENSE", re.IGNORECASE)
"""Files that no check of the whole tree speaks of."""


@dataclass(frozen=True)
class Change:
    """A call that changed files: its place in the session, and the paths."""

    index: int
    ref: str
    paths: tuple[str, ...]


def relative(path: str, folder: str = "") -> str:
    """A path as git names it: below the repository, without `./` and the sandbox's mount."""
    whole = path if path.startswith("/") else f"{ROOT}/{folder}/{path}"
    tidy = normpath(whole)
    return tidy.removeprefix(ROOT).strip("/") if tidy == ROOT or tidy.startswith(f"{ROOT}/") else tidy


TESTS = re.compile(r"(?:^|/)(?:tests?|specs?|__tests__)(?:/|$)|(?:^|/)test_|_test\.|[.-](?:test|spec)\.", re.IGNORECASE)
"""Files that speak of others: a test of the one is a check of the other."""

LEFT_BEHIND = re.compile(
    r"(?:^|/)(?:__pycache__|node_modules|\.terraform|\.tox|\.venv|\.nox|\.(?:pytest|mypy|ruff)_cache|\.hypothesis|[^/]+\.egg-info)/"
    r"|\.py[co]$|(?:^|/)(?:\.coverage|\.eslintcache|\.DS_Store)$"
)
"""What checks leave behind where nobody told git to ignore it; no check speaks of it."""


def history(calls: Sequence[Executed], files: FilesChanged) -> tuple[Change, ...]:
    """Every call that changed files, in order."""
    known = {*files.all, *(relative(path) for call in calls for path in call.changed)}
    found = [
        Change(index, call.ref, tuple(_changed(call, known))) for index, call in enumerate(calls) if not call.denied
    ]
    return tuple(change for change in found if change.paths)


def _changed(call: Executed, known: set[str]) -> Iterable[str]:
    if call.altered is not None:
        return [path for path in call.altered if LEFT_BEHIND.search(path) is None]
    if call.tool != "Bash" or call.changed:
        return sorted({relative(path) for path in call.changed}) if not call.failed else ()
    written = set(_written(call, known))
    return sorted({path for path in known if any(_covers(each, path) for each in written)})


def _covers(written: str, path: str) -> bool:
    return written in (path, "") or path.startswith(f"{written}/")


def _written(call: Executed, known: set[str]) -> Iterator[str]:
    """Paths that a shell call may have written."""
    folder = ""
    for words in shell_of(call).commands:
        if words[0] == "cd" and len(words) > 1:
            folder = relative(words[1], folder)
        yield from (relative(word, folder) for word in _operands(words))
        endings = _formatted(words)
        yield from (path for path in known if path.endswith(endings))
    command = str(call.input.get("command", ""))
    yield from (relative(found["path"], folder) for found in REDIRECT.finditer(command))
    if INLINE_WRITE.search(command):
        yield from (path for path in known if path in command or path.rpartition("/")[2] in command)


def _operands(words: Words) -> Iterator[str]:
    program, rest = words[0], words[1:]
    writes = program in WRITERS or (program in IN_PLACE and any(word.startswith(IN_PLACE[program]) for word in rest))
    if program == "git" and (verb := next((word for word in rest if not word.startswith("-")), "")) in GIT_WRITES:
        named = [word for word in rest if not word.startswith("-") and word != verb]
        yield from named if verb in ("rm", "mv") else [*named, "."]
    elif writes:
        yield from (word for word in rest if not word.startswith("-"))


def _formatted(words: Words) -> tuple[str, ...]:
    """The endings of the files that a formatter rewrites; one that only checks rewrites nothing."""
    if any(word in ("-check", "--check", "--diff", "-d", "-l") for word in words):
        return ()
    found = (endings for start, endings in FORMATTERS.items() if words[0] == start[0] and set(start[1:]) <= set(words))
    return next(found, ())


def stale(claim: Claim, cited: Sequence[tuple[int, Executed]], changes: Sequence[Change], paths: set[str]) -> str:
    """What changed after the newest of the cited checks; empty where nothing did that the claim speaks of.

    paths: everything that the run changed.
    """
    newest, call = max(cited, key=lambda each: each[0])
    scope = _scope(claim, [each for _, each in cited], paths)
    for change in changes:
        touched = [path for path in change.paths if _within(path, scope)] if change.index > newest else []
        if touched:
            return f"{touched[0]} was changed by call {change.ref}, after the check in {call.ref}; check again"
    return ""


def _scope(claim: Claim, cited: Iterable[Executed], paths: set[str]) -> set[str]:
    """The paths a claim speaks of: what it names, else what its checks name; empty for the whole tree, as for tests."""
    if claim.about and _named(claim.about, paths):
        return {relative(claim.about)}
    if "test" in kinds_of(claim.statement):
        return set()
    words = {word for call in cited for word in _words(call)}
    return {relative(word) for word in words if relative(word) and _named(word, paths)}


def _named(word: str, paths: set[str]) -> bool:
    """Whether a word is one of the paths, or a folder above one."""
    path = relative(word)
    return bool(path) and any(_covers(path, known) for known in paths)


def _words(call: Executed) -> Iterator[str]:
    """Everything a call names that may be a path."""
    if call.tool == "Bash":
        for words in shell_of(call).commands:
            yield from (word.rpartition("=")[2] for word in words[1:])
    else:
        yield from (value for value in call.input.values() if isinstance(value, str) and "\n" not in value)


def _within(path: str, scope: set[str]) -> bool:
    if not scope:
        return DOCUMENTS.search(path) is None
    return any(_covers(named, path) for named in scope)


def unconcerned(about: str, cited: Iterable[Executed], paths: set[str]) -> str:
    """Why the cited calls do not concern what the claim speaks of: they name other changed files and not this one."""
    if not about or not _named(about, paths):
        return ""
    name = relative(about)
    calls = list(cited)
    text = "\n".join(f"{call.command}\n{call.output}" for call in calls)
    if name in text or name.rpartition("/")[2] in text:
        return ""
    named = sorted({relative(word) for call in calls for word in _words(call) if _named(word, paths)})
    others = [path for path in named if TESTS.search(path) is None]
    if not others or any(_covers(other, name) for other in named):
        return ""
    return f"{', '.join(call.ref for call in calls)} speaks of {others[0]}, not of {name}"
