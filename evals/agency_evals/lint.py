"""Linting a case: what is wrong or doubtful about it, found by reading alone."""

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from agency_evals.case import Case, read_case
from agency_evals.fixture import public, recipe_of
from agency_evals.scorer_file import Documents, Manifests, ScorerFile, Terraform, Tests, Workflow, name_of
from agency_evals.task_file import Task
from agency_tools.errors import UsageError

Severity = Literal["error", "warning"]
INSTALLS = re.compile(
    r"^[^#\n]*\b(apt-get|apt|apk|dnf|yum) (-\S+ )*(install|add|update)\b|^[^#\n]*\b(uv|pip3?|npm|cargo|go|gem) (-\S+ )*install\b"
    r"|^[^#\n]*\buvx?\b.* -w |^[^#\n]*\buv add\b",
    re.MULTILINE,
)
FETCHES = re.compile(r"^[^#\n]*\b(curl|wget|git clone)\b", re.MULTILINE)
WAITS = re.compile(r"^[^#\n]*\btime\.(time|perf_counter|monotonic)\(\).*[<>]", re.MULTILINE)
TESTS_COPIED = re.compile(r"^\s*(COPY|ADD)\s+.*\b(tests|solution)\b", re.MULTILINE | re.IGNORECASE)
UNPINNED = re.compile(r"^\s*FROM\s+(?!scratch\b)(\S+)", re.MULTILINE | re.IGNORECASE)
ROOT = re.compile(r"^\s*USER\s+(root|0)\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing found: where, by which rule, how bad."""

    path: str
    rule: str
    severity: Severity
    message: str

    def json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.path}: {self.severity}: {self.message} [{self.rule}]"


def schema(name: Literal["task", "scorers"]) -> dict[str, Any]:
    """The JSON schema of task.toml or scorers.yaml."""
    return Task.model_json_schema() if name == "task" else ScorerFile.model_json_schema()


def lint(folder: Path) -> tuple[Finding, ...]:
    """Everything found about the case in this folder; a case that cannot be read is one finding."""
    try:
        case = read_case(folder)
    except UsageError as error:
        return (Finding(path=str(folder), rule="schema", severity="error", message=str(error)),)
    return tuple(finding for rule in RULES for finding in rule(case))


def _notes(case: Case) -> Iterator[Finding]:
    for note in case.notes:
        yield Finding(path=str(case.folder / "task.toml"), rule="unknown-key", severity="warning", message=note)


def _agents(case: Case) -> Iterator[Finding]:
    if case.solution is None:
        yield _found(
            case, "solution/solve.sh", "no-solution", "there is none, so that nobody knows the case can be solved"
        )
    if case.agency.command == "implement" and not case.agency.plan:
        yield _found(case, "task.toml", "no-plan", "`implement` needs [agency] plan, the plan's path in the workspace")
    for name in case.agency.recordings:
        if name not in case.recordings:
            yield _found(
                case, "task.toml", "no-recording", f"names recording {name!r}, but recordings/{name}.jsonl is not there"
            )
    outcomes = {case.expected(name) for name in case.recordings}
    if case.task.agency and outcomes != {"passed", "failed"}:
        said = "one recording that passes and one that fails show that the scorers tell them apart"
        yield _found(case, "recordings", "one-sided", said, "warning")


def _verifier(case: Case) -> Iterator[Finding]:
    """What makes a verdict depend on the network, on the clock or on the agent."""
    if any(isinstance(spec, Tests) for spec in case.scorers) and case.tests is None and case.test_script is None:
        yield _found(
            case,
            "tests",
            "no-tests",
            "the scorer `tests` has nothing to run: add tests/test.sh or tests/test_outputs.py",
        )
    for path in _texts(case.tests, case.test_script):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = path.relative_to(case.folder).as_posix()
        if path.suffix == ".sh" and INSTALLS.search(text):
            said = "installs packages, but a verifier has no network; pytest and PyYAML are there"
            severity: Severity = "warning" if (case.folder / "tests" / "test_outputs.py").is_file() else "error"
            yield _found(case, name, "installs-in-verifier", said, severity)
        elif FETCHES.search(text) and path.suffix == ".sh":
            yield _found(case, name, "network-in-verifier", "fetches from the network, which a verifier does not have")
        if WAITS.search(text):
            yield _found(case, name, "wall-clock", "a verdict seems to depend on the time something takes", "warning")


def _image(case: Case) -> Iterator[Finding]:
    """What of a public task's image cannot be had here, found by making its files."""
    if recipe_of(case) is None:
        return
    with tempfile.TemporaryDirectory(prefix="agency-lint-") as folder:
        try:
            notes = public(case, Path(folder)).notes
        except UsageError as error:
            where, _, said = str(error).partition(": ")
            yield Finding(path=where, rule="needs-image", severity="error", message=f"{said}; the case cannot be run")
            return
    for note in notes:
        yield _found(case, "Dockerfile", "not-taken-over", note, "warning")


def _line_ends(case: Case) -> Iterator[Finding]:
    for path in (*_texts(case.tests, case.test_script), *_texts(None, case.solution)):
        if path.suffix == ".sh" and b"\r\n" in path.read_bytes():
            name = path.relative_to(case.folder).as_posix()
            yield _found(case, name, "line-ends", "its lines end in CR LF, which no shell bears: convert it to LF")


def _dockerfile(case: Case) -> Iterator[Finding]:
    path = recipe_of(case)
    if path is None:
        return
    text, name = path.read_text(encoding="utf-8", errors="replace"), path.relative_to(case.folder).as_posix()
    for image in UNPINNED.findall(text):
        if "@sha256:" not in image:
            yield _found(case, name, "unpinned-image", f"{image} is not pinned by digest", "warning")
    if TESTS_COPIED.search(text):
        yield _found(case, name, "tests-in-image", "copies tests or solution to where the agent can read them")
    if ROOT.search(text):
        yield _found(case, name, "root-agent", "the agent would be root; here it never is", "warning")


def _assertions(case: Case) -> Iterator[Finding]:
    """CEL that does not compile, and policies that are not there."""
    for spec in case.scorers:
        if not isinstance(spec, Documents | Manifests | Terraform | Workflow):
            continue
        for that in spec.that:
            if problem := _cel_problem(that.cel):
                yield _found(case, "scorers.yaml", "cel", f"{name_of(spec)}: {that.cel!r}: {problem}")
        for policy in getattr(spec, "policies", ()):
            if not (case.folder / "tests" / policy).is_file():
                yield _found(case, "scorers.yaml", "no-policy", f"{name_of(spec)}: tests/{policy} is not there")


def _cel_problem(text: str) -> str | None:
    from agency_evals.assertions import compiled

    try:
        compiled(text)
    except ValueError as error:
        return str(error)
    return None


def _links(case: Case) -> Iterator[Finding]:
    for path in case.folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(case.folder):
            name = path.relative_to(case.folder).as_posix()
            yield _found(case, name, "leaving-link", f"links to {path.readlink()}, outside the case", "warning")


def _texts(folder: Path | None, script: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in (".sh", ".py") and path.is_file())
    if script is not None and (folder is None or not script.is_relative_to(folder)):
        yield script


def _found(case: Case, name: str, rule: str, message: str, severity: Severity = "error") -> Finding:
    return Finding(path=str(case.folder / name), rule=rule, severity=severity, message=message)


RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    _notes,
    _agents,
    _verifier,
    _dockerfile,
    _image,
    _line_ends,
    _assertions,
    _links,
)
