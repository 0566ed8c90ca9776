"""Command lines of programs with sub-commands: options apart from words, whatever their order."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from agency_runtime.gate.words import known


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed command line.

    words: what is not an option, up to `--`. options: in order, with their value or None. rest: what follows `--`.
    doubtful: options that stand where an unlisted option might have swallowed them.
    """

    words: tuple[str, ...]
    options: tuple[tuple[str, str | None], ...]
    rest: tuple[str, ...]
    doubtful: frozenset[str]

    def value(self, *names: str) -> str | None:
        """The last value given to any of the options; "" when it stands there without one."""
        return next((value or "" for name, value in reversed(self.options) if name in names), None)

    def has(self, *names: str) -> bool:
        """Any of the options stands there, and is not switched off with `=false`."""
        return any(name in names and value not in ("false", "0", "no") for name, value in self.options)

    def surely(self, *names: str) -> bool:
        """Like `has`, and no unlisted option before it can have taken it for its value."""
        return any(name in names and name not in self.doubtful and value not in ("false", "0", "no") for name, value in self.options)  # fmt: skip

    @property
    def certain(self) -> bool:
        """No word or option is left to the time it runs."""
        return all(map(known, self.words)) and all(known(name) and known(value or "") for name, value in self.options)


def parse_line(args: Sequence[str], valued: Set[str], switches: Set[str] = frozenset()) -> Line:
    """Split arguments. `valued` options take the next word; unlisted ones are taken for switches, which may be wrong."""
    words: list[str] = []
    options: list[tuple[str, str | None]] = []
    doubtful: set[str] = set()
    at, doubt = 0, False
    while at < len(args) and args[at] != "--":
        word = args[at]
        at += 1
        if not word.startswith("-") or word == "-":
            words.append(word)
            doubt = False
            continue
        name, equals, value = word.partition("=")
        if doubt:
            doubtful.add(name)
        if equals:
            options.append((name, value))
        elif name in valued:
            options.append((name, args[at] if at < len(args) else ""))
            at += 1
        else:
            options += _short(name, valued)
        doubt = not equals and name not in valued and name not in switches and name not in HELP
    return Line(tuple(words), tuple(options), tuple(args[at + 1 :]), frozenset(doubtful))


HELP = frozenset({"--help", "-h", "-help", "--version"})


_VERSIONED = re.compile(
    r"(terraform|tofu|opentofu|terragrunt|kubectl|oc|helm|aws|gcloud|az|docker|podman)(?:[-_]?v?\d[\w.]*)?(?:\.exe)?"
)


@lru_cache(maxsize=1024)
def program_of(word: str) -> str:
    """The name of a program: without its folder, and without the version that some installers put into it."""
    name = word.rpartition("/")[2]
    versioned = _VERSIONED.fullmatch(name)
    return versioned[1] if versioned else name


def _short(name: str, valued: Set[str]) -> list[tuple[str, str | None]]:
    """`-nprod` is `-n prod`; `-it` stays as it is."""
    if len(name) > 2 and name[1] != "-" and name[:2] in valued:
        return [(name, None), (name[:2], name[2:])]
    return [(name, None)]


def names(text: str) -> frozenset[str]:
    """A set of names, written as one line to read."""
    return frozenset(text.split())
