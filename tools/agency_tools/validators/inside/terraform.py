"""Terraform and OpenTofu: syntax and formatting by their own `fmt`, references between the files of a module by ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .values import ERROR, INFO, Finding, NotRun, Said, Source, Unchecked, Validator, library

if TYPE_CHECKING:
    from .running import Runner

DIAGNOSTIC = re.compile(r"^Error: (?P<what>.+?)\n\n  on (?P<path>.+?) line (?P<line>\d+)(?:, in .+?)?:\n(?P<code>.*?)\n\n(?P<why>.*?)(?=\n\nError: |\Z)", re.DOTALL | re.MULTILINE)  # fmt: skip
BATCH = 60


def _fmt(sources: list[Source], runner: Runner) -> Iterator[Said]:
    program = next((name for name in ("terraform", "tofu") if runner.has(name)), None)
    if program is None:
        yield from _parsed(sources)
        return
    for start in range(0, len(sources), BATCH):
        some = sources[start : start + BATCH]
        yield from _formatted(program, some, runner)


def _formatted(program: str, sources: list[Source], runner: Runner) -> Iterator[Said]:
    kept = [source for source in sources if source.name.endswith((".tf", ".tfvars", ".tftest.hcl", ".tofu"))]
    if program == "terraform":
        kept = [source for source in kept if not source.name.endswith(".tofu")]
    if not kept:
        return
    env = {"CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS_fmt": ""}
    ran = runner.run([program, "fmt", "-check", "-no-color", "-list=true", *(source.path for source in kept)], env=env)
    by_path = {source.path: source for source in kept}
    if ran.code not in (0, 2, 3):
        raise NotRun(f"{program} fmt failed: {ran.err.strip()[-200:]}")
    for found in DIAGNOSTIC.finditer(ran.err.strip()):
        source = by_path.get(found["path"])
        if source is None:
            continue
        if re.search(r"^\s*<%|\{%|^\s*\{\{", source.text, re.MULTILINE):
            yield Unchecked(source.path, "a template, which is no HCL before it is filled in")
            continue
        text = " ".join(f"{found['what']}: {found['why']}".split())[:300]
        yield Finding(source.path, int(found["line"]), 1, "terraform-fmt", "syntax", ERROR, text)
    for path in ran.out.splitlines():
        if path in by_path:
            yield Finding(path, 1, 1, "terraform-fmt", "format", INFO, f"not formatted as `{program} fmt` does")


def _parsed(sources: list[Source]) -> Iterator[Said]:
    """Syntax by python-hcl2, where there is neither terraform nor tofu."""
    hcl2 = library("hcl2", "python-hcl2")
    for source in sources:
        try:
            hcl2.loads(source.text)
        except Exception as problem:  # lark's errors have no common base of their own
            line = int(getattr(problem, "line", 1) or 1)
            column = int(getattr(problem, "column", 1) or 1)
            yield Finding(source.path, max(line, 1), max(column, 1), "hcl", "syntax", ERROR, str(problem).splitlines()[0][:300])  # fmt: skip


VALIDATORS = (Validator("terraform-fmt", frozenset({"hcl"}), _fmt),)
