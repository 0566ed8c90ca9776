"""Commands that change the shell itself: its folder, its variables, its aliases, or run text in it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from agency_runtime.gate.places import absolute
from agency_runtime.gate.variables import Variables
from agency_runtime.gate.words import UNKNOWN, known


class Shell(Protocol):
    """What the builtins change."""

    cwd: str
    variables: Variables

    def nested(self, text: str) -> str:
        """Walk a text that the shell runs in itself; answers what it prints."""
        ...


class Builtins:
    """The builtins of one shell, and the aliases it was given."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._aliases: dict[str, str] = {}
        self._acts: dict[str, Callable[[Sequence[str]], str]] = {
            "cd": self._cd, "pushd": self._cd, "popd": self._cd, "eval": self._eval, "trap": self._trap, "alias": self._alias,
            "read": self._reads, "mapfile": self._reads, "readarray": self._reads, "getopts": self._reads, "let": self._reads,
        }  # fmt: skip

    def run(self, argv: Sequence[str]) -> str | None:
        """What the command prints, or None when it is no builtin of these."""
        if argv[0] in self._aliases:
            return self._shell.nested(" ".join([self._aliases[argv[0]], *argv[1:]]))
        act = self._acts.get(argv[0])
        return act(argv[1:]) if act is not None else None

    def _cd(self, args: Sequence[str]) -> str:
        target = next((word for word in args if not word.startswith("-")), "~")
        certain = known(target) and "-" not in args
        self._shell.cwd = absolute(target, self._shell.cwd) if certain else UNKNOWN
        return ""

    def _eval(self, args: Sequence[str]) -> str:
        text = " ".join(args)
        return self._shell.nested(text) if known(text) else UNKNOWN

    def _trap(self, args: Sequence[str]) -> str:
        words = [word for word in args if word != "--"]
        if len(words) > 1 and not words[0].startswith("-") and known(words[0]):
            self._shell.nested(words[0])
        return ""

    def _alias(self, args: Sequence[str]) -> str:
        for word in args:
            name, equals, value = word.partition("=")
            if equals:
                self._aliases[name] = value
                self._shell.nested(value)
        return ""

    def _reads(self, args: Sequence[str]) -> str:
        for word in args:
            if not word.startswith("-"):
                self._shell.variables.doubt(word)
        return ""
