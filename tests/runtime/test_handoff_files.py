"""The handoff's files: nine sections from evidence alone, the same byte for byte, safe against what others wrote."""

import json
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import EndCheck, HandoffPaths, HandoffReport, judge, write_handoff
from agency_runtime.handoff.end_check import checks_of
from agency_runtime.handoff.files import write_whole
from agency_runtime.handoff.markdown import block, cell, code, line
from agency_runtime.handoff.record import schema
from agency_runtime.lines import Lines

SECTIONS = [
    "Work Completed",
    "Implementation Details",
    "Integration Points (For Other Specialists)",
    "Verification Criteria (For Reality-Checker)",
    "Testing Evidence",
    "Files Changed",
    "Infrastructure Resources Provisioned",
    "Cost Optimization",
    "Next Steps",
]
SCHEMA = Path(__file__).parents[2] / "runtime" / "agency_runtime" / "handoff" / "evidence.schema.json"
FILES = FilesChanged(created=("Dockerfile", "a|b`c.md"), modified=("app.py",), deleted=("old.sh",))
CALLS = (
    Executed(
        ref="c1", id="toolu_1", turn=1, tool="Bash", input={"command": "pytest -q"}, output="12 passed in 0.40s\n",
        failed=False, exit_code=0, denied=False, started="2026-01-01T00:00:01Z", seconds=0.512,
    ),
    Executed(
        ref="c2", id="toolu_2", turn=2, tool="Bash", input={"command": "hadolint Dockerfile"}, output="", failed=True,
        exit_code=1, denied=False, started="2026-01-01T00:00:02Z", seconds=0.1,
    ),
)  # fmt: skip
GOOD: dict[str, Any] = {
    "work_completed": [{"area": "infrastructure", "path": "Dockerfile", "what": "The service's image."}],
    "implementation_details": [{"topic": "Build", "text": "Two stages:\n- build\n- run"}],
    "integration_points": [
        {"to": "backend-architect", "text": "Set these.", "rows": [{"name": "PORT", "value": "8080", "note": "a | b"}]}
    ],
    "verification_criteria": [{"area": "image", "criterion": "`docker build .` exits 0"}],
    "claims": [{"statement": "12 tests pass", "calls": ["c1"]}],
    "not_run": [{"check": "docker build", "why": "no engine here"}],
    "next_steps": ["Build the image in CI."],
}


def write(folder: Path, given: dict[str, Any] | None = GOOD, **more: Any) -> HandoffPaths:
    report = HandoffReport.model_validate(given) if given is not None else None
    calls = more.pop("calls", CALLS)
    verdict = judge(report, calls, FILES) if report else None
    values: dict[str, Any] = {
        "contents": {"Dockerfile": "100644 aa", "app.py": "100755 bb"},
        "line_counts": {"Dockerfile": Lines(9, 0), "app.py": Lines(2, 1), "old.sh": Lines(0, 7), "a|b`c.md": None},
    }
    return write_handoff(
        folder, feature="add-image", persona="devops-automator", report=report, verdict=verdict, calls=calls,
        files=FILES, **{**values, **more},
    )  # fmt: skip


def section(folder: Path, name: str) -> str:
    text = (folder / "summary.md").read_text()
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


def evidence(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evidence.json").read_text())
    return found


@pytest.mark.parametrize("given", [GOOD, None, {"work_completed": [{"area": "other", "what": "x"}]}])
def test_the_summary_has_its_nine_sections_in_order(tmp_path: Path, given: dict[str, Any] | None) -> None:
    write(tmp_path, given)
    lines = (tmp_path / "summary.md").read_text().splitlines()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == SECTIONS


def test_testing_evidence_holds_what_was_executed(tmp_path: Path) -> None:
    write(tmp_path)
    assert section(tmp_path, "Testing Evidence").strip().splitlines()[2:] == [
        "| Claim | Call | Command | Exit code | Output sha256 |",
        "|---|---|---|---|---|",
        "| 12 tests pass | c1 | `pytest -q` | 0 | `55fb50b86966` |",
        "",
        "### Not verified",
        "",
        "Nothing.",
        "",
        "### Not run",
        "",
        "- docker build: no engine here",
        "",
        "### Completion checklist",
        "",
        "| Item | Outcome | Why |",
        "|---|---|---|",
        "| Summary written | passed | rendered from the report |",
        "| Files tracked | passed | 4 paths, computed from git |",
        "| Infrastructure provisioned | not applicable | this run defines no cloud resource |",
        "| Pipelines functional | not applicable | this run changed no pipeline |",
        "| Monitoring active | not applicable | this run changed no monitoring |",
        "| Security validated | not run | no claim speaks of a security check |",
        "| Documentation complete | passed | a\\|b\\`c.md |",
        "| Deployment tested | not run | nothing was deployed in this run |",
    ]


def test_files_changed_come_from_git_with_their_lines(tmp_path: Path) -> None:
    write(tmp_path)
    assert json.loads((tmp_path / "files-changed.json").read_text()) == FILES.json()
    assert [row for row in section(tmp_path, "Files Changed").splitlines() if row.startswith(("|", "#", "4"))] == [
        "4 files, +11 -8 lines, computed from git.",
        "### Created (2)",
        "| File | Lines |",
        "|---|---|",
        "| `Dockerfile` | +9 -0 |",
        "| ``a\\|b`c.md`` | not counted |",
        "### Modified (1)",
        "| File | Lines |",
        "|---|---|",
        "| `app.py` | +2 -1 |",
        "### Deleted (1)",
        "| File | Lines |",
        "|---|---|",
        "| `old.sh` | +0 -7 |",
    ]


def test_sections_without_content_say_so(tmp_path: Path) -> None:
    write(tmp_path, {"work_completed": [{"area": "other", "what": "x"}]})
    for name in ("Implementation Details", "Infrastructure Resources Provisioned", "Next Steps"):
        assert section(tmp_path, name).strip() == "None in this run."


def test_the_evidence_names_each_claims_calls(tmp_path: Path) -> None:
    write(tmp_path)
    found = evidence(tmp_path)
    assert (found["format"], found["status"], found["executed"]) == ("agency-evidence/1", "verified", 2)
    call = found["claims"][0]["calls"][0]
    assert {name: call[name] for name in ("ref", "id", "tool", "command", "exit_code", "started", "seconds")} == {
        "ref": "c1", "id": "toolu_1", "tool": "Bash", "command": "pytest -q", "exit_code": 0,
        "started": "2026-01-01T00:00:01Z", "seconds": 0.512,
    }  # fmt: skip
    assert call["output_sha256"] == CALLS[0].sha256
    assert (tmp_path / "evidence" / "c1.txt").read_text() == CALLS[0].output
    assert found["not_run"] == [{"check": "docker build", "why": "no engine here"}]
    assert len(found["checklist"]) == 8


def test_what_nothing_backs_stands_under_not_verified_and_nowhere_else(tmp_path: Path) -> None:
    given = {
        **GOOD,
        "work_completed": [{"area": "other", "what": "An image. It cuts the size by 61%. Runs as a user."}],
        "claims": [{"statement": "Deployed to production", "calls": []}, {"statement": "Rollback test: Success", "calls": ["c1"]}],
        "cost": [{"statement": "Saves $300 a month", "calls": ["c1"]}],
        "next_steps": ["Total monthly savings: $770/month (23% reduction)"],
    }  # fmt: skip
    write(tmp_path, given)
    text = (tmp_path / "summary.md").read_text()
    before, _, after = text.partition("### Not verified")
    listed, _, rest = after.partition("### Not run")
    assert "- Deployed to production (`claims`): it cites no call" in listed
    assert "- Saves (figure withheld) a month (`cost`): " in listed
    assert "Deployed to production" not in before + rest.replace("not verified: Deployed to production", "")
    assert [invented for invented in ("61", "300", "23%") if invented in text] == []
    assert "An image. (withheld: see Not verified) Runs as a user." in before
    assert "770" not in text
    assert "Rollback test" not in text
    found = evidence(tmp_path)
    assert found["status"] == "unverified"
    assert found["claims"] == []
    assert [each["where"] for each in found["not_verified"]] == ["claims", "claims", "cost", "work_completed[0].what", "next_steps[0]"]  # fmt: skip
    assert {item["item"]: item["outcome"] for item in found["checklist"]}["Deployment tested"] == "failed"


def test_without_a_report_the_handoff_says_so(tmp_path: Path) -> None:
    paths = write(tmp_path, None, blocked="the budget is spent")
    text = (tmp_path / "summary.md").read_text()
    assert "No report was given" in text
    assert "The run ended early: the budget is spent" in text
    assert evidence(tmp_path)["status"] == "incomplete"
    assert paths.checklist[0].outcome == "failed"


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    assert one.digests == other.digests
    for path in (tmp_path / "one").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()


def test_a_later_handoff_leaves_nothing_of_the_earlier(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "verification.md").write_text("passed")
    write(tmp_path, {**GOOD, "claims": []})
    assert not (tmp_path / "verification.md").exists()
    assert list((tmp_path / "evidence").iterdir()) == []


def test_secrets_are_masked_in_every_file(tmp_path: Path) -> None:
    secret = "ghp_" + "a" * 36
    calls = (replace(CALLS[0], output=f"12 passed, token {secret}", input={"command": f"TOKEN={secret} pytest"}),)
    given = {**GOOD, "next_steps": [f"use {secret}"], "not_run": [{"check": "x", "why": secret}]}
    write(tmp_path, given, calls=calls, questions=[secret], blocked=secret)
    for path in tmp_path.rglob("*.*"):
        assert secret not in path.read_text()
    assert "[redacted]" in (tmp_path / "evidence" / "c1.txt").read_text()


def test_files_are_readable_and_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "summary.md").symlink_to(tmp_path / "target")
    write(tmp_path)
    assert (tmp_path / "target").read_text() == "kept"
    assert stat.S_IMODE((tmp_path / "summary.md").stat().st_mode) == 0o644
    assert not list(tmp_path.rglob("*.part"))


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "x", None)  # type: ignore[arg-type]
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_the_published_schema_is_the_documents(tmp_path: Path) -> None:
    assert json.loads(SCHEMA.read_text()) == schema()
    validator = jsonschema.Draft202012Validator(schema())
    write(tmp_path)
    assert list(validator.iter_errors(evidence(tmp_path))) == []
    assert list(validator.iter_errors({**evidence(tmp_path), "claims": [{"statement": "x"}]}))


def test_a_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    files = FilesChanged(created=("caf\udce9.txt",))
    write_handoff(
        tmp_path, feature="x", persona="p", report=None, verdict=None, calls=(), files=files, contents={"caf\udce9.txt": "100644 aa"}
    )  # fmt: skip
    assert json.loads((tmp_path / "files-changed.json").read_text())["created"] == ["caf\udce9.txt"]
    assert evidence(tmp_path)["files"][0]["path"] == "caf\udce9.txt"
    assert "caf\ufffd.txt" in (tmp_path / "summary.md").read_text()


HOSTILE = [
    "# Heading",
    "## Next Steps",
    "text\n## Next Steps\n\nmore",
    "</td><script>alert(1)</script>",
    "![x](https://evil.example/?leak)",
    "[x](javascript:alert(1))",
    "a | b | c",
    "`a | b",
    "``` \n# x\n```",
    "~~~\nx",
    "- x",
    "1. x",
    "===",
    "---",
    "> x",
    "a\u202eb\u200bc\x1b[31m",
    "\\| \\`",
    "<!-- x",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_stays_text(tmp_path: Path, text: str) -> None:
    given: dict[str, Any] = {
        "work_completed": [{"area": "other", "path": text, "what": text}],
        "implementation_details": [{"topic": text, "text": text}],
        "integration_points": [{"to": text, "text": text, "rows": [{"name": text, "value": text, "note": text}]}],
        "verification_criteria": [{"area": text, "criterion": text}],
        "claims": [{"statement": text, "calls": ["c1"], "about": text}],
        "resources": [{"name": text, "state": "defined"}],
        "not_run": [{"check": text, "why": text}],
        "next_steps": [text],
    }
    write(tmp_path, given, calls=(replace(CALLS[0], input={"command": f"pytest -q  # {text}"}),), questions=[text])
    lines = (tmp_path / "summary.md").read_text().split("\n")
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == SECTIONS
    bare = [re.sub(r"(`+).*?\1", "", line) for line in lines]
    assert not [line for line in bare if re.search(r"<\w|<[/!]|(?<!\\)\]\(|[\x00-\x1f\u202e\u200b]", line)]
    assert not [line for line in lines if re.match(r"\s*(```|~~~|===|---|>)", line)]
    widths = {tuple(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("| ")}
    assert {len(width) for width in widths} <= {3, 4, 6}


def test_code_between_backticks_stays_code() -> None:
    assert line("run `a [b]` now [c]") == "run `a [b]` now \\[c\\]"
    assert cell("`a|b`") == "`a\\|b`"
    assert code("a`b") == "``a`b``"
    assert code("`a`") == "`` `a` ``"
    assert block("One:\n* a\n2. b\n# c") == "One:\n- a\n- b\n\\# c"


def test_what_the_validators_said_stands_in_the_evidence_and_a_failed_one_counts(tmp_path: Path) -> None:
    checks = (
        EndCheck(name="hadolint", outcome="failed", files=("Dockerfile",), findings=("Dockerfile:1:1 DL3006 tag it",)),
        EndCheck(name="kubeconform", outcome="not run", why="not installed"),
    )
    verdict = judge(HandoffReport.model_validate(GOOD), CALLS, FILES, checks)
    assert verdict.unverified[-1] == "hadolint failed: Dockerfile:1:1 DL3006 tag it"
    write_handoff(
        tmp_path, feature="f", persona="p", report=HandoffReport.model_validate(GOOD), verdict=verdict, calls=CALLS,
        files=FILES,
    )  # fmt: skip
    assert evidence(tmp_path)["checks"][0] == {
        **checks[0].json(),
        "files": ["Dockerfile"],
        "findings": list(checks[0].findings),
    }
    assert evidence(tmp_path)["status"] == "unverified"
    assert "| hadolint | failed | 1 | Dockerfile:1:1 DL3006 tag it |" in section(tmp_path, "Testing Evidence")
    assert checks_of([check.json() for check in checks]) == checks
