"""The committed baseline: how each case stood when somebody last said "that is how it shall be".

One line a case and epoch, sorted, so that a change of it reads well in a review and merges well.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agency_evals.results import Run
from agency_evals.run_folder import write_whole
from agency_evals.standing import Key, Standing, standings
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError

FORMAT = "agency-eval-baseline/1"
STANDINGS: TypeAdapter[list[Standing]] = TypeAdapter(list[Standing])


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an update did to the baseline."""

    added: Sequence[Key] = ()
    altered: Sequence[Key] = ()
    removed: Sequence[Key] = ()
    entries: Sequence[Standing] = field(default_factory=tuple[Standing, ...])

    def __str__(self) -> str:
        return f"{len(self.added)} added, {len(self.altered)} altered, {len(self.removed)} removed"


def read_baseline(path: Path) -> list[Standing]:
    """A baseline's entries. Raises UsageError that names what is wrong with the file."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read this baseline: {error.strerror}; --update-baseline makes one") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    given = json_object(value)
    if given.get("format") != FORMAT:
        raise UsageError(f"{path}: not a baseline: it does not say {FORMAT!r}; --update-baseline makes one")
    return parsed(path, given.get("cases"))


def parsed(path: Path, cases: object) -> list[Standing]:
    """Entries out of JSON. Raises UsageError naming file and entry, also where two have one name."""
    try:
        found = STANDINGS.validate_python(cases)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}: cases.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    keys = [each.key for each in found]
    twice = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
    if twice:
        raise UsageError(f"{path}: {twice[0]} stands twice for epoch {twice[1]}; remove one of them")
    return found


def write_baseline(path: Path, entries: Iterable[Standing]) -> None:
    """Write the file whole. Raises UsageError where that cannot be."""
    lines = [json.dumps(entry(each), ensure_ascii=False) for each in sorted(entries, key=lambda each: each.key)]
    text = f'{{\n"format": "{FORMAT}",\n"cases": [\n' + ",\n".join(lines) + "\n]\n}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"{path}: cannot write the baseline: {error.strerror or error}") from error


def entry(standing: Standing) -> dict[str, Any]:
    """One entry's JSON; what is as usual is left out."""
    usual = {"epoch": 1, "digest": "", "expected": "passed"}
    value: dict[str, Any] = {
        "id": standing.id,
        "epoch": standing.epoch,
        "outcome": standing.outcome,
        "expected": standing.expected,
        "scores": dict(sorted(standing.scores.items())),
        "digest": standing.digest,
    }
    return {name: found for name, found in value.items() if usual.get(name) != found}


def updated(old: Sequence[Standing], run: Run, *, whole: bool) -> Change:
    """The baseline with a run's results in it; those not in the run stay unless the run was of the `whole` suite.

    Raises UsageError where a result is no finding: an error or an unscored case is nothing to hold a later run to.
    """
    fresh = {each.key: each for each in standings(run)}
    unfit = [each for each in fresh.values() if each.outcome in ("error", "unscored")]
    if unfit:
        raise UsageError(
            f"the baseline is left as it was: {', '.join(f'{each.id} is {each.outcome}' for each in unfit[:5])}"
            f"{' and others' if len(unfit) > 5 else ''}; run them again with --failed-from {run.id}"
        )
    before = {each.key: each for each in old}
    removed = [key for key in before if whole and key not in fresh]
    entries = {key: each for key, each in {**before, **fresh}.items() if key not in removed}
    return Change(
        added=[key for key in fresh if key not in before],
        altered=[key for key in fresh if key in before and before[key] != fresh[key]],
        removed=removed,
        entries=tuple(entries.values()),
    )
