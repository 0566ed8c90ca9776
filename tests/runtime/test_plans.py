"""Plans are found by their names, judged before they are executed, and read in handoff mode."""

from pathlib import Path

import pytest

from agency_runtime.plans import (
    check_feature,
    feature_slug,
    handoff_mode,
    lint_own_plan,
    lint_plan,
    plan_of,
    resolve_plan,
)
from agency_tools.errors import UsageError

GOOD = """# Add delivery

## Objective
Every push is tested and the image is built.

## Steps
1. Write `.github/workflows/ci.yml`.
2. Write `Dockerfile`.
3. Run the checks.

## Success criteria
- actionlint exits 0 on the workflow.
"""
PLACEHOLDER = "is a placeholder; say what is meant, or put it in full under Open Questions"
PREAMBLE = "text stands before the title; begin with `# <title>` and nothing before it"
LENIENT = """Goal
====

# Goal: deliver on push

### Implementation tasks
- [ ] create infra/main.tf
- [ ] validate it
* [x] document it

### Acceptance
terraform validate exits 0
"""


def plan(root: Path, feature: str, text: str = "x") -> Path:
    path = root / ".agency" / "handoff" / feature / "devops-automator" / "plan.md"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".agency" / "plans").mkdir(parents=True)
    (tmp_path / ".agency" / "plans" / "add-ci.md").write_text(GOOD)
    (tmp_path / "PLAN.md").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [("PLAN.md", "PLAN.md"), ("add-ci.md", ".agency/plans/add-ci.md"), ("add-ci", ".agency/plans/add-ci.md")],
)
def test_a_plan_is_found_by_path_or_name(root: Path, name: str, found: str) -> None:
    assert resolve_plan(name, root) == root / found
    assert resolve_plan(str(root / found), root) == root / found


def test_a_missing_plan_is_answered_with_names_like_it(root: Path) -> None:
    with pytest.raises(UsageError, match=r"plan 'add-cd': no such file, .*; there are add-ci"):
        resolve_plan("add-cd", root)


def test_without_any_plan_it_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write one with `agency plan`"):
        resolve_plan("x", tmp_path)


@pytest.mark.parametrize("text", [GOOD, LENIENT, GOOD.replace("\n", "\r\n"), GOOD.replace("## ", "#### ")])
def test_a_plan_that_is_ready_has_no_problems(text: str) -> None:
    assert lint_plan(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        (
            GOOD.replace("## Objective", "## Notes"),
            "it has no section with an objective; add a heading for it, with text below",
        ),
        (
            GOOD.replace("## Success criteria", "## End"),
            "it has no section with success criteria; add a heading for it, with text below",
        ),
        (
            GOOD.replace("- actionlint exits 0 on the workflow.\n", ""),
            "it has no section with success criteria; add a heading for it, with text below",
        ),
        (GOOD.replace("3. Run the checks.\n", ""), "it has 2 steps, fewer than 3; number what is to be done"),
        (
            GOOD.replace(".github/workflows/ci.yml", "it").replace("`Dockerfile`", "that"),
            "it names no file to create or change; name each by its path",
        ),
        (GOOD.replace("Run the checks", "[TODO]"), f"line 9: TODO {PLACEHOLDER}"),
        (GOOD.replace("Run the checks", "TBD"), f"line 9: TBD {PLACEHOLDER}"),
        (GOOD.replace("Run the checks", "[Insert the host]"), f"line 9: [Insert the host] {PLACEHOLDER}"),
        ("Here is the mended plan:\n\n" + GOOD, f"line 1: {PREAMBLE}"),
    ],
)
def test_what_keeps_a_plan_from_being_executed(text: str, problem: str) -> None:
    assert problem in lint_plan(text)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Add a CI pipeline", "add-a-ci-pipeline"),
        ("\n# Über-Café: deploy!\n\nmore", "uber-cafe-deploy"),
        ("../../etc/passwd", "etc-passwd"),
        ("Add a continuous integration pipeline for this small repository", "add-a-continuous-integration-pipeline"),
        ("the", "the"),
        ("部署", "work"),
        ("", "work"),
        ("x" * 100, "x" * 48),
        ("word " * 30, "word-word-word-word-word-word-word-word-word"),
    ],
)
def test_a_feature_is_named_after_its_text(text: str, slug: str) -> None:
    assert feature_slug(text) == slug
    assert len(slug) <= 48
    assert check_feature(slug) == slug


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "x" * 90])
def test_a_feature_that_is_no_folders_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--feature"):
        check_feature(name)


def test_without_a_specialists_plan_there_is_no_handoff_mode(root: Path) -> None:
    assert handoff_mode(root) is None
    assert handoff_mode(root, feature="login") is None


def test_the_only_plan_is_the_one(root: Path) -> None:
    found = handoff_mode(root) if plan(root, "login") else None
    assert found is not None
    assert (found.feature, found.text) == ("login", "x")


def test_of_several_plans_one_has_to_be_named(root: Path) -> None:
    paths = {feature: plan(root, feature) for feature in ("login", "billing")}
    with pytest.raises(UsageError, match="several features have a plan here: billing, login; name one with --feature"):
        handoff_mode(root)
    for feature, path in paths.items():
        by_name, by_path = handoff_mode(root, feature=feature), handoff_mode(root, plan=path)
        assert by_name == by_path
        assert by_name is not None
        assert by_name.path == path


def test_a_plan_of_the_same_name_belongs_to_the_feature(root: Path) -> None:
    path = plan(root, "add-ci")
    plan(root, "other")
    found = handoff_mode(root, plan=root / ".agency" / "plans" / "add-ci.md")
    assert found is not None
    assert found.path == path
    assert handoff_mode(root, plan=root / "PLAN.md") is None


HEADINGS = """# devops-automator Plan: login

## Multi-Specialist Context

**Feature**: login
**Your Specialty**: devops-automator
**Other Specialists**: backend-architect, frontend-developer
**Execution Order**: Sequential: Position 2 of 3

## Your Responsibilities

- Build the pipeline
- [ ] Deploy it

## Dependencies

**You need from other specialists**:
- backend-architect: API contracts

**Other specialists need from you**:
- frontend-developer: preview environments
"""
BOLD = """**Multi-Specialist Context**:
- **Feature Name**: login
- **Other Specialists**: Backend, Frontend engineers (who you're coordinating with)
- **Execution Order**: Sequential (position 2 of 3)
**Your Responsibilities**:
- Build the pipeline
- Deploy it
**Dependencies**:
- **You need from others**:
  - **Backend**: API contracts, for the AI features later
- **Others need from you**:
  - **Frontend**: preview environments
"""


@pytest.mark.parametrize("text", [HEADINGS, BOLD])
def test_a_specialists_plan_is_read_however_it_is_laid_out(root: Path, text: str) -> None:
    path = plan(root, "login", text)
    found = handoff_mode(root)
    assert found is not None
    assert (found.path, found.order, found.position) == (path, "sequential", 2)
    assert found.others == ("backend-architect", "frontend-developer")
    assert found.responsibilities == ("Build the pipeline", "Deploy it")
    assert (found.needs, found.owes) == (("backend-architect",), ("frontend-developer",))


@pytest.mark.parametrize(
    ("order", "upstream"),
    [
        ("Sequential: Position 2 of 3", ("backend-architect",)),
        (
            "Sequential: senior-developer → devops-automator → frontend-developer",
            ("senior-developer", "backend-architect"),
        ),
        ("Parallel (independent work)", ()),
        ("", ("backend-architect",)),
    ],
)
def test_who_has_to_finish_first(root: Path, order: str, upstream: tuple[str, ...]) -> None:
    plan(root, "login", HEADINGS.replace("Sequential: Position 2 of 3", order))
    found = plan_of(root, "login")
    assert found is not None
    assert found.upstream == upstream
    assert plan_of(root, "other") is None


def test_a_parallel_order_is_read(root: Path) -> None:
    plan(root, "login", HEADINGS.replace("Sequential: Position 2 of 3", "Parallel with: ai-engineer"))
    found = handoff_mode(root)
    assert found is not None
    assert (found.order, found.position) == ("parallel", 0)


OWN = """# Add delivery

## Objective
Every push of the todo app is tested.

## Context
There is a `Makefile`; `git grep TODO` finds three lines.

## Steps
1. Write `.github/workflows/ci.yml`.
2. Write `Dockerfile`.
   ```sh
   # TODO of others
   ```
3. Run the checks and expect exit 0.

## Files
- create `Dockerfile`

## Success Criteria
- actionlint exits 0.

## Risks and Rollback
Revert the commit.

## Open Questions
None.
"""


def test_a_plan_of_its_own_that_is_ready_has_no_problems() -> None:
    assert lint_own_plan(OWN) == []
    assert lint_plan(OWN) == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["it is empty: answer with the whole plan"]),
        ("Here is the mended plan:\n\n" + OWN, [f"line 1: {PREAMBLE}"]),
        (OWN.replace("## Files\n", ""), ["`## Files` is missing; write it, with what belongs there"]),
        (
            OWN + "\n## Notes\nx\n",
            ["line 29: `## Notes` is none of the plan's sections; move what it says to one of them"],
        ),
        (OWN.replace("None.\n", ""), ["line 26: `## Open Questions` is empty; write it, or say that there is none"]),
        (OWN.replace("2. Write `Dockerfile`.", "2. Think."), ["line 11: step 2 names neither a file nor how it is checked; name one of both"]),
        (OWN.replace("3. Run", "Run"), ["line 9: 2 numbered steps, fewer than 3; number each step"]),
        (OWN.replace("Revert the commit.", "TBD"), [f"line 24: TBD {PLACEHOLDER}"]),
    ],
)  # fmt: skip
def test_what_a_plan_of_its_own_falls_short_of(text: str, problems: list[str]) -> None:
    assert lint_own_plan(text) == problems
