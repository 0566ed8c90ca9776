"""Commands that change the shell itself: its folder, its variables, its aliases, or run text in it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from agency_runtime.gate.argv import parse_line
from agency_runtime.gate.files import Files
from agency_runtime.gate.output import output
from agency_runtime.gate.places import absolute
from agency_runtime.gate.variables import Variables
from agency_runtime.gate.words import UNKNOWN, known

_READ_VALUED = frozenset({"-d", "-n", "-N", "-t", "-p", "-u", "-i", "-a"})


class Shell(Protocol):
    """What the builtins change."""

    cwd: str
    variables: Variables

    def set(self, name: str, value: str) -> None:
        """Give a variable a value."""
        ...

    def nested(self, text: str) -> str:
        """Walk a text that the shell runs in itself; answers what it prints."""
        ...


class Builtins:
    """The builtins of one shell, and the aliases it was given."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._aliases: dict[str, str] = {}
        self._acts: dict[str, Callable[[Sequence[str]], str | None]] = {
            "cd": self._cd, "pushd": self._cd, "popd": self._cd, "eval": self._eval, "trap": self._trap, "alias": self._alias,
            "mapfile": self._reads, "readarray": self._reads, "getopts": self._reads, "let": self._reads, "set": self._sets,
            "printf": self._printf, "hash": self._hash,
        }  # fmt: skip

    def run(self, argv: Sequence[str], stdin: str | None = None) -> str | None:
        """What the command prints, or None when it is no builtin of these."""
        if argv[0] in self._aliases:
            return self._shell.nested(" ".join([self._aliases[argv[0]], *argv[1:]]))
        if argv[0] == "read":
            return self._read(argv[1:], stdin)
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
                self._shell.set(word, UNKNOWN)
        return ""

    def _read(self, args: Sequence[str], stdin: str | None) -> str:
        """Each name may have its word of the first line, or of all lines with `-d`; the last one has the rest."""
        line = parse_line(args, _READ_VALUED)
        names, text = line.words, stdin or ""
        words = (text if line.has("-d") else text.partition("\n")[0]).split(maxsplit=max(len(names) - 1, 0))
        for at, name in enumerate(names):
            self._shell.set(name, UNKNOWN)
            if stdin is not None and at < len(words) and known(words[at]):
                self._shell.variables.doubt(name, words[at])
        return ""

    def _sets(self, args: Sequence[str]) -> str:
        if "--" in args:
            self._shell.variables.args = tuple(args[list(args).index("--") + 1 :])
        elif args and args[0][:1] not in ("-", "+"):
            self._shell.variables.args = tuple(args)
        return ""

    def _printf(self, args: Sequence[str]) -> str | None:
        """`printf -v NAME`; without it, it prints."""
        if len(args) < 3 or args[0] != "-v":
            return None
        self._shell.set(args[1], output(["printf", *args[2:]], None, self._shell.cwd, Files()))
        return ""

    def _hash(self, args: Sequence[str]) -> str:
        """`hash -p PATH NAME` lets a name stand for a program."""
        if len(args) > 2 and args[0] == "-p":
            self._aliases[args[2]] = args[1]
        return ""
