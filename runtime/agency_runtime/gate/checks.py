"""Commands that check or ask: test runners, validators, version queries, programs of an interpreter that write nothing.

They may write caches and whatever the tests themselves write, so they are local work; where the repository is mounted
read-only, nothing of it can reach the repository.
"""

import re
from collections.abc import Sequence

from agency_runtime.gate.argv import names
from agency_runtime.gate.command import Command
from agency_runtime.gate.files import Reader
from agency_runtime.gate.interpreters import INTERPRETERS
from agency_runtime.gate.places import absolute, place
from agency_runtime.gate.recipes import recipe
from agency_runtime.gate.words import known

CHECKERS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        names("pytest py.test nose2 jest vitest mocha ava bats rspec phpunit ctest gotestsum eslint stylelint ansible-lint cfn-guard "
              "pydocstyle pycodestyle vulture staticcheck golangci-lint luacheck rubocop cmake-lint djlint sqlfluff commitlint"),
        frozenset[str](),
    ),
    "ruff": names("check"), "go": names("test vet version list"), "cargo": names("test check clippy version tree metadata"),
    "pip": names("list show check freeze"), "pip3": names("list show check freeze"), "npm": names("ls list explain why"),
    "pnpm": names("ls list why"), "yarn": names("list why"), "bun": names("test"), "deno": names("test lint check"), "node": names("--test --check"),
    "poetry": names("check show"), "uv": names("tree"), "bundle": names("list check"), "mix": names("test"), "dart": names("test analyze"),
}  # fmt: skip
"""Each program with the verbs that only check; an empty set where all of it does."""
FORMATTERS: dict[str, frozenset[str]] = {
    "black": names("--check --diff"), "isort": names("--check --check-only --diff"), "prettier": names("--check -c -l"), "ruff": names("--check --diff"),
    "rustfmt": names("--check"), "gofmt": names("-l -d"), "shfmt": names("-d -l"), "cargo": names("--check"), "tsc": names("--noEmit"),
}  # fmt: skip
"""Programs that write, unless one of these options is given."""
PREFIXES = {
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"), ("bundle", "exec"), ("npm", "exec"), ("pnpm", "exec"),
}  # fmt: skip
MODULES = names(
    "unittest pytest doctest tabnanny ruff mypy flake8 pylint yamllint pycodestyle pydocstyle timeit tokenize ast dis platform site"
)
_QUESTIONS = (("--version",), ("-V",), ("--help",))
_WRITING = ("--fix", "--write", "--out", "--junit", "--update", "--in-place", "--install", "--report-file", "--cov-report", "--basetemp",
            "--result", "--log-file", "--add-noqa", "--autofix", "--cpuprofile", "--memprofile", "-coverprofile", "-cpuprofile",
            "-memprofile", "-fix")  # fmt: skip
_WRITING_SHORT = ("-w", "-i", "-a", "-A", "-u", "-o")
_NO_PATHS = {"pytest": names("-o"), "go": names("-a"), "mypy": names("-i")}
_ACTS = re.compile(r"open\([^)]*[\"'][wax]|(?<!stdout\.)(?<!stderr\.)\bwrite|unlink|remove|rename|rmtree|copy|mkdir|touch\(|truncate|chmod|symlink"
                   r"|subprocess|system|popen|spawn|child_process|\bexec|fork|socket|import_module|__import__|requests|urllib|http", re.IGNORECASE)  # fmt: skip
"""What makes a program of an interpreter more than a question, as far as its text tells."""


def only_checks(command: Command, text: Reader) -> bool:
    """The command checks or asks, and names no path to write but scratch files."""
    argv = command.argv
    if not argv or not all(map(known, argv[:2])):
        return False
    if (command.program, *argv[1:2]) in PREFIXES:
        argv = argv[2:]
    if not argv or argv[0].startswith("-"):
        return False
    program = argv[0].rpartition("/")[2]
    ran = recipe(argv, command.cwd, text)
    if argv[1:] in _QUESTIONS or (ran is not None and ran.alone):
        return True
    if program in INTERPRETERS and program.startswith(("python", "node")):
        return _interprets(program, argv, command, text)
    return _checks(program, argv[1:]) and not _names_a_path(program, argv[1:], command.cwd)


def _checks(program: str, args: Sequence[str]) -> bool:
    verbs = CHECKERS.get(program)
    if verbs is not None and (not verbs or any(word in verbs for word in args[:1])):
        return True
    return any(word in FORMATTERS.get(program, ()) for word in args)


def _names_a_path(program: str, args: Sequence[str], cwd: str) -> bool:
    return any(_writes(program, word, cwd) for word in args)


def _writes(program: str, word: str, cwd: str) -> bool:
    name, _, value = word.partition("=")
    if name in _WRITING_SHORT and name not in _NO_PATHS.get(program, ()):
        return True
    below = bool(value) and known(value) and place(absolute(value, cwd), "/workspace") == "scratch"
    return word.startswith(_WRITING) and not below


def _interprets(program: str, argv: Sequence[str], command: Command, text: Reader) -> bool:
    """A module that checks, or a program whose whole text is known and does nothing but compute and print."""
    args = [word for word in argv[1:] if word not in ("-B", "-I", "-s", "-S", "-E", "-u", "-b", "-bb", "-q")]
    if program.startswith("python") and args[:1] == ["-m"]:
        inner = args[1:]
        if inner[:1] == ["json.tool"]:
            return len([word for word in inner[1:] if not word.startswith("-")]) < 2
        module = inner[:1] and (inner[0] in MODULES or _checks(inner[0], inner[1:]) or inner[1:] == ["--version"])
        return bool(module) and not _names_a_path(inner[0], inner[1:], command.cwd)
    if _checks(program, args):
        return True
    given = _program_text(program, args, command, text)
    return given is not None and known(given) and not _ACTS.search(given)


def _program_text(program: str, args: Sequence[str], command: Command, text: Reader) -> str | None:
    if args[:1] and args[0] in INTERPRETERS[program]:
        return args[1] if len(args) > 1 else None
    if not args or args[0] == "-":
        return command.stdin
    if args[0].startswith("-") or not known(args[0]):
        return None
    path = absolute(args[0], command.cwd)
    return command.files.text(path, command.cwd) or text(path)
