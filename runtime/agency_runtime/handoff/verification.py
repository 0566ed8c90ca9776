"""Verifying a handoff: what is stored unaltered, the tree still what it says, and every cited check run once more."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agency_runtime.clean_copy import CleanCopy, clean_copy
from agency_runtime.end_checks import EndChecks
from agency_runtime.handoff.check import Check, in_short
from agency_runtime.handoff.elsewhere import checks_elsewhere
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.files import evidence_text, write_whole
from agency_runtime.handoff.markdown import cell, line
from agency_runtime.handoff.record import Evidence
from agency_runtime.handoff.rerun import Surroundings, run_again
from agency_runtime.handoff.state import sha256_of
from agency_runtime.handoff.stored import changes_of, executed, fault, stored_checks
from agency_runtime.repository import Repository
from agency_tools.errors import UsageError
from agency_tools.workspace import Layout

WHOLE = "evidence.json is there and whole"
STORED = "only what is stored was asked about"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Everything that was looked at. `passed` needs every check that ran to have passed."""

    feature: str
    persona: str
    folder: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.outcome != "failed" for check in self.checks)

    @property
    def words(self) -> str:
        """The verdict in words, with how many checks were not run."""
        left = sum(check.outcome == "not run" for check in self.checks)
        return ("passed" if self.passed else "failed") + (f"; {left} not run" if left else "")

    def json(self) -> dict[str, Any]:
        checks = [{"name": check.name, "outcome": check.outcome, "why": check.why} for check in self.checks]
        left = sum(check.outcome == "not run" for check in self.checks)
        return {
            "feature": self.feature,
            "persona": self.persona,
            "passed": self.passed,
            "not_run": left,
            "checks": checks,
        }


def verify(
    repository: Repository,
    feature: str,
    persona: str,
    *,
    where: Surroundings | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Verification:
    """Judge the handoff. Raises UsageError where there is none, WorkspaceError where a sandbox asked for is absent.

    where: the sandbox in which the cited checks run once more; without one they are not run. say: told of each command.
    """
    folder = repository.root / ".agency" / "handoff" / feature / persona
    handoffs = repository.root / ".agency" / "handoff"
    if folder.resolve().parent.parent != handoffs.resolve() or not _handed_off(folder):
        there = sorted(path.parent.name for path in handoffs.glob(f"*/{persona}") if _handed_off(path))
        hint = f"there are {', '.join(there)}" if there else "none has been written here"
        raise UsageError(f"no handoff {feature!r} of {persona} in {repository.root}; {hint}")
    checks = tuple(_checks(repository, folder, where, say))
    return Verification(feature=feature, persona=persona, folder=folder, checks=checks)


def _handed_off(folder: Path) -> bool:
    return (folder / "summary.md").is_file() or (folder / "evidence.json").is_file()


def _checks(
    repository: Repository, folder: Path, where: Surroundings | None, say: Callable[[str], object]
) -> Iterator[Check]:
    evidence, whole = _read(folder)
    yield whole
    if evidence is None:
        yield from checks_elsewhere(repository, folder)
        return
    yield from stored_checks(repository, folder, evidence)
    yield from (Check(name=check.check, not_run=check.why) for check in evidence.not_run)
    yield from (Check(name=check.name, not_run=check.why) for check in evidence.checks if check.outcome == "not run")
    yield from _once_more(repository, folder, evidence, where, say)


def _read(folder: Path) -> tuple[Evidence | None, Check]:
    """The evidence as its schema reads it, or why there is none."""
    sealed = sha256_of(folder.parent, folder.name).get("evidence.json")
    try:
        text = (folder / "evidence.json").read_text(encoding="utf-8")
        evidence = Evidence.model_validate(json.loads(text))
    except FileNotFoundError:
        if sealed is None:
            return None, Check(name=WHOLE, not_run="there is none: what summary.md says is judged by itself")
        return None, Check(name=WHOLE, faults=("it is gone: nothing backs what summary.md says",))
    except (ValueError, OSError) as error:  # pydantic's errors are ValueErrors
        return None, Check(name=WHOLE, faults=(f"it cannot be read: {in_short(error)}",))
    altered = () if text == evidence_text(evidence) else ("it was not written by this program",)
    return evidence, Check(name=WHOLE, faults=altered + _sealed(sealed, text))


def _sealed(sealed: str | None, text: str) -> tuple[str, ...]:
    found = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
    return () if sealed in (None, found) else ("it was altered: execution-state.json holds another digest of it",)


def _once_more(
    repository: Repository,
    folder: Path,
    evidence: Evidence,
    where: Surroundings | None,
    say: Callable[[str], object],
) -> Iterator[Check]:
    calls = executed(folder, evidence)
    if where is None:
        yield from (Check(name=_name(call.ref, call.command), not_run=STORED) for call in calls)
        return
    with clean_copy(repository) as copy:
        found = asyncio.run(run_again(copy, calls, changes_of(evidence), where, say))
        validators = asyncio.run(_validated(copy, evidence, where))
    yield from validators
    now = {again.call.ref: again for again in found}
    outputs = [replace(call, output=now[call.ref].output) if call.ref in now and now[call.ref].unsteady else call for call in calls]  # fmt: skip
    for again in found:
        name = _name(again.call.ref, again.call.command)
        if again.outcome == "not run":
            yield Check(name=name, not_run=again.why)
        elif again.unsteady:
            falls = [
                f"{claim.statement}: {reason}"
                for claim in evidence.claims
                if again.call.ref in {call.ref for call in claim.calls} and (reason := fault(claim, outputs, evidence))
            ]
            yield Check(name=name, faults=tuple(falls), note=UNSTEADY)
        else:
            yield Check(name=name, faults=(again.why,) if again.outcome == "failed" else ())


async def _validated(copy: CleanCopy, evidence: Evidence, where: Surroundings) -> list[Check]:
    """The validators that passed then, on the copy now."""
    passed = [check for check in evidence.checks if check.outcome == "passed"]
    if not passed:
        return []
    layout = Layout(repository=str(copy.repository.root), image=where.image)
    live = {check.name: check for check in await EndChecks(where.sandbox, layout).of(changes_of(evidence))}
    absent = live.get("validators")
    return [_against(check.name, live.get(check.name, absent)) for check in passed]


def _against(name: str, now: EndCheck | None) -> Check:
    name = f"validator {name} once more"
    if now is None:
        return Check(name=name, not_run="none of its files is there now")
    return Check(name=name, faults=now.findings if now.outcome == "failed" else (), not_run=now.why if now.outcome == "not run" else "")  # fmt: skip


UNSTEADY = "its output differs from run to run; its exit code is the same, and the claims that cite it stand on it"


def _name(ref: str, command: str) -> str:
    return f"{ref} once more: {command}"


def write_verification(result: Verification) -> Path:
    """Write verification.md beside the handoff; the same verdict is the same byte for byte."""
    rows = [f"| {cell(check.name)} | {check.outcome} | {cell(check.why)} |" for check in result.checks]
    head = [
        f"# Verification: {line(result.feature)}",
        "",
        f"Handoff of {line(result.persona)}. Verdict: **{result.words}**.",
    ]
    path = result.folder / "verification.md"
    write_whole(path, "\n".join([*head, "", "| Check | Outcome | Why |", "|---|---|---|", *rows]) + "\n")
    return path
