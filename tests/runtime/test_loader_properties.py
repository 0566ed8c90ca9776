"""Whatever bytes a file holds, loading it answers with a value or with errors, and never raises."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agency_runtime.frontmatter import parse_document
from agency_runtime.name_list import name_list
from agency_runtime.persona import FIELDS, build_persona
from agency_runtime.skill import load_skill
from agency_runtime.skill_index import SkillIndex
from agency_runtime.tool_names import resolve

LINES = st.sampled_from(
    [
        "---", "--- ", "  ---", "...", "```yaml", "```", "<!--", "-->", "", "name: keeper", "name: a: b", "name: [", "description: |", "description: *x",
        "  - Read", "\t- Edit", "tools: Read, Bash(git:*)", "tools: *", "tools: {a: true}", "maxTurns: 3", "model:", "&a [*a]", "a: &a [*a]", "? {", "user: hi",
        "skills: [x, {y: z}]", "permissionMode: plan", "\x85", "\u2028", "\ud7ff", "â€™", "üöÄ", "\0",
    ]
)  # fmt: skip
FILES = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "replace")),
    st.lists(LINES).map(lambda lines: "\n".join(lines).encode()),
    st.lists(LINES).map(lambda lines: ("---\n" + "\n".join(lines) + "\n---\nbody").encode()),
    st.tuples(st.lists(LINES), st.binary()).map(
        lambda parts: b"---\n" + "\n".join(parts[0]).encode() + parts[1] + b"\n---\n"
    ),
)


@settings(max_examples=400, deadline=None)
@given(FILES)
def test_a_persona_is_a_value_or_has_errors(content: bytes) -> None:
    loaded = build_persona(Path("x.md"), parse_document(content, FIELDS.known), SkillIndex())
    assert (loaded.value is None) == bool(loaded.report.errors)
    assert set(loaded.report.repaired) <= set(loaded.report.warnings)
    loaded.report.json()


@settings(max_examples=100, deadline=None)
@given(FILES)
def test_a_skill_is_a_value_or_has_errors(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "SKILL.md"
        path.write_bytes(content)
        loaded = load_skill(path)
    assert (loaded.value is None) == bool(loaded.report.errors)


@given(st.text())
def test_any_text_is_a_list_of_names_that_each_resolve_or_say_why(text: str) -> None:
    for name in name_list(text):
        ref = resolve(name)
        assert ref.resolves_to or ref.note
