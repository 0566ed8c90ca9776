"""Assertions over documents: CEL expressions and Rego policies, both judged by libraries."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Given: TypeAlias = Mapping[str, Any]
SECONDS = 60
NAMES = (
    "docs",
    "files",
    "changed",
    "resources",
    "data_sources",
    "variables",
    "outputs",
    "modules",
    "providers",
    "terraform",
    "changes",
)
"""What an expression may speak of; what a scorer does not give is null."""


@cache
def compiled(text: str) -> Callable[[Given], str | None]:
    """A CEL expression as a question: None where it holds, else why not. Raises ValueError where it is none.

    A key that is not there makes the expression not hold: what the documents lack is their author's doing.
    """
    try:
        expression = _environment().compile(text)
    except RuntimeError as error:
        raise ValueError(_first_line(error)) from error

    def ask(given: Given) -> str | None:
        try:
            value: object = expression.eval(data={name: given.get(name) for name in NAMES}).plain_value()
        except RuntimeError as error:
            return _first_line(error)
        if value is True:
            return None
        return "is false" if value is False else f"answers {value}, neither true nor false"

    return ask


def denials(policies: Sequence[Path], given: Given) -> list[str]:
    """What Rego policies deny of the input: every message in their `deny` sets.

    Asked in a process of its own: the allocators of the two native libraries spoil each other's memory in one.
    Raises ValueError, naming the file, for a policy that cannot be read or that decides nothing.
    """
    if not policies:
        return []
    asked = json.dumps({"policies": [str(path) for path in policies], "input": dict(given)})
    argv = [sys.executable, "-I", "-m", "agency_evals.rego"]
    done = subprocess.run(argv, input=asked, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode:
        raise ValueError(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the policies were not judged"
        )
    found: list[str] = json.loads(done.stdout)
    return found


@cache
def _environment() -> Any:
    from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]
    from cel_expr_python.ext.ext_optional import ExtOptional
    from cel_expr_python.ext.ext_strings import ExtStrings

    return cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN), extensions=[ExtStrings(), ExtOptional()])


def _first_line(error: BaseException) -> str:
    """The library's complaint, without the lines that draw where it is."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith("|")]
    return (lines or [type(error).__name__])[0].removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")
