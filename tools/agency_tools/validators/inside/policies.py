"""checkov's policies for Terraform, CloudFormation, Kubernetes and Dockerfiles: what works, and is dangerous all the same.

It runs in a Python of its own, since its libraries are other versions than ours, over copies of the files, so that a
configuration or plug-in of its own that lies in the tree does not speak.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .policy_table import severity
from .running import Runner, batches
from .values import Finding, NotRun, Said, Source, Unchecked, Validator, read

if TYPE_CHECKING:
    from .running import Ran

NAME = "checkov"
PYTHON = "agency-policies"
WORK = 40
"""Seconds of processor time for all files of one check; what is left then was not run."""

PATIENCE = 150.0
"""Seconds that this may take on a machine that is busy with other things."""

FRAMEWORKS = {
    "dockerfile": "dockerfile",
    "kubernetes": "kubernetes",
    "cloudformation": "cloudformation",
    "terraform": "terraform",
}
"""By kind of file, in the order in which they are checked: the quick ones first."""

BATCH = 40
SETTINGS = {"CHECKOV_PARALLELIZATION_TYPE": "none", "LOG_LEVEL": "CRITICAL", "PYTHONDONTWRITEBYTECODE": "1"}
"""The other validators have the second core, and one process is ended more surely than many."""

Batch = tuple[str, list[str]]


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    if not runner.has(PYTHON):
        raise NotRun(f"{NAME} is not in this sandbox")
    with runner.scratch() as folder:
        names, wanted = _placed(sources, os.path.join(folder, "tree"))
        said, late = _answers(wanted, folder, Runner(runner.root, patience=PATIENCE))
        yield from _judged(said, names)
        done = {name for each in said for name in each["files"]}
        for name in sorted(set(names) - done):
            yield Unchecked(names[name], late)


def _placed(sources: list[Source], tree: str) -> tuple[dict[str, str], list[Batch]]:
    """Copies by their names, each with the path it stands for, and how they are checked: a Terraform module at once,
    with its files that were not asked for, whose values the others use."""
    names: dict[str, str] = {}
    wanted: list[Batch] = []
    for kind, framework in FRAMEWORKS.items():
        mine = [source for source in sources if kind in source.kinds]
        given = {_copied(source, kind, number, tree): source.path for number, source in enumerate(mine)}
        names |= given
        if kind == "terraform":
            wanted += [(framework, some) for some in _modules(mine, given, tree)]
        else:
            wanted += [(framework, list(some)) for some in batches(list(given), BATCH)]
    return names, wanted


def _copied(source: Source, kind: str, number: int, tree: str) -> str:
    """The copy's name below the tree, by which checkov knows what it is."""
    name = source.path
    if kind == "dockerfile":
        name = f"{number}/Dockerfile"
    elif kind == "terraform" and not name.endswith(".tf"):
        name = f"{name}.tf"
    elif kind != "terraform" and not name.endswith((".json", ".yaml", ".yml")):
        name = f"{name}.yaml"
    name = os.path.join(kind, name)
    _write(os.path.join(tree, name), source.text)
    return name


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _modules(sources: list[Source], given: dict[str, str], tree: str) -> Iterator[list[str]]:
    """The copies of each module's files."""
    folders = {source.folder: source.root for source in sources}
    for folder, root in sorted(folders.items()):
        names = [name for name, path in given.items() if path.rpartition("/")[0] == folder]
        yield [*names, *_beside(folder, root, set(given.values()), tree)]


def _beside(folder: str, root: str, known: set[str], tree: str) -> Iterator[str]:
    for name in sorted(os.listdir(os.path.join(root, folder))):
        path = f"{folder}/{name}" if folder else name
        if name.endswith((".tf", ".tofu")) and path not in known:
            source = read(root, path)
            if source is not None:
                yield _copied(source, "terraform", 0, tree)


def _answers(wanted: list[Batch], folder: str, runner: Runner) -> tuple[list[dict[str, Any]], str]:
    """What each batch came to, as far as there was time, and why the others came to nothing."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policies_run.py")
    answers = os.path.join(folder, "answers")
    why = f"{NAME} took longer than {runner.patience:g} s{BEFORE}"
    try:
        argv = [PYTHON, "-I", script, os.path.join(folder, "tree"), answers, str(WORK)]
        why = _broken(runner.run(argv, given=json.dumps(wanted), env=SETTINGS)) or why
    except NotRun:
        pass  # overdue: what it answered so far counts
    try:
        with open(answers, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[:-1]], why
    except OSError:
        raise NotRun(why.removesuffix(BEFORE)) from None


BEFORE = " for the files before it"


def _broken(ran: Ran) -> str:
    if ran.code == -signal.SIGXCPU:
        return f"{NAME} took longer than {WORK} s of processor time{BEFORE}"
    said = ran.err.strip().splitlines() or [f"exit code {ran.code}"]
    return f"{NAME} failed: {said[-1][:200]}" if ran.code != 0 else ""


def _judged(said: Iterable[dict[str, Any]], names: dict[str, str]) -> Iterator[Said]:
    """Findings in the files that were asked for, and the files that checkov could not judge."""
    for each in said:
        for name in each["files"] if "problem" in each else each["unread"]:
            if name in names:
                yield Unchecked(names[name], f"{NAME} could not judge it: {each.get('problem', 'it cannot read it')}")
        for name, line, check, title, resource in each.get("failed", ()):
            if name in names:
                what = resource.partition(f"/{name}.")[2] or resource if name.endswith("/Dockerfile") else resource
                text = " ".join(f"{what}: {title}".split())[:300].removeprefix(": ")
                yield Finding(names[name], max(int(line), 1), 1, NAME, check, severity(check), text)


VALIDATORS = (Validator(NAME, frozenset(FRAMEWORKS), _check, slow=True),)
