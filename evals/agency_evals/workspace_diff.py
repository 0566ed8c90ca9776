"""What an attempt changed, as a unified diff: the files the run's folder keeps against the case's own workspace."""

import difflib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from agency_evals.case import find_cases
from agency_evals.finished import counts
from agency_evals.fixture import fixture_digest, laid_out
from agency_evals.kept_tree import Kept, read_kept
from agency_evals.results import CaseResult
from agency_evals.tree import Entry, Tree, read_tree
from agency_tools.errors import UsageError

LARGEST = 200_000  # characters of a file that is compared

Workspaces = Callable[[str], tuple[str, Tree]]
"""A case's workspace by the case's id: its digest and its files; an empty digest where the case is not there any more."""

NOTHING: Tree = {}


@cache
def workspace(case_id: str) -> tuple[str, Tree]:
    """As the agent finds it; laid out once for each case."""
    try:
        (case,) = find_cases([case_id])
        with laid_out(case) as fixture:
            return fixture_digest(case), read_tree(fixture.root)
    except UsageError:
        return "", {}


def diff_of(result: CaseResult, folder: Path, workspaces: Workspaces = workspace) -> str:
    """The diff; empty where the folder keeps no files. Of a workspace that is another by now only what was written."""
    try:
        kept = read_kept(folder / (result.workspace or "-"))
    except UsageError:
        return ""
    return "\n".join(_lines(kept, result, workspaces)) if kept else ""


def _lines(kept: Kept, result: CaseResult, workspaces: Workspaces) -> Iterator[str]:
    digest, tree = workspaces(result.case)
    before = tree if digest == kept.fixture else NOTHING
    for path, entry in sorted(kept.left.changed.items()):
        if counts(path, entry):
            yield from _file(path, before.get(path), entry)
    for path in kept.left.deleted:
        if path not in before or counts(path, before[path]):
            yield from _file(path, before.get(path), None)


def _file(path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    if new and old and old.executable != new.executable:
        yield from (f"--- a/{path}", f"+++ b/{path}", f"@@ {'now' if new.executable else 'no longer'} executable @@")
    before, after = _text(old), _text(new)
    names = f"a/{path}" if old or not new else "/dev/null", f"b/{path}" if new else "/dev/null"
    yield from difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=3)
    if new is None and not before:
        yield from (f"--- a/{path}", "+++ /dev/null")


def _text(entry: Entry | None) -> str:
    """A file's text; a word in its place for what is none."""
    if entry is None:
        return ""
    if entry.kind == "link":
        return f"(a link to {entry.text})"
    if entry.large or len(entry.content) > LARGEST or b"\0" in entry.content[:8000]:
        return f"({len(entry.content):,} bytes that are not shown)"
    return entry.text
