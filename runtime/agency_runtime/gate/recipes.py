"""Recipes that a runner would run: make targets, npm, yarn, pnpm and bun scripts, just and task recipes."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agency_runtime.gate.argv import names, parse_line
from agency_runtime.gate.words import UNKNOWN

Reader: TypeAlias = Callable[[str], str | None]
"""Gives a file's text by its absolute path in the sandbox, or None when it cannot be read."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a runner would run. `missing` is the file that could not be read."""

    text: str = ""
    missing: str = ""


RUNNERS = names("make gmake npm pnpm yarn bun just")
_NPM_PLAIN = names("install i ci add remove uninstall update outdated audit ls list view info pack init version help config cache prune "
                   "link dedupe doctor why exec dlx create up upgrade import --version -v root bin prefix fund explain set-script rebuild "
                   "publish login logout whoami owner token org team access deprecate dist-tag unpublish")  # fmt: skip
_NPM_SHORT = names("test start stop restart t tst")
_MAKE_VALUED = names("-C --directory -f --file --makefile -j --jobs -l -o -W -I --include-dir --load-average")
_VARIABLE = re.compile(r"^(?:export\s+|override\s+)?([\w.-]+)\s*(?:::?:?|\?|\+)?=\s*(.*)$")
_REFERENCE = re.compile(r"\$[({]([\w.-]+)[)}]")
_TARGET = re.compile(r"^([^\s:=#][^:=#]*?)\s*::?(?!=)\s*(.*)$")


def recipe(argv: Sequence[str], cwd: str, read: Reader) -> Recipe | None:
    """The commands behind a runner's command line, or None when the program runs no recipe of the repository."""
    program = argv[0].rpartition("/")[2]
    if program in ("make", "gmake"):
        return _make(argv, cwd, read)
    if program in ("npm", "pnpm", "yarn", "bun"):
        return _npm(program, argv, cwd, read)
    if program == "just":
        return _just(argv, cwd, read)
    return None


def _first(names_: Sequence[str], cwd: str, read: Reader) -> str | None:
    return next(
        (text for name in names_ if (text := read(f"{cwd}/{name}" if not name.startswith("/") else name)) is not None),
        None,
    )


def _make(argv: Sequence[str], cwd: str, read: Reader) -> Recipe:
    line = parse_line(argv[1:], _MAKE_VALUED)
    if line.has("--version", "--help", "-h", "-v"):
        return Recipe()
    folder = line.value("-C", "--directory")
    base = folder if folder and folder.startswith("/") else f"{cwd}/{folder}" if folder else cwd
    file = line.value("-f", "--file", "--makefile")
    text = _first([file] if file else ["GNUmakefile", "makefile", "Makefile"], base, read)
    if text is None:
        return Recipe(missing=f"{base}/{file or 'Makefile'}")
    given = dict(word.split("=", 1) for word in line.words if "=" in word)
    return Recipe(make_recipe(text, [word for word in line.words if "=" not in word], given))


def make_recipe(text: str, targets: Sequence[str], given: dict[str, str]) -> str:
    """The shell lines of the targets and of all they depend on; of every target when one of them cannot be found."""
    variables, rules, shells = _makefile(text)
    variables.update(given)
    wanted = list(targets) or [name for name in rules if not name.startswith(".")][:1]
    seen: dict[str, None] = {}
    while wanted:
        name = wanted.pop(0)
        if name not in seen:
            seen[name] = None
            wanted += rules.get(name, ([], []))[0]
    lost = any(target not in rules for target in targets)
    lines = [line for name in (rules if lost else seen) for line in rules.get(name, ([], []))[1]]
    expanded = [_expand(line, variables) for line in [*shells, *lines]]
    return "\n".join(f"( {line} )" if "\n" not in line and line.strip() else line for line in expanded)


_MakeRules: TypeAlias = dict[str, tuple[list[str], list[str]]]


def _makefile(text: str) -> tuple[dict[str, str], _MakeRules, list[str]]:
    variables: dict[str, str] = {"MAKE": "make", "SHELL": "sh", "CURDIR": ".", "RM": "rm -f"}
    rules: _MakeRules = {}
    current: list[str] = []
    for line in text.replace("\\\n", " ").split("\n"):
        if line.startswith("\t"):
            for name in current:
                rules[name][1].append(line.strip().lstrip("@-+ "))
            continue
        assigned = _VARIABLE.match(line)
        target = _TARGET.match(line)
        if assigned:
            variables[assigned[1]] = assigned[2].strip()
        elif target:
            current = target[1].split()
            needs, _, command = target[2].partition(";")
            for name in current:
                rules.setdefault(name, ([], []))[0].extend(word for word in needs.split() if word != "|")
                if command.strip():
                    rules[name][1].append(command.strip().lstrip("@-+ "))
    return variables, rules, re.findall(r"\$\(shell\s+([^)]*)\)", text)


def _expand(line: str, variables: dict[str, str], depth: int = 0) -> str:
    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1])
        return UNKNOWN if found is None or depth > 6 else _expand(found, variables, depth + 1)

    line = re.sub(r"\$\((?:shell)\s[^)]*\)", "$(true)", line)
    line = _REFERENCE.sub(value, line.replace("$$", "\ue020"))
    line = re.sub(r"\$[@<^*+?%]", "target", line)
    line = re.sub(r"\$[({][^)}]*[)}]", UNKNOWN, line)
    return line.replace("\ue020", "$").replace(UNKNOWN, "$__unknown")


def _npm(program: str, argv: Sequence[str], cwd: str, read: Reader) -> Recipe | None:
    line = parse_line(argv[1:], names("--prefix -C --dir --cwd -w --workspace --filter -F"))
    words = [word for word in line.words if word not in ("run", "run-script", "rum", "urn")]
    ran = len(words) != len(line.words)
    if not words or (not ran and words[0] in _NPM_PLAIN):
        return None
    if (program == "npm" and not ran and words[0] not in _NPM_SHORT) or (
        program == "bun" and words[0] in ("test", "build") and not ran
    ):
        return None
    folder = line.value("--prefix", "-C", "--dir", "--cwd")
    path = f"{cwd}/{folder}/package.json" if folder else f"{cwd}/package.json"
    text = read(path)
    if text is None:
        return Recipe(missing=path)
    return Recipe(_npm_script(text, {"t": "test", "tst": "test"}.get(words[0], words[0]), [*words[1:], *line.rest]))


def _npm_script(text: str, name: str, args: Sequence[str]) -> str:
    try:
        scripts = json.loads(text).get("scripts", {})
        bodies = [str(scripts[key]) for key in (f"pre{name}", name, f"post{name}") if key in scripts]
    except (ValueError, AttributeError, TypeError):
        return "$__unknown"
    return "\n".join(f"{body} {' '.join(args)}" if body == scripts.get(name) else body for body in bodies) or "true"


def _just(argv: Sequence[str], cwd: str, read: Reader) -> Recipe:
    line = parse_line(argv[1:], names("-f --justfile -d --working-directory"))
    if line.has("--list", "-l", "--version", "--help", "--summary", "--show", "--dump", "--evaluate"):
        return Recipe()
    file = line.value("-f", "--justfile")
    text = _first([file] if file else ["justfile", "Justfile", ".justfile"], cwd, read)
    if text is None:
        return Recipe(missing=f"{cwd}/{file or 'justfile'}")
    return Recipe(just_recipe(text, [word for word in line.words if "=" not in word]))


def just_recipe(text: str, targets: Sequence[str]) -> str:
    """The shell lines of the recipes and of all they depend on; of every recipe when one cannot be found."""
    bodies: dict[str, list[str]] = {}
    needs: dict[str, list[str]] = {}
    current = ""
    for line in text.split("\n"):
        head = re.match(r"^@?([\w-]+)((?:\s+[^:]*)?):(?!=)\s*(.*)$", line)
        if line[:1] in (" ", "\t") and current:
            bodies[current].append(re.sub(r"\{\{.*?\}\}", "$__unknown", line.strip().lstrip("@-")))
        elif head:
            current = head[1]
            bodies[current], needs[current] = [], re.findall(r"[\w-]+", head[3].partition("#")[0])
    wanted = [name for name in targets if name in bodies] or list(bodies)
    for name in wanted:
        wanted += [need for need in needs.get(name, []) if need in bodies and need not in wanted]
    return "\n".join(line for name in wanted for line in bodies[name])
