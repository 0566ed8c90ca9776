"""`validators`: they find nothing in what was written that was not there before."""

from agency_evals.finished import Finished
from agency_evals.globs import matching
from agency_evals.results import Evidence, Score
from agency_evals.scorer_file import Validators, name_of
from agency_evals.scorers.verdict import asserted, unscored
from agency_evals.verifier import bench
from agency_tools.validators import Checker, Report


async def score(spec: Validators, finished: Finished) -> Score:
    """Passed where at least one ran and none found anything. Raises WorkspaceError where no sandbox can be started."""
    name = name_of(spec)
    paths = matching(finished.after, spec.files) if spec.files else finished.written
    if not paths:
        return unscored(name, "nothing was written that could be checked")
    async with bench(finished, base=True) as box:
        report = await Checker(box.workspace).check(paths, slow=True, least=spec.severity, base="HEAD")
    return reported(name, spec, report)


def reported(name: str, spec: Validators, report: Report) -> Score:
    """The report as a score; a validator that could not run is named, and one that was required makes it unscored."""
    problems = [str(finding) for finding in report.findings if finding.rule not in spec.allow]
    if problems:
        return asserted(name, problems)
    ran = [each.name for each in report.validators if each.outcome != "not_run"]
    idle = [f"{each.name} was not run: {each.why}" for each in report.validators if each.outcome == "not_run"]
    wanting = [each for each in spec.require if each not in ran]
    if wanting or not ran:
        why = f"not run: {', '.join(wanting)}" if wanting else "no validator ran"
        return unscored(name, "\n".join([why, *idle]))
    said = "\n".join([f"ran: {', '.join(ran)}", *idle])
    return Score(scorer=name, value=True, outcome="passed", evidence=Evidence(excerpt=said))
