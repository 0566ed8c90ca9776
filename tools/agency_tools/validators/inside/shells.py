"""Shell scripts by shellcheck."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .running import batches
from .values import ERROR, INFO, WARNING, Finding, NotRun, Said, Source, Validator

if TYPE_CHECKING:
    from .running import Runner

ADVICE = {1090, 1091, 2010, 2012, 2013, 2016, 2027, 2034, 2035, 2038, 2044, 2045, 2046, 2048, 2053, 2064, 2120, 2128, 2148, 2153, 2154, 2155, 2162, 2164, 2166, 2174, 2178, 2188, 2206, 2207, 2231, 2269, 3037, 3043, 3045}  # fmt: skip
"""Warnings that good scripts draw too often to stop anyone."""


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    for some in batches([source.path for source in sources], 100):
        for each in comments(runner, [f"./{path}" for path in some], cwd=runner.root):
            path = each["file"].removeprefix("./")
            yield Finding(path, each["line"], each["column"], "shellcheck", f"SC{each['code']}", severity(each), each["message"])  # fmt: skip


def severity(each: dict[str, Any]) -> str:
    """Shellcheck's level, with what is mere advice lowered."""
    if each["level"] == "error" and each["code"] not in ADVICE:
        return ERROR
    return WARNING if each["level"] == "warning" and each["code"] not in ADVICE else INFO


def comments(runner: Runner, files: Sequence[str], *, cwd: str, shell: str | None = None) -> list[dict[str, Any]]:
    """What shellcheck says of the files. Raises NotRun where it is absent or breaks."""
    options = [f"--shell={shell}"] if shell else []
    env = {"SHELLCHECK_OPTS": ""}
    ran = runner.run(["shellcheck", "--format=json1", *options, *files], cwd=cwd, env=env)
    if ran.code not in (0, 1):
        raise NotRun(f"shellcheck failed: {ran.err.strip()[-200:] or ran.code}")
    found: list[dict[str, Any]] = json.loads(ran.out)["comments"]
    return [each for each in found if os.path.basename(each["file"])]


VALIDATORS = (Validator("shellcheck", frozenset({"shell"}), _check),)
