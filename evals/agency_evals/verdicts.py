"""Verdicts that are kept beside a recording: of scorers that execute something, and of a model's judgement.

Each stands under a digest of all it depends on (scorer, tests, files), so that none outlives what it was given on.
Format of `recordings/NAME.verdicts.json`: digest to score.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agency_evals.case import digest_of
from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.run_folder import write_whole
from agency_evals.scorer_file import AnySpec
from agency_evals.tree import tree_digest
from agency_runtime.recording import digest
from agency_tools.errors import UsageError

SCORES: TypeAdapter[dict[str, Score]] = TypeAdapter(dict[str, Score])


@dataclass(frozen=True)
class Verdicts:
    """The verdicts kept of one recording, and what of the attempt they depend on."""

    files: str = ""
    tests: str = ""
    scores: Mapping[str, Score] = field(default_factory=dict[str, Score])

    @staticmethod
    def of(finished: Finished) -> "Verdicts":
        """Those of this attempt's recording. Raises UsageError for a file that cannot be read."""
        files = tree_digest(
            {path: entry for path, entry in finished.after.items() if not path.startswith(".agency/handoff/")}
        )
        tests = digest_of(finished.case.tests) if finished.case.tests else ""
        return Verdicts(files, tests, read(finished.kept) if finished.kept else {})

    def key(self, spec: AnySpec) -> str:
        """The digest under which a scorer's verdict stands."""
        return digest([spec.model_dump(mode="json"), self.tests, self.files])

    def kept(self, spec: AnySpec) -> Score | None:
        """The verdict on exactly these files by exactly this scorer, marked as taken over; None where there is none."""
        found = self.scores.get(self.key(spec))
        return replace(found, recorded=True) if found else None


def verdicts_path(recording: Path) -> Path:
    """Where a recording's verdicts lie."""
    return recording.with_suffix(".verdicts.json")


def read(path: Path) -> dict[str, Score]:
    """The verdicts of a file; none where there is no file. Raises UsageError for one that cannot be read."""
    if not path.is_file():
        return {}
    try:
        return SCORES.validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(
            f"{path}: not verdicts ({error.errors()[0]['msg']}); remove it and record them again"
        ) from error


def write(path: Path, scores: Mapping[str, Score]) -> None:
    """Keep these verdicts and no others."""
    write_whole(path, json.dumps(SCORES.dump_python(dict(scores), mode="json"), indent=1, ensure_ascii=False) + "\n")
