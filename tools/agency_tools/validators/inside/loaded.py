"""Terraform modules as terraform loads them: what its `validate` says before it would ask a provider.

Nothing is installed for it, so its data folder is an empty one of ours and what it says of absent providers and modules
does not count.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .values import ERROR, Finding, NotRun, Said, Source, Unchecked, Validator, rows, table

if TYPE_CHECKING:
    from .running import Runner

NAME = "terraform-validate"
LONGEST = 20.0
"""Seconds for all modules of one check; what is left then was not run."""

NOT_HERE = frozenset(
    {"Module not installed", "Missing required provider", "Inconsistent dependency lock file", "Required plugins are not installed"}
)  # fmt: skip
"""What only says that nothing was installed."""

OTHER_VERSION = frozenset({"Unsupported Terraform Core version", "Unsupported OpenTofu Core version", "Module uses experimental features"})  # fmt: skip
UNKNOWN = frozenset({"Unsupported argument", "Unsupported block type"})
NAMED = re.compile(r"(?:named|type) \"([\w-]+)\"")
LATER = frozenset(
    {"action", "actions", "action_trigger", "const", "deprecated", "destroy", "enabled", "encryption", "ephemeral", "language", "list", "state_store", "store"}
)  # fmt: skip
"""Names that a later terraform or OpenTofu knows, and the one that is asked may not."""

FILLED_EARLY = re.compile(r"^(?:module|terraform|provider|backend)\b")
"""Blocks in which OpenTofu, and later terraform, take variables where older ones take literals alone."""


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    program = next((name for name in ("terraform", "tofu") if runner.has(name)), None)
    if program is None:
        raise NotRun("neither terraform nor tofu is in this sandbox")
    until = time.monotonic() + LONGEST
    with runner.scratch() as home:
        for folder in sorted({source.folder for source in sources}):
            mine = [source for source in sources if source.folder == folder]
            if time.monotonic() > until:
                yield from (Unchecked(source.path, f"no time was left after {LONGEST:g} s") for source in mine)
            else:
                yield from _module(program, folder, mine, home, runner)


def _module(program: str, folder: str, mine: list[Source], home: str, runner: Runner) -> Iterator[Said]:
    place = os.path.join(runner.root, folder)
    if program == "terraform" and any(name.endswith((".tofu", ".tofu.json")) for name in os.listdir(place)):
        yield from (Unchecked(source.path, "its module is for OpenTofu alone") for source in mine)
        return
    env = {
        "TF_DATA_DIR": os.path.join(home, "data"), "CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS": "",
        "TF_CLI_ARGS_validate": "", "TF_WORKSPACE": "default",
    }  # fmt: skip
    ran = runner.run([program, "validate", "-json", "-no-color"], cwd=place, env=env)
    try:
        said = [table(each) for each in rows(table(json.loads(ran.out)).get("diagnostics"))]
    except ValueError:
        yield from (Unchecked(source.path, f"{program} did not answer: {ran.err.strip()[-160:]}") for source in mine)
        return
    if any(each.get("summary") in OTHER_VERSION for each in said):
        yield from (Unchecked(source.path, f"its module is for another version of {program}") for source in mine)
        return
    yield from _faults(said, {source.name: source.path for source in mine})


def _faults(said: list[dict[str, Any]], paths: dict[str, str]) -> Iterator[Said]:
    """What counts of the diagnostics, in the files that were asked for."""
    early = {_line(each) for each in said if _is_filled_early(each)}
    for each in said:
        span = table(each.get("range"))
        path = paths.get(str(span.get("filename")))
        if each.get("severity") != "error" or path is None or _line(each) in early or not _counts(each):
            continue
        text = " ".join(f"{each.get('summary')}: {each.get('detail') or ''}".split()).removesuffix(":")
        start = table(span.get("start"))
        yield Finding(path, int(start.get("line", 1)), int(start.get("column", 1)), NAME, "load", ERROR, text[:300])


def _line(said: dict[str, Any]) -> tuple[Any, Any]:
    span = table(said.get("range"))
    return span.get("filename"), table(span.get("start")).get("line")


def _is_filled_early(said: dict[str, Any]) -> bool:
    context = str(table(said.get("snippet")).get("context") or "")
    by_tofu = said.get("summary") == "Reserved argument name in provider block" and "for_each" in str(
        said.get("detail")
    )
    return by_tofu or (said.get("summary") == "Variables not allowed" and FILLED_EARLY.match(context) is not None)


def _counts(said: dict[str, Any]) -> bool:
    named = NAMED.search(str(said.get("detail")))
    later = said.get("summary") in UNKNOWN and named is not None and named[1] in LATER
    return not later and said.get("summary") not in NOT_HERE


VALIDATORS = (Validator(NAME, frozenset({"terraform", "terraform-json"}), _check),)
