"""What the documents name is there: every file, every test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FEATURES = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
ASKED = [10, 19, 20, 21, 23, *range(24, 87), 89, 90]
ROWS = {
    int(cells[0]): cells
    for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in FEATURES.splitlines())
    if cells[0].isdigit()
}


@cache
def collected(path: str) -> frozenset[str]:
    """The tests of a file, as pytest finds them: its functions named so."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def named(text: str) -> list[str]:
    """What stands in code marks and is a path, with a test or without."""
    return re.findall(r"`([\w./-]+/[\w./-]+\.py(?:::\w+)?)`", text)


def test_every_feature_asked_for_has_its_row() -> None:
    assert sorted(ROWS) == ASKED
    assert {len(cells) for cells in ROWS.values()} == {5}


@pytest.mark.parametrize("number", ASKED)
def test_a_row_is_answered_with_a_file_and_a_test(number: int) -> None:
    _, wording, answer, where, shown = ROWS[number]
    assert wording
    assert answer in {"yes", "partly", "no"}
    assert all((ROOT / path).is_file() for path in named(where))
    assert all("::" in test for test in named(shown))
    if answer != "no":
        assert named(where)
        assert named(shown)
    if answer != "yes":
        assert f"- **{number}.** " in FEATURES


@pytest.mark.parametrize("reference", sorted({each for each in named(FEATURES) if "::" in each}))
def test_a_test_that_is_named_is_collected(reference: str) -> None:
    path, _, test = reference.partition("::")
    assert test in collected(path)


EVALS = (ROOT / "docs" / "evals-ci.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reference", sorted({each for each in named(EVALS) if "::" in each}))
def test_a_test_that_the_evals_page_names_is_collected(reference: str) -> None:
    path, _, test = reference.partition("::")
    assert test in collected(path)
