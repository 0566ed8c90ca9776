"""`rollback`: a rollback that works when it is run."""

from agency_evals.finished import Finished
from agency_evals.results import Evidence, Score
from agency_evals.scorer_file import Rollback, name_of
from agency_evals.scorers.verdict import broken, unscored
from agency_evals.verifier import bench


async def score(spec: Rollback, finished: Finished) -> Score:
    """Passed where the command ends with exit code 0. Raises WorkspaceError where no sandbox can be started."""
    name = name_of(spec)
    async with bench(finished, tests=True) as box:
        done = await box.run(spec.command, seconds=spec.timeout_sec)
    if done.overdue:
        return broken(name, f"it took longer than {spec.timeout_sec:g} s\n{done.excerpt}", command=spec.command)
    if done.exit_code == 127:
        return unscored(name, done.excerpt, command=spec.command, exit_code=127)
    evidence = Evidence(excerpt=done.excerpt, command=spec.command, exit_code=done.exit_code)
    worked = done.exit_code == 0
    return Score(scorer=name, value=worked, outcome="passed" if worked else "failed", evidence=evidence)
