"""`tests`: the case's own tests, in a fresh sandbox, after everything of the agent's is dead."""

import secrets
from dataclasses import replace

from agency_evals.absence import Absence, said_in
from agency_evals.case import Case
from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.scorer_file import Tests, name_of
from agency_evals.scorers.rewards import counts_of, reported, rewarded
from agency_evals.scorers.verdict import unscored
from agency_evals.task_file import resolved
from agency_evals.verifier import Bench, Done, bench, quoted, stood_in
from agency_tools.workspace import ROOT

PYTEST = "agency-python -P -m pytest -c /dev/null --rootdir /tests --confcutdir /tests -p no:cacheprovider -rA -q"
SHIM = 'pytest() { agency-python -P -m pytest -p no:cacheprovider "$@"; }; export -f pytest; '
AT_HOME = 'mkdir -p "$HOME/.local/bin" && : > "$HOME/.local/bin/env"; '  # what uv's installer would leave to be sourced
FINDS = (
    "import importlib.util as u, sys\nfor name in sys.argv[1:]:\n"
    "    try: there = u.find_spec(name)\n    except (ImportError, ValueError): there = None\n"
    "    if there is None: print(name)"
)


async def score(spec: Tests, finished: Finished) -> Score:
    """The reward; passed where it is 1. Raises WorkspaceError where no sandbox can be started."""
    name, case = name_of(spec), finished.case
    seconds = spec.timeout_sec or case.task.verifier.timeout_sec
    if case.test_script is None and case.tests is None:
        return unscored(name, "there is nothing to run: neither tests/test.sh nor tests/test_outputs.py is there")
    async with bench(finished, tests=True) as box:
        if absent := await _missing(case.agency.requires, box):
            return unscored(name, f"not in the sandbox, and the tests need it: {absent}")
        found, output = await (_script if case.test_script else _pytest)(name, case, box, seconds)
        return found if found.outcome == "passed" else await _explained(found, output, finished, box)


async def _missing(programs: tuple[str, ...], box: Bench) -> str:
    """Those of the programs that the sandbox has not, in words."""
    if not programs:
        return ""
    works = 'command -v "$name" >/dev/null && { [ "$name" != agency-python ] || agency-python -c pass 2>/dev/null; }'
    loop = f'for name in {quoted(*programs)}; do {works} || echo "$name"; done'
    return ", ".join((await box.run(loop, seconds=30)).output.split())


async def _explained(found: Score, output: str, finished: Finished, box: Bench) -> Score:
    """The score, or none where the tests or the solution called what no agent could have brought."""
    case = finished.case
    who, said = "the tests", said_in(output, case)
    if not case.task.public:
        said = Absence(programs=said.programs & {"agency-python"})  # a case of ours names what it requires
    absent = await _truly(said, box)
    if not absent and finished.agent == "oracle" and case.task.public:
        who, said = "the solution", said_in("\n".join(call.text for call in finished.calls), case)
        absent = await _truly(said, box)
    if not absent:
        return found
    evidence = found.evidence
    whole = f"not in the sandbox, and {who} need{'s' * (who != 'the tests')} it: {absent}"
    return unscored(
        found.scorer, f"{whole}\n{evidence.excerpt if evidence else ''}".strip(),
        command=evidence.command if evidence else None, exit_code=evidence.exit_code if evidence else None,
    )  # fmt: skip


async def _truly(said: Absence, box: Bench) -> str:
    """Those that the sandbox indeed has not; in words."""
    programs = [name for name in (await _missing(tuple(sorted(said.programs)), box)).split(", ") if name]
    programs += said.other
    if not said.modules:
        return ", ".join(programs)
    names = sorted(name for name in said.modules)
    modules = (await box.run(f"agency-python -P -c {quoted(FINDS)} {quoted(*names)}", seconds=30)).output.split()
    return ", ".join([*programs, *(name for name in modules if name in names)])


async def _script(name: str, case: Case, box: Bench, seconds: float) -> tuple[Score, str]:
    """Run the script; the reward it writes, else pytest's reports, else pytest itself on test_outputs.py."""
    script, prefix = case.test_script, secrets.token_hex(8)
    assert script is not None
    (box.logs / script.name).write_bytes(script.read_bytes())
    inside = f"/tests/{script.relative_to(case.tests)}" if case.tests and script.is_relative_to(case.tests) else ""
    shown = quoted("bash", inside or f"/logs/{script.name}")
    env = {
        "TEST_DIR": "/tests",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AGENCY_REPORT": prefix,
        **resolved(case.task.verifier.env),
    }
    there = f"cd {quoted(box.start)} && " if box.start != ROOT else ""
    done = await box.run((AT_HOME if stood_in(case) else SHIM) + there + shown, seconds=seconds, env=env)
    said = "".join(f"\nagency: not in the sandbox: {each}" for each in (box.log("absent") or "").split())
    text, numbers, reports = box.log("verifier/reward.txt"), box.log("verifier/reward.json"), box.logs_of(prefix)
    if text is None and numbers is None and not done.overdue:
        if reports and not inside:
            return reported(name, shown, replace(done, exit_code=0), reports), done.output + said
        if case.tests and (case.tests / "test_outputs.py").is_file() and stood_in(case):
            return await _pytest(name, case, box, seconds)
        if not inside:
            return unscored(
                name, f"{script.name} gives neither a reward nor a report of pytest's\n{done.excerpt}"
            ), done.output
    found = rewarded(name, done, text, numbers, command=shown, public=case.task.public)
    counts = counts_of(reports)
    if found.outcome == "passed" and counts and counts.skipped:
        return unscored(
            name, f"{counts.skipped} of {counts.tests} tests were skipped\n{done.excerpt}", command=shown
        ), ""
    return found, done.output + said


async def _pytest(name: str, case: Case, box: Bench, seconds: float) -> tuple[Score, str]:
    """pytest's own report, under a name that nothing under test can know."""
    report = f"{secrets.token_hex(8)}.xml"
    target = "/tests/test_outputs.py" if case.tests and (case.tests / "test_outputs.py").is_file() else "/tests"
    command = f"{PYTEST} {target}"
    env = {"PYTHONDONTWRITEBYTECODE": "1", "TEST_DIR": "/tests", **resolved(case.task.verifier.env)}
    done: Done = await box.run(f"{command} --junitxml=/logs/{report}", seconds=seconds, env=env)
    found = box.log(report)
    return reported(name, command, done, [found] if found else []), done.output
