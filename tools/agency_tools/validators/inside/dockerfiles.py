"""Dockerfiles by hadolint."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .running import batches
from .values import ERROR, INFO, WARNING, Finding, NotRun, Said, Source, Validator

if TYPE_CHECKING:
    from .running import Runner

HEREDOC = re.compile(r"^\s*(?:RUN|COPY|ADD)\b.*?<<-?\s*([\"']?)(\w+)\1", re.IGNORECASE)
SERIOUS = {"DL1000", "DL3011", "DL3012", "DL3021", "DL3023", "DL3024", "DL3043", "DL3044", "DL3061", "DL4004"}
"""What does not build, or not what was meant; the rest of hadolint's rules are advice."""

DOUBTFUL = {"DL3000", "DL3004", "DL3007", "DL3026", "DL4003"}
"""What builds and is probably not wanted."""


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    by_path = {source.path: source for source in sources}
    with runner.scratch() as folder:
        given = {_given(source, folder, number): source.path for number, source in enumerate(sources)}
        for some in batches(list(given), 200):
            ran = runner.run(["hadolint", "--no-fail", "--format", "json", *some])
            if ran.code != 0 or not ran.out.strip():
                raise NotRun(f"hadolint failed: {ran.err.strip()[-200:] or ran.code}")
            for each in json.loads(ran.out):
                yield _said(by_path[given[each["file"]]], each)


def _given(source: Source, folder: str, number: int) -> str:
    """The file to give to hadolint: one with here-documents, which it cannot read, with their bodies emptied."""
    if not any(HEREDOC.match(line) for line in source.lines):
        return f"./{source.path}"
    path = os.path.join(folder, f"{number}.Dockerfile")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(without_bodies(source.lines)) + "\n")
    return path


def without_bodies(lines: list[str]) -> list[str]:
    """As many lines, with here-documents reduced to instructions that hadolint reads."""
    kept: list[str] = []
    end = ""
    for line in lines:
        opened = HEREDOC.match(line)
        if end:
            kept.append("#")
            end = "" if line.strip() == end else end
        elif opened:
            kept.append("RUN true" if line.lstrip().upper().startswith("RUN") else "#")
            end = opened[2]
        else:
            kept.append(line)
    return kept


def _said(source: Source, each: dict[str, str]) -> Finding:
    message = " ".join(each["message"].split())[:300]
    line, column = max(int(each["line"]), 1), max(int(each["column"]), 1)
    return Finding(source.path, line, column, "hadolint", each["code"], _severity(each), message)


def _severity(each: dict[str, str]) -> str:
    code = each["code"]
    if code in SERIOUS or (code.startswith("SC") and each["level"] == "error"):
        return ERROR
    return WARNING if code in DOUBTFUL else INFO


VALIDATORS = (Validator("hadolint", frozenset({"dockerfile"}), _check),)
