"""`tests`: the case's own tests, in a fresh sandbox, after everything of the agent's is dead."""

import json
import math
import re
import secrets
from xml.etree import ElementTree

from agency_evals.case import Case
from agency_evals.finished import Finished
from agency_evals.lint import INSTALLS
from agency_evals.results import Evidence, Score
from agency_evals.scorer_file import Tests, name_of
from agency_evals.scorers.verdict import broken, unscored
from agency_evals.verifier import Bench, Done, bench, quoted
from agency_runtime.wire import json_object

PYTEST = "agency-python -P -m pytest -c /dev/null --rootdir /tests --confcutdir /tests -p no:cacheprovider -rA -q"
SHIM = 'pytest() { agency-python -P -m pytest -p no:cacheprovider "$@"; }; export -f pytest; '
NO_PYTEST = re.compile(r"No module named '?pytest|agency-python: (?:command )?not found")


async def score(spec: Tests, finished: Finished) -> Score:
    """The reward; passed where it is 1. Raises WorkspaceError where no sandbox can be started."""
    name, case = name_of(spec), finished.case
    seconds = spec.timeout_sec or case.task.verifier.timeout_sec
    async with bench(finished, tests=True) as box:
        if absent := await _absent(case, box):
            return unscored(name, f"not in the sandbox, and the tests need it: {absent}")
        if case.test_script is None or by_pytest(case):
            return await _pytest(name, case, box, seconds)
        return await _script(name, case, box, seconds)


async def _absent(case: Case, box: Bench) -> str:
    """The programs that the case requires and the sandbox has not, in words."""
    wanted = case.agency.requires
    if not wanted:
        return ""
    loop = f'for name in {quoted(*wanted)}; do command -v "$name" >/dev/null || echo "$name"; done'
    return ", ".join((await box.run(loop, seconds=30)).output.split())


def by_pytest(case: Case) -> bool:
    """Whether pytest is run directly: the script would first install it, or is terminal-bench's, which scores nothing."""
    script, outputs = case.test_script, (case.tests / "test_outputs.py") if case.tests else None
    if script is None or outputs is None or not outputs.is_file():
        return False
    text = script.read_text(encoding="utf-8", errors="replace")
    return script.name == "run-tests.sh" or bool(INSTALLS.search(text)) or "uvx" in text


async def _script(name: str, case: Case, box: Bench, seconds: float) -> Score:
    script = case.test_script
    assert script is not None
    if case.tests is None or not script.is_relative_to(case.tests):
        return unscored(name, f"{script.name} writes no reward, and there is no tests/test_outputs.py to run instead")
    command = SHIM + quoted("bash", f"/tests/{script.relative_to(case.tests)}")
    done = await box.run(command, seconds=seconds, env=case.task.verifier.env)
    return rewarded(name, done, box.log("verifier/reward.txt"), box.log("verifier/reward.json"))


def rewarded(name: str, done: Done, text: str | None, numbers: str | None) -> Score:
    """The reward as a score; none, or one that is no number from 0 to 1, is an error of the verifier's."""
    evidence = Evidence(excerpt=done.excerpt, command=done.command.removeprefix(SHIM), exit_code=done.exit_code)
    if done.overdue:
        return broken(
            name, f"the tests took too long\n{done.excerpt}", command=evidence.command, exit_code=done.exit_code
        )
    try:
        found = _numbers(text, numbers)
    except ValueError as error:
        return broken(name, f"{error}\n{done.excerpt}", command=evidence.command, exit_code=done.exit_code)
    whole = all(value >= 1 for value in found.values())
    value = found.get("reward", min(found.values()))
    return Score(scorer=name, value=float(value), outcome="passed" if whole else "failed", evidence=evidence)


def _numbers(text: str | None, numbers: str | None) -> dict[str, float]:
    """The reward by name. Raises ValueError for what is none."""
    if numbers is not None:
        value = json_object(json.loads(numbers))
        if not value:
            raise ValueError("reward.json holds no object of numbers")
        return {str(key): _number(each) for key, each in value.items()}
    if text is None:
        raise ValueError("the tests wrote no reward to /logs/verifier/reward.txt")
    return {"reward": _number(text)}


def _number(given: object) -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(str(given))
    except ValueError:
        raise ValueError(f"the reward is {str(given)[:40]!r}, which is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"the reward is {value}, which is no number to reckon with")
    if not 0 <= value <= 1:
        raise ValueError(f"the reward is {value:g}; it must lie between 0 and 1")
    return value


async def _pytest(name: str, case: Case, box: Bench, seconds: float) -> Score:
    """pytest's own report, under a name that nothing under test can know."""
    report = f"{secrets.token_hex(8)}.xml"
    target = "/tests/test_outputs.py" if case.tests and (case.tests / "test_outputs.py").is_file() else "/tests"
    command = f"{PYTEST} {target}"
    env = {"PYTHONDONTWRITEBYTECODE": "1", "TEST_DIR": "/tests", **case.task.verifier.env}
    done = await box.run(f"{command} --junitxml=/logs/{report}", seconds=seconds, env=env)
    return reported(name, command, done, box.log(report))


def reported(name: str, command: str, done: Done, report: str | None) -> Score:
    """pytest's report as a score: the share of tests that passed; no test, or a skipped one, is never a pass."""
    if NO_PYTEST.search(done.output) and report is None:
        return unscored(name, "pytest is not in the sandbox; `agency image build` brings it", command=command)
    counts = _counts(report)
    evidence = Evidence(excerpt=done.excerpt, command=command, exit_code=done.exit_code)
    if done.overdue or counts is None:
        why = "the tests took too long" if done.overdue else "pytest gave no report"
        return broken(name, f"{why}\n{done.excerpt}", command=command, exit_code=done.exit_code)
    tests, passed, skipped = counts
    if tests == 0:
        return broken(name, f"no test was collected\n{done.excerpt}", command=command, exit_code=done.exit_code)
    value = passed / tests
    if skipped and passed + skipped == tests and done.exit_code == 0:
        return Score(scorer=name, value=value, outcome="unscored", evidence=evidence)
    whole = passed == tests and done.exit_code == 0
    return Score(scorer=name, value=value, outcome="passed" if whole else "failed", evidence=evidence)


def _counts(report: str | None) -> tuple[int, int, int] | None:
    """Tests, those that passed, and those that were skipped; an expected failure counts as skipped."""
    if report is None:
        return None
    try:
        cases = list(ElementTree.fromstring(report).iter("testcase"))
    except ElementTree.ParseError:
        return None
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    bad = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    return len(cases), len(cases) - skipped - bad, skipped
