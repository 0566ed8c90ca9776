"""CloudFormation templates by cfn-lint, held warm."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .values import ERROR, INFO, WARNING, Finding, Said, Source, Unchecked, Validator, library

if TYPE_CHECKING:
    from .running import Runner

REGIONS = ["us-east-1"]
PATIENCE = 40.0
"""Seconds for all templates of one check."""

RANKS = {"error": ERROR, "warning": WARNING, "informational": INFO}
ADVICE = frozenset({"W3697", "W3010", "W3011", "W2001", "W1020", "W8001", "W3005", "W3037", "W1011", "W2531", "W7001", "W3687", "W2530", "E3045", "E2531", "W2533", "W1030", "W1028", "W3045"})  # fmt: skip
"""Rules that good templates draw: hard-coded zones, unused parameters, runtimes that have grown old."""


@functools.lru_cache(maxsize=1)
def _runner() -> Any:
    """One runner, whose rules are loaded once."""
    config = library("cfnlint.config", "cfn-lint")
    return library("cfnlint.runner", "cfn-lint").Runner(config.ConfigMixIn(regions=REGIONS))


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    decode, runner = library("cfnlint.decode.decode", "cfn-lint"), _runner()
    until = time.monotonic() + PATIENCE
    for source in sources:
        if time.monotonic() > until:
            yield Unchecked(source.path, f"cfn-lint took more than {PATIENCE:g} s for the files before it")
            continue
        try:
            template, faults = decode.decode_str(source.text)
            matches = faults or (list(runner.validate_template(template)) if template else [])
        except Exception as problem:  # cfn-lint's own faults on a file are no fault of the file
            yield Unchecked(source.path, f"cfn-lint could not judge it: {type(problem).__name__}: {problem}"[:200])
            continue
        yield from (_finding(source.path, match) for match in matches)


UNRESOLVED = re.compile(r"None is not |Resource type '(?!AWS::)")
"""What cfn-lint says of values that only the account knows, and of types that a macro or an extension brings."""


def _finding(path: str, match: Any) -> Finding:
    code = match.rule.id
    rank = INFO if code in ADVICE or UNRESOLVED.match(str(match.message)) else RANKS.get(match.rule.severity, WARNING)
    return Finding(path, match.linenumber, match.columnnumber, "cfn-lint", code, rank, str(match.message)[:300])


VALIDATORS = (Validator("cfn-lint", frozenset({"cloudformation"}), _check, instead_of=("yamllint",)),)
