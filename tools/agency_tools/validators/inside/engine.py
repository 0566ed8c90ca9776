"""One check: read the files, find out what they are, run what applies, and say each thing once."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

from .kinds import classify, forget_charts
from .policy_table import TWINS
from .registry import VALIDATORS
from .running import Runner
from .values import ERROR, Finding, NotRun, Source, Unchecked, Validator, read

SKIPPED = frozenset(
    {".git", ".terraform", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".tox", ".agency"}
)
"""Folders in which nothing is anybody's own work."""

WORKERS = 2
READERS = frozenset({"yamllint", "json"})
"""Where one of these says that a file cannot be read, what others say of it is its consequence."""

INDEPENDENT = READERS | {"detect-secrets"}

Pace = Literal["fast", "slow", "all"]
"""Which validators are asked: those that are quick, those that are not, or both."""


class Judged(NamedTuple):
    """What one validator came to."""

    name: str
    paths: list[str]
    findings: list[Finding]
    unchecked: list[Unchecked]
    why: str | None


def files_below(root: str, start: str = ".") -> list[str]:
    """The files that belong to the work: what git tracks or would, else whatever is there."""
    listed = _by_git(root, start)
    if listed is not None:
        return listed
    found: list[str] = []
    for folder, names, files in os.walk(os.path.join(root, start)):
        names[:] = sorted(name for name in names if name not in SKIPPED)
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(files)]
    return found


def _by_git(root: str, start: str) -> list[str] | None:
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", start]
    try:
        done = subprocess.run(argv, cwd=root, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return sorted(name for name in names if not SKIPPED & set(name.split("/")[:-1]))


def sources_of(root: str, paths: Iterable[str]) -> list[Source]:
    """The files that can be read as text, with their kinds."""
    forget_charts()
    found: list[Source] = []
    for path in paths:
        source = read(root, path)
        if source is not None:
            source.kinds = classify(source)
            found.append(source)
    return found


def check(root: str, sources: list[Source], pace: Pace) -> list[Judged]:
    """What each validator says of the files; those to which no file applies are left out."""
    runner = Runner(root)
    wanted = [
        (validator, mine)
        for validator in VALIDATORS
        if pace == "all" or validator.slow is (pace == "slow")
        if (mine := [source for source in sources if validator.kinds & source.kinds])
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        begun = {
            validator.name: pool.submit(_judge, validator, mine, runner)
            for validator, mine in sorted(wanted, key=lambda each: not each[0].slow)  # beside which the others run
        }
        judged = [begun[validator.name].result() for validator, _ in wanted]
    return deduplicated(judged)


def put_off(sources: list[Source]) -> list[str]:
    """The files to which a slow validator applies."""
    kinds = frozenset[str]().union(*(validator.kinds for validator in VALIDATORS if validator.slow))
    return [source.path for source in sources if kinds & source.kinds]


def _judge(validator: Validator, sources: list[Source], runner: Runner) -> Judged:
    findings: list[Finding] = []
    unchecked: list[Unchecked] = []
    why: str | None = None
    try:
        for said in validator.check(sources, runner):
            if isinstance(said, Finding):
                findings.append(said._replace(validator=validator.name))
            else:
                unchecked.append(said)
    except NotRun as problem:
        why = str(problem)
    except Exception as problem:  # one validator's fault must not take the others with it
        last = traceback.extract_tb(problem.__traceback__)[-1]
        why = f"{type(problem).__name__}: {problem} ({os.path.basename(last.filename)}:{last.lineno})"
    skipped = {each.path for each in unchecked}
    paths = sorted({source.path for source in sources} - skipped) if why is None else []
    return Judged(validator.name, paths, sorted(set(findings)), sorted(set(unchecked)), why)


def deduplicated(judged: list[Judged]) -> list[Judged]:
    """The same without what another validator says better of the same line, or what follows from a syntax error."""
    better = {
        name: [one.name for one in VALIDATORS if name in one.instead_of] for name in {each.name for each in judged}
    }
    lines = {
        each.name: {(found.path, found.line) for found in each.findings if found.severity == ERROR} for each in judged
    }
    no_lines = set[tuple[str, int]]()
    broken = {
        found.path for each in judged if each.name in READERS for found in each.findings if found.rule == "syntax"
    }
    said = {(each.name, found.rule, found.path) for each in judged for found in each.findings}
    kept = [
        _kept(each, no_lines.union(*(lines.get(name, no_lines) for name in better[each.name])), broken)
        for each in judged
    ]
    return [_once(each, said) for each in kept]


def _once(judged: Judged, said: set[tuple[str, str, str]]) -> Judged:
    """Without what the twin of a check has found in the same file."""
    findings = [found for found in judged.findings if found.rule not in TWINS or not _has_twin(found, said)]
    return judged._replace(findings=findings)


def _has_twin(found: Finding, said: set[tuple[str, str, str]]) -> bool:
    twin = TWINS[found.rule]
    return any(
        name == twin.validator and path == found.path and (not twin.rules or rule in twin.rules)
        for name, rule, path in said
    )


def _kept(judged: Judged, said_better: set[tuple[str, int]], broken: set[str]) -> Judged:
    consequences = set[str]() if judged.name in INDEPENDENT else broken
    findings = [
        found
        for found in judged.findings
        if (found.path, found.line) not in said_better and found.path not in consequences
    ]
    return judged._replace(findings=findings)


def told(judged: list[Judged]) -> dict[str, Any]:
    """As JSON goes out."""
    return {
        "validators": [
            {
                "name": each.name,
                "paths": each.paths,
                "why": each.why,
                "unchecked": [list(one) for one in each.unchecked],
            }
            for each in judged
        ],
        "findings": [list(found) for each in judged for found in each.findings],
    }
