"""GitHub workflows by actionlint and zizmor, and their `run:` scripts by shellcheck."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import Document
from .running import batches
from .shells import comments, severity
from .values import ERROR, INFO, WARNING, Finding, Said, Source, Unchecked, Validator, read, rows, table

if TYPE_CHECKING:
    from .running import Runner

HOSTED = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-24.04-arm", "ubuntu-22.04-arm", "ubuntu-slim", "windows-latest", "windows-2025", "windows-2022", "windows-11-arm", "macos-latest", "macos-15", "macos-14", "macos-13", "macos-26", "self-hosted")  # fmt: skip
DATED = re.compile(r"is too old to run|was deprecated|is deprecated")
RETIRED = re.compile(r"(?:ubuntu|windows|macos)-[\d.]+")
"""A label of the hosted runners' own form that actionlint does not know is one that is gone."""

BLANK = re.compile(r"\$(?:cron-(?:daily|weekly)|default-branch|protected-branches)\b|\"\$/")
"""What a starter workflow leaves for GitHub to fill in, and the workflow's own repository, which actionlint takes for wrong."""

MADE_LATER = re.compile(r"^\s*(?:strategy|matrix|include)\s*:\s*[\"']?\$\{\{", re.MULTILINE)
"""A strategy, or a part of one, that an expression makes when it runs; actionlint takes it for an empty one."""

UNTRUSTED = "is potentially untrusted"


def _actionlint(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("actionlint")
    for some in batches([source.path for source in sources if source.documents.fault is None], 100):
        yield from _linted(list(some), runner)


def _linted(paths: list[str], runner: Runner) -> Iterator[Said]:
    """Findings in the files; one that actionlint breaks on takes them all down, so the others are tried apart."""
    if not paths:
        return
    ran = runner.run(["actionlint", "-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}", *paths])
    if ran.code in (0, 1):
        for each in rows(json.loads(ran.out or "[]")):
            if UNTRUSTED in each["message"] and runner.has("zizmor"):
                continue  # which says it with how sure it is
            if not _is_made_later(each, runner.root):
                yield _complaint(each)
    elif len(paths) == 1:
        yield Unchecked(paths[0], f"actionlint broke on it: {(ran.err.strip() or str(ran.code)).splitlines()[0][:160]}")
    else:
        half = len(paths) // 2
        yield from _linted(paths[:half], runner)
        yield from _linted(paths[half:], runner)


def _is_made_later(each: dict[str, Any], root: str) -> bool:
    """Whether it speaks of what is not there yet as if it were."""
    message: str = each["message"]
    if BLANK.search(message):
        return True
    if "is not defined in object type {}" not in message and not message.startswith('"strategy" section is scalar'):
        return False
    source = read(root, os.path.normpath(each["filepath"]))
    return source is not None and MADE_LATER.search(source.text) is not None


def _complaint(each: dict[str, Any]) -> Finding:
    path, line, column = os.path.normpath(each["filepath"]), max(int(each["line"]), 1), max(int(each["column"]), 1)
    return Finding(path, line, column, "actionlint", each["kind"], _rank(each), each["message"][:400])


def _rank(each: dict[str, Any]) -> str:
    message: str = each["message"]
    if DATED.search(message):
        return INFO
    if each["kind"] == "runner-label":
        label = re.search(r'label "([^"]*)"', message)
        near = difflib.get_close_matches(label[1].lower(), HOSTED, n=1, cutoff=0.85) if label else []
        retired = label is not None and RETIRED.fullmatch(label[1]) is not None
        return ERROR if near or retired else INFO
    return WARNING if UNTRUSTED in message else ERROR


def _zizmor(sources: list[Source], runner: Runner) -> Iterator[Said]:
    for some in batches([source.path for source in sources if source.documents.fault is None], 100):
        yield from _audited(list(some), runner)


def _audited(paths: list[str], runner: Runner) -> Iterator[Said]:
    """Findings in the files; one that zizmor cannot load fails them all, so the others are tried apart."""
    if not paths:
        return
    argv = ["zizmor", "--offline", "--quiet", "--no-progress", "--format", "json-v1", *paths]
    ran = runner.run(argv, env={"RUST_BACKTRACE": "0"})
    if ran.code in (0, 11, 12, 13, 14) and ran.out.strip():
        yield from _security(json.loads(ran.out))
    elif len(paths) == 1:
        said = " ".join((ran.err or ran.out).split())[:200]
        yield Unchecked(paths[0], f"zizmor could not load it: {said or ran.code}")
    else:
        half = len(paths) // 2
        yield from _audited(paths[:half], runner)
        yield from _audited(paths[half:], runner)


ADVICE = frozenset({"unpinned-uses", "artipacked", "excessive-permissions", "cache-poisoning", "secrets-inherit", "secrets-outside-env", "overprovisioned-secrets", "ref-confusion", "stale-action-refs", "unpinned-images", "self-hosted-runner", "superfluous-actions", "concurrency-limits", "dependabot-cooldown", "archived-uses", "use-trusted-publishing", "misfeature", "anonymous-definition", "undocumented-permissions", "unpinned-tools", "ref-version-mismatch", "dangerous-triggers", "bot-conditions"})  # fmt: skip
"""Audits that most good workflows do not pass."""


def _security(found: list[dict[str, Any]]) -> Iterator[Said]:
    for each in found:
        primary = next((at for at in each["locations"] if at["symbolic"]["kind"] == "Primary"), each["locations"][0])
        start = primary["concrete"]["location"]["start_point"]
        key = table(primary["symbolic"]["key"].get("Local"))
        path = os.path.normpath(key.get("verbatim_path") or key.get("given_path") or "")
        said = f"{each['desc']}: {primary['symbolic']['annotation']}"
        trusted = each["ident"] == "template-injection" and only_inputs(primary["concrete"].get("feature", ""))
        rank = INFO if trusted else _gravity(each)
        yield Finding(path, start["row"] + 1, start["column"] + 1, "zizmor", each["ident"], rank, said[:400])


def only_inputs(feature: str) -> bool:
    """Whether what is expanded comes from inputs alone, which only who may start the workflow can set."""
    named = set(
        re.findall(r"\b(github\.event\.inputs|github\.[\w.]+|inputs|steps|needs|env|matrix|secrets|vars)\b", feature)
    )
    return bool(named) and named <= {"inputs", "github.event.inputs"}


def _gravity(each: dict[str, Any]) -> str:
    severe, sure = each["determinations"]["severity"], each["determinations"]["confidence"]
    if each["ident"] in ADVICE or severe in ("Informational", "Low", "Unknown") or sure == "Low":
        return INFO
    return ERROR if severe == "High" and sure == "High" else WARNING


SHELLS = {"bash": "bash", "sh": "sh"}
OF_EXPRESSIONS = frozenset({1091, 2043, 2050, 2078, 2153, 2154, 2157, 2193, 2194})
"""What shellcheck says of the words that stand for expressions."""

EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def _scripts(sources: list[Source], runner: Runner) -> Iterator[Said]:
    """The scripts of all files in one call; expressions become a word of the same length and the same lines."""
    runner.need("shellcheck")
    for start in range(0, len(sources), 25):
        with runner.scratch() as folder:
            places: dict[str, tuple[str, int, int]] = {}
            for source in sources[start : start + 25]:
                for shell, script, line, indent in _runs(source):
                    name = f"{len(places)}.{shell}"
                    places[name] = (source.path, line, indent)
                    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                        file.write(f"#!/bin/{shell}\n{EXPRESSION.sub(_word, script)}")
            for some in batches(sorted(places), 200):
                yield from _complaints(comments(runner, list(some), cwd=folder), places)


def _complaints(found: list[dict[str, Any]], places: dict[str, tuple[str, int, int]]) -> Iterator[Finding]:
    for each in found:
        if each["code"] in OF_EXPRESSIONS:
            continue
        path, line, indent = places[os.path.basename(each["file"])]
        at = max(line + each["line"] - 2, 1)
        said = f"in this script, line {max(each['line'] - 1, 1)}: {each['message']}"
        yield Finding(path, at, each["column"] + indent, "shellcheck", f"SC{each['code']}", severity(each), said)


def _word(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "x", found[0])


def _runs(source: Source) -> Iterator[tuple[str, str, int, int]]:
    """Each script of the file: shell, text, line of its first line, and how far it is indented."""
    if source.documents.fault is not None:
        return
    for document in source.documents.mappings():
        top = _shell(document.value)
        for name, job in table(document.value.get("jobs")).items():
            default = _shell(table(job)) or top or _by_runner(table(job))
            yield from _steps(source, document, table(job).get("steps"), ("jobs", name, "steps"), default)
        runs = table(document.value.get("runs"))
        yield from _steps(source, document, runs.get("steps"), ("runs", "steps"), "bash")


def _steps(
    source: Source, document: Document, steps: Any, path: tuple[Any, ...], default: str
) -> Iterator[tuple[str, str, int, int]]:
    for number, step in enumerate(rows(steps)):
        script = table(step).get("run")
        if not isinstance(script, str):
            continue
        shell = SHELLS.get(
            str(table(step).get("shell", default)).split()[0] if table(step).get("shell", default) else ""
        )
        if shell is None:
            continue
        place = document.place((*path, number, "run"))
        block = re.search(r"run['\"]?\s*:\s*[|>][-+0-9]*\s*(?:#.*)?$", source.lines[place.line - 1]) is not None
        line = place.line + 1 if block else place.line
        first = source.lines[line - 1] if block and line <= len(source.lines) else ""
        indent = len(first) - len(first.lstrip()) if block else place.column + 4
        yield shell, script, line, indent


def _shell(value: dict[Any, Any]) -> str:
    return str(table(table(value.get("defaults")).get("run")).get("shell", ""))


def _by_runner(job: dict[Any, Any]) -> str:
    """The shell that runners use unless told otherwise; none where the runner may be Windows."""
    runner = str(job.get("runs-on", ""))
    return "" if "windows" in runner.lower() or "${{" in runner else "bash"


BOTH = frozenset({"github-workflow"})
VALIDATORS = (
    Validator("actionlint", BOTH, _actionlint, instead_of=("workflow-references",)),
    Validator("zizmor", BOTH | {"github-action", "dependabot"}, _zizmor),
    Validator("shellcheck-run", BOTH | {"github-action"}, _scripts),
)
