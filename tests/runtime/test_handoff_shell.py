"""What the exit code 0 of a shell text proves."""

import pytest

from agency_runtime.handoff.shell_call import read_shell


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("pytest -q", ["pytest"]),
        ("cd infra && terraform validate", ["cd", "terraform"]),
        ("pytest > log 2>&1", ["pytest"]),
        ("CI=1 timeout 60 pytest", ["pytest"]),
        ("sudo env A=1 pytest", ["pytest"]),
        ("/usr/bin/env pytest", ["pytest"]),
        ("bash -lc 'pytest -q'", ["pytest"]),
        ("(cd x && pytest)", ["cd", "pytest"]),
        ("{ pytest; }", ["pytest"]),
        ("pytest | tail -3", ["tail"]),
        ("set -o pipefail; pytest | tail -3", ["pytest", "tail"]),
        ("set -euo pipefail\npytest | tail -3\necho done", ["pytest", "tail", "echo"]),
        ("pytest | tail -3; exit ${PIPESTATUS[0]}", ["pytest"]),
        ("pytest > log; exit $?", ["pytest"]),
        ("pytest || exit 1", ["pytest"]),
        ("pytest || { echo failed; exit 1; }", ["pytest"]),
        ("pytest || exit 0", []),
        ("pytest || true", []),
        ("pytest; true", ["true"]),
        ("pytest &", []),
        ("! pytest", []),
        ("if pytest; then echo ok; fi", []),
        ("for f in *; do lint $f; done", []),
        ("for f in *; do lint $f || exit 1; done", ["lint"]),
        ("set -e; for f in *; do lint $f; done", ["lint"]),
        ("while read f; do lint $f; done", []),
        ("[[ -f x ]]", ["test"]),
        ("# nothing\npytest # tests", ["pytest"]),
        ("cat <<EOF\npytest\nEOF", ["cat"]),
        ("f() { pytest; }; f", ["f"]),
        ("pytest && (", []),
        ("", []),
    ],
)
def test_what_must_have_succeeded(text: str, certain: list[str]) -> None:
    assert [words[0] for words in read_shell(text).certain] == certain


def test_every_command_is_seen() -> None:
    commands = read_shell("a; b | c && bash -c 'd \"$(e)\"' || f").commands
    assert [words[0] for words in commands] == ["a", "b", "c", "bash", "d", "e", "f"]
