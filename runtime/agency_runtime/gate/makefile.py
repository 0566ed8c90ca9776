"""What make would run: the shell lines of its targets, as far as a Makefile tells them without being computed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agency_runtime.gate.argv import names, parse_line
from agency_runtime.gate.files import STDIN, Reader
from agency_runtime.gate.recipe import DOUBT, Recipe, first_of
from agency_runtime.gate.words import UNKNOWN

_VALUED = names("-C --directory -f --file --makefile -j --jobs -l -o -W -I --include-dir --load-average --eval")
_VARIABLE = re.compile(r"^(?:export\s+|override\s+|private\s+)*([\w.-]+)\s*(!|:::?|:|\?|\+)?=\s*(.*)$")
_REFERENCE = re.compile(r"\$[({]([\w.-]+)[)}]")
_TARGET = re.compile(r"^([^\s:=#][^:=#]*?)\s*::?(?!=)\s*(.*)$")
_INCLUDE = re.compile(r"^\s*[-s]?include\s+(.+)$")
_DEFINE = re.compile(r"^(?:override\s+)?define\s+([\w.-]+)")
_SHELL = re.compile(r"(?:(?:/usr(?:/local)?)?/bin/)?(?:env )?(?:ba|da|z|k|a)?sh(?: -[a-z]+| pipefail)*")
_SHELL_FLAGS = re.compile(r"(?:-[a-z]+|pipefail|\s)*")
_MOST_INCLUDES = 20


@dataclass(slots=True)
class _Read:
    """A Makefile, and all it includes."""

    variables: dict[str, str] = field(
        default_factory=lambda: {"MAKE": "make", "SHELL": "sh", "CURDIR": ".", "RM": "rm -f"}
    )
    rules: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict[str, tuple[list[str], list[str]]])
    shells: list[str] = field(default_factory=list[str])
    unread: bool = False
    included: int = 0


def make(argv: Sequence[str], cwd: str, read: Reader) -> Recipe:
    """The commands behind a command line of make."""
    line = parse_line(argv[1:], _VALUED)
    if line.has("--version", "--help", "-h", "-v"):
        return Recipe()
    folder = line.value("-C", "--directory")
    base = folder if folder and folder.startswith("/") else f"{cwd}/{folder}" if folder else cwd
    files = [value for name, value in line.options if name in ("-f", "--file", "--makefile") and value]
    texts = [first_of([file], base, read) for file in files] or [
        first_of(["GNUmakefile", "makefile", "Makefile"], base, read)
    ]
    given = dict(word.split("=", 1) for word in line.words if "=" in word)
    evaluated = [value for name, value in line.options if name == "--eval" and value]
    if None in texts:
        return Recipe(missing="the standard input" if STDIN & set(files) else f"{base}/{(files or ['Makefile'])[0]}")
    text = "\n".join([*(text or "" for text in texts), *evaluated])
    return Recipe(make_recipe(text, [word for word in line.words if "=" not in word], given, base=base, read=read))


def make_recipe(
    text: str, targets: Sequence[str], given: dict[str, str], *, base: str = "", read: Reader = lambda _: None
) -> str:
    """The shell lines of the targets and of all they depend on; of every target when one of them cannot be found."""
    found = _Read()
    _makefile(text, found, base, read)
    found.variables.update(given)
    rules = found.rules
    wanted = list(targets) or [name for name in rules if not name.startswith(".")][:1]
    seen: dict[str, None] = {}
    while wanted:
        name = wanted.pop(0)
        if name not in seen:
            seen[name] = None
            wanted += rules.get(name, ([], []))[0]
    lost = any(target not in rules for target in targets) or (not targets and not rules)
    lines = [line for name in (rules if lost else seen) for line in rules.get(name, ([], []))[1]]
    expanded = [_expand(line, found.variables) for line in [*found.shells, *lines]]
    odd = [DOUBT] if (lines and not _plain_shell(found.variables)) or (lost and found.unread) else []
    return "\n".join([*odd, *(f"( {line} )" if "\n" not in line and line.strip() else line for line in expanded)])


def _plain_shell(variables: dict[str, str]) -> bool:
    """The recipes' lines are run by a shell as they stand."""
    shell = _SHELL.fullmatch(_expand(variables["SHELL"], variables))
    return shell is not None and _SHELL_FLAGS.fullmatch(variables.get(".SHELLFLAGS", "")) is not None


def _makefile(text: str, found: _Read, base: str, read: Reader) -> None:
    current: list[str] = []
    lines = iter(text.replace("\\\n", " ").split("\n"))
    for line in lines:
        defined, included = _DEFINE.match(line), _INCLUDE.match(line)
        if line.startswith("\t") and current:
            for name in current:
                found.rules[name][1].append(line.strip().lstrip("@-+ "))
        elif defined:
            body = list(iter(lambda: next(lines, "endef").strip(), "endef"))
            found.variables[defined[1]] = "\n".join(part.lstrip("@-+ ") for part in body)
        elif included:
            _include(included[1], found, base, read)
        else:
            current = _statement(line, found, current)
    found.shells += re.findall(r"\$\(shell\s+([^)]*)\)", text)


def _statement(line: str, found: _Read, current: list[str]) -> list[str]:
    """An assignment or the head of a rule; answers the targets whose recipe may follow."""
    assigned, target = _VARIABLE.match(line), _TARGET.match(line)
    if assigned:
        if assigned[2] == "!":
            found.shells.append(assigned[3])
        before = found.variables.get(assigned[1]) if assigned[2] == "+" else None
        found.variables[assigned[1]] = f"{before} {assigned[3].strip()}" if before else assigned[3].strip()
        return current
    if not target:
        return current
    needs, _, command = target[2].partition(";")
    for name in target[1].split():
        found.rules.setdefault(name, ([], []))[0].extend(word for word in needs.split() if word != "|")
        if command.strip():
            found.rules[name][1].append(command.strip().lstrip("@-+ "))
    return target[1].split()


def _include(names_: str, found: _Read, base: str, read: Reader) -> None:
    for name in _expand(names_, found.variables).split():
        text = first_of([name], base, read) if found.included < _MOST_INCLUDES else None
        found.included += 1
        if text is None:
            found.unread = True
        else:
            _makefile(text, found, base, read)


def _expand(line: str, variables: dict[str, str], depth: int = 0) -> str:
    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1])
        return UNKNOWN if found is None or depth > 6 else _expand(found, variables, depth + 1)

    line = re.sub(r"\$\((?:shell)\s[^)]*\)", "$(true)", line)
    line = _REFERENCE.sub(value, line.replace("$$", "\ue020"))
    line = re.sub(r"\$[@<^*+?%]", "target", line)
    line = re.sub(r"\$[({][^)}]*[)}]", UNKNOWN, line)
    return line.replace("\ue020", "$").replace(UNKNOWN, DOUBT)
