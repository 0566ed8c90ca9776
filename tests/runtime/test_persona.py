"""A persona loads whatever people do to its file, and its report says what became of everything in it."""

from pathlib import Path

import pytest

from agency_runtime.load_report import Loaded
from agency_runtime.persona import Persona, load_persona, slug
from agency_runtime.shelves import Shelf
from agency_runtime.shipped import shipped
from agency_runtime.skill_index import SkillIndex, index_of
from agency_runtime.tool_names import KNOWN

FIXTURES = Path(__file__).parents[1] / "fixtures" / "personas"
EVERY_TOOL = tuple(tool for tool in KNOWN if tool not in ("Handoff", "Escalate"))
ELEVEN = ("Read", "Write", "Edit", "Bash", "Grep", "Glob", "WebFetch", "WebSearch", "Docker", "Kubernetes", "Terraform")
THREE = ("agency-workflow-patterns", "code-review-standards", "testing-strategy")


def load(fault: str, skills: SkillIndex | None = None) -> Loaded[Persona]:
    (path,) = (FIXTURES / fault).iterdir()
    return load_persona(path, skills=skills or SkillIndex())


def persona(fault: str) -> Persona:
    value = load(fault).value
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("fault", "warnings"),
    [
        ("sound", []),
        ("unquoted-colon", ["description: value quoted", "tools: MultiEdit: taken as Edit, the nearest tool here"]),
        ("bold-value", ["description: value quoted"]),
        ("star-tools", ["tools: value quoted"]),
        ("quoted-star-tools", []),
        ("unindented-description", ["description: 7 lines read as one text"]),
        ("example-dialogue", ["description: 3 lines read as one text"]),
        ("indented", ["blank lines before the front matter left out", "indented front matter moved to the left edge"]),
        ("blank-lines-before", ["blank lines before the front matter left out"]),
        ("comment-before", ["a comment before the front matter left out"]),
        ("fenced", ["a code fence before the front matter left out"]),
        ("trailing-blanks", []),
        ("dots-close", []),
        ("rule-in-body", []),
        ("tabs", ["tabs in the indent read as blanks"]),
        ("duplicate-key", ["tools: given more than once; the last one counts"]),
        ("yes-as-name", []),
        ("number-as-name", []),
        ("dash-as-name", ["name: '-release' is found as release"]),
        ("no-name", ["name: missing; release-keeper, after the file, is used"]),
        ("no-description", ["description: missing; the persona cannot be picked by what it says of itself"]),
        ("list-as-description", ["description: missing; the persona cannot be picked by what it says of itself"]),
        ("name-with-slash", ["name: 'macOS Release/Rollback Keeper' is found as macos-release-rollback-keeper"]),
        ("name-not-the-file", []),
        ("name-in-capitals", ["name: 'RELEASE-KEEPER' is found as release-keeper"]),
        ("literal-newlines", ["description: value quoted"]),
        ("long-description", []),
        ("tools-list", []),
        ("tools-flow-list", []),
        ("tools-json-string", []),
        ("tools-by-blanks", []),
        ("tools-single", []),
        ("tools-absent", []),
        ("tools-empty", ["tools: empty, so there are only Handoff and Escalate; leave the field out for all tools"]),
        ("tools-unknown", ["tools: Grepp: no such tool here; did you mean Grep?", "tools: Teleport: no such tool here"]),
        ("tools-scoped", []),
        ("tools-infrastructure", []),
        ("disallowed-tools", []),
        ("unknown-mode", ["permissionMode: 'whatever' is unknown and not applied; there are default, acceptEdits, plan, dontAsk, bypassPermissions"]),
        ("copilot-model", ["model: 'Claude Sonnet 4.5 (copilot)' is no model's id and not applied"]),
        ("inherited-model", []),
        ("hex-color", []),
        ("empty-body", ["the body is empty: the persona tells the model nothing"]),
        ("placeholders", []),
        ("bad-turns", ["maxTurns: 'many' is not a whole number above 0 and not applied"]),
    ],
)  # fmt: skip
def test_what_people_write_loads_and_each_doubt_is_said(fault: str, warnings: list[str]) -> None:
    loaded = load(fault)
    assert loaded.value is not None
    assert list(loaded.report.warnings) == warnings


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("no-front-matter", "no front matter: the file must begin with a line ---"),
        ("never-closed", "the front matter opened on line 1 is never closed by a line ---"),
        ("tools-all-unknown", "tools: none of Teleport, Levitate is a tool here"),
    ],
)
def test_what_cannot_be_a_persona_is_refused_with_its_reason(fault: str, error: str) -> None:
    loaded = load(fault)
    assert (loaded.value, loaded.report.ok, list(loaded.report.errors)) == (None, False, [error])


@pytest.mark.parametrize(
    ("fault", "tools"),
    [
        ("sound", ("Read", "Edit", "Bash")),
        ("unquoted-colon", ("Write", "Read", "Edit", "Bash", "Grep")),
        ("tabs", ("Read", "Edit")),
        ("tools-list", ("Read", "Bash")),
        ("tools-flow-list", ("Read", "Bash")),
        ("tools-json-string", ("Read", "Bash")),
        ("tools-by-blanks", ("Read", "Bash")),
        ("tools-lower-case", ("Read", "Bash")),
        ("tools-mcp", ("Read",)),
        ("tools-scoped", ("Task", "Bash", "Read")),
        ("tools-copilot", ("Grep", "Edit", "Bash", "WebFetch")),
        ("tools-infrastructure", ("Read", "Docker", "Kubernetes", "Terraform", "Helm", "Cloud")),
        ("tools-renamed", ("TaskOutput", "TaskStop", "Task", "Glob", "Read", "Edit")),
        ("tools-empty", ()),
        ("tools-absent", EVERY_TOOL),
        ("star-tools", EVERY_TOOL),
        ("quoted-star-tools", EVERY_TOOL),
        ("disallowed-tools", tuple(tool for tool in EVERY_TOOL if tool not in ("Bash", "Write"))),
        ("other-spellings", ("Read", "Edit")),
    ],
)
def test_the_tools_are_ours_each_once_and_in_order(fault: str, tools: tuple[str, ...]) -> None:
    assert persona(fault).tools == tools


def test_a_scope_is_kept_for_whoever_makes_rules_of_it() -> None:
    assert [(ref.resolves_to, ref.scope) for ref in persona("tools-scoped").scoped] == [
        ("Task", "scout, scribe"),
        ("Bash", "git diff:*"),
    ]


def test_settings_are_applied_in_any_spelling() -> None:
    sound, other = persona("sound"), persona("other-spellings")
    assert (sound.permission_mode, sound.max_turns, sound.model) == ("acceptEdits", 40, "sonnet")
    assert (other.permission_mode, other.max_turns) == ("acceptEdits", 5)


def test_a_name_with_blanks_is_found_by_its_slug() -> None:
    keeper = persona("name-with-space")
    assert (keeper.name, keeper.title) == ("release-keeper", "Release Keeper")
    assert slug("DevOps Automator") == "devops-automator"


def test_fields_without_effect_are_named_with_the_reason() -> None:
    report = load("unknown-keys").report
    assert dict(report.ignored) == dict.fromkeys(("capabilities", "difficulty", "permisionMode"), "not a known field")
    assert "permisionMode: ignored; did you mean permissionMode?" in report.warnings
    assert dict(load("hex-color").report.ignored) == {"color": "the terminal does not color personas"}


def test_fields_whose_lack_changes_a_run_are_warned_of() -> None:
    assert list(load("hooks").report.warnings) == [
        "hooks: ignored; this runtime runs no hooks; write policy rules",
    ]


def test_skills_are_found_by_slug_and_missing_ones_named(tmp_path: Path) -> None:
    for name in ("log-rotation", "code-review"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "SKILL.md").write_text("Body.\n")
    loaded = load("skills-csv", index_of([Shelf(folder=tmp_path, origin="user")]))
    assert loaded.value and loaded.value.skills == ("log-rotation", "code-review")
    assert list(loaded.report.skills) == [
        ("log-rotation", str(tmp_path / "log-rotation" / "SKILL.md")),
        ("Code Review", str(tmp_path / "code-review" / "SKILL.md")),
        ("nowhere-to-be-found", None),
    ]
    assert "skills: nowhere-to-be-found: not found" in loaded.report.warnings


def test_the_skill_tool_is_added_where_there_are_skills_and_said() -> None:
    with_skills = load("sound", index_of([Shelf(folder=shipped("skills"), origin="shipped")]))
    assert with_skills.value and with_skills.value.tools == ("Read", "Edit", "Bash", "Skill")
    assert with_skills.report.added["Skill"] == "there are skills to load"
    assert "Skill" not in load("sound").report.added


@pytest.mark.parametrize("name", ["devops-automator.md", "devops-automator.mojibake.md"])
def test_the_users_persona_resolves_whole(name: str) -> None:
    skills = index_of([Shelf(folder=shipped("skills"), origin="shipped")])
    loaded = load_persona(FIXTURES / "users-own" / name, skills=skills)
    assert loaded.value
    assert loaded.value.tools == (*ELEVEN, "Skill")
    assert (loaded.value.skills, loaded.value.permission_mode) == (THREE, "acceptEdits")
    assert [ref.name for ref in loaded.report.tools] == list(ELEVEN)
    assert all(ref.resolves_to for ref in loaded.report.tools)
    assert "## 🧠 Your Identity & Memory" in loaded.value.body
    assert loaded.value.when_selected.startswith("Issues involving infrastructure, deployment pipelines")
    assert dict(loaded.report.ignored) == {"color": "the terminal does not color personas"}


def test_the_report_is_the_object_that_other_programs_read() -> None:
    report = load("tools-unknown").report.json()
    assert report | {"path": ""} == {
        "path": "",
        "kind": "persona",
        "ok": True,
        "name": "release-keeper",
        "tools": [
            {"name": "Read", "resolves_to": "Read"},
            {"name": "Grepp", "resolves_to": None},
            {"name": "Teleport", "resolves_to": None},
        ],
        "skills": [],
        "ignored": [],
        "repaired": [],
        "warnings": [
            "tools: Grepp: no such tool here; did you mean Grep?",
            "tools: Teleport: no such tool here",
        ],
        "errors": [],
        "tokens": 15,
        "disallowed": [],
        "added": {"Handoff": "every run ends with one", "Escalate": "every run may ask"},
        "ignored_why": {},
    }


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    report = load_persona(tmp_path / "gone.md", skills=SkillIndex()).report
    assert list(report.errors) == ["cannot be read: No such file or directory"]
