"""Recipes that a runner would run: make targets, npm, yarn, pnpm and bun scripts, just and task recipes."""

import json
import re
from collections.abc import Sequence

from agency_runtime.gate.argv import Line, names, parse_line
from agency_runtime.gate.files import Reader
from agency_runtime.gate.makefile import make
from agency_runtime.gate.recipe import DOUBT, Recipe, first_of
from agency_runtime.gate.taskfile import task_recipe

RUNNERS = names("make gmake npm pnpm yarn bun just")
_NPM_PLAIN = names("install i ci add remove uninstall update outdated audit ls list view info pack init version help config cache prune "
                   "link dedupe doctor why exec dlx create up upgrade import --version -v root bin prefix fund explain set-script rebuild "
                   "publish login logout whoami owner token org team access deprecate dist-tag unpublish")  # fmt: skip
_NPM_INSTALLS = names("install i ci add rebuild pack publish")
_NPM_LIFE = names(
    "preinstall install postinstall prepublish preprepare prepare postprepare prepack postpack prepublishOnly"
)
_NPM_SHORT = names("test start stop restart t tst")


def recipe(argv: Sequence[str], cwd: str, read: Reader) -> Recipe | None:
    """The commands behind a runner's command line, or None when the program runs no recipe of the repository."""
    program = argv[0].rpartition("/")[2]
    if program in ("make", "gmake"):
        return make(argv, cwd, read)
    if program in ("npm", "pnpm", "yarn", "bun"):
        return _npm(program, argv, cwd, read)
    if program == "just":
        return _just(argv, cwd, read)
    if program in ("task", "go-task"):
        return _task(argv, cwd, read)
    return None


def _npm(program: str, argv: Sequence[str], cwd: str, read: Reader) -> Recipe | None:
    line = parse_line(argv[1:], names("--prefix -C --dir --cwd -w --workspace --filter -F"))
    words = [word for word in line.words if word not in ("run", "run-script", "rum", "urn")]
    ran = len(words) != len(line.words)
    if not ran and (words[:1] == [] or (words[0] in _NPM_INSTALLS and len(words) == 1)):
        return _lifecycle(program, words, line, cwd, read)
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


def _lifecycle(program: str, words: Sequence[str], line: Line, cwd: str, read: Reader) -> Recipe | None:
    """The repository's own scripts that an installation runs."""
    text = read(f"{cwd}/package.json")
    if text is None or line.has("--ignore-scripts") or not (words or program in ("yarn", "pnpm", "bun")):
        return None
    return Recipe("\n".join(_npm_script(text, name, ()) for name in sorted(_NPM_LIFE)), alone=False)


def _npm_script(text: str, name: str, args: Sequence[str]) -> str:
    try:
        scripts = json.loads(text).get("scripts", {})
        bodies = [str(scripts[key]) for key in (f"pre{name}", name, f"post{name}") if key in scripts]
    except (ValueError, AttributeError, TypeError):
        return DOUBT
    return "\n".join(f"{body} {' '.join(args)}" if body == scripts.get(name) else body for body in bodies) or "true"


def _just(argv: Sequence[str], cwd: str, read: Reader) -> Recipe:
    line = parse_line(argv[1:], names("-f --justfile -d --working-directory"))
    if line.has("--list", "-l", "--version", "--help", "--summary", "--show", "--dump", "--evaluate"):
        return Recipe()
    file = line.value("-f", "--justfile")
    text = first_of([file] if file else ["justfile", "Justfile", ".justfile"], cwd, read)
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
            bodies[current].append(re.sub(r"\{\{.*?\}\}", DOUBT, line.strip().lstrip("@-")))
        elif head:
            current = head[1]
            bodies[current], needs[current] = [], re.findall(r"[\w-]+", head[3].partition("#")[0])
    wanted = [name for name in targets if name in bodies] or list(bodies)
    for name in wanted:
        wanted += [need for need in needs.get(name, []) if need in bodies and need not in wanted]
    imports = re.search(r"^(?:import|mod)\??\s", text, re.MULTILINE)
    lost = [DOUBT] if imports and any(name not in bodies for name in targets) else []
    return "\n".join([*lost, *(_just_body(bodies[name]) for name in wanted)])


def _just_body(lines: Sequence[str]) -> str:
    """The lines of a recipe; one with an interpreter of its own is handed to that."""
    if not lines or not lines[0].startswith("#!"):
        return "\n".join(lines)
    words = lines[0][2:].strip().removeprefix("/usr/bin/env ").removeprefix("-S ")
    return "\n".join([f"{words} <<'END_OF_RECIPE'", *lines[1:], "END_OF_RECIPE"])


def _task(argv: Sequence[str], cwd: str, read: Reader) -> Recipe:
    line = parse_line(argv[1:], names("-t --taskfile -d --dir -c --concurrency -o --output"))
    if line.has("--list", "-l", "-a", "--list-all", "--version", "--help", "-h", "--summary", "-n", "--dry"):
        return Recipe()
    file, folder = line.value("-t", "--taskfile"), line.value("-d", "--dir")
    base = f"{cwd}/{folder}" if folder else cwd
    text = first_of([file] if file else ["Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml"], base, read)
    if text is None:
        return Recipe(missing=f"{base}/{file or 'Taskfile.yml'}")
    return Recipe(task_recipe(text, [word for word in line.words if "=" not in word] or ["default"]))
