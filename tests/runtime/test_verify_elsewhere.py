"""A handoff that another program wrote: judged by its form, by git, and by what it merely asserts."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agency_runtime import cli
from agency_runtime.handoff.summary import SECTIONS

PERSONA = Path(__file__).parents[1] / "fixtures" / "personas" / "users-own" / "devops-automator.md"
FOLDER = Path(".agency") / "handoff" / "image" / "devops-automator"
HONEST = """# DevOps Automator Summary: image

## Work Completed
- `Dockerfile` - the service's image

## Implementation Details
- Two stages; the service should answer within 200 ms.

## Integration Points (For Other Specialists)
- PORT: the port to listen on

## Verification Criteria (For Reality-Checker)
- `docker build .` exits 0

## Testing Evidence
### Not run
- docker build: no engine

## Files Changed
**Created**: 1 files

## Infrastructure Resources Provisioned
None.

## Cost Optimization
Nothing was measured.

## Next Steps
- Build the image in CI.
"""


@pytest.fixture
def root(repository: Path) -> Path:
    """A repository whose uncommitted work is handed off honestly."""
    (repository / "Dockerfile").write_text("FROM scratch\n")
    (repository / FOLDER).mkdir(parents=True)
    (repository / FOLDER / "summary.md").write_text(HONEST)
    files(repository, created=["Dockerfile"])
    return repository


def files(root: Path, **lists: list[str]) -> None:
    value = {"created": [], "modified": [], "deleted": [], **lists}
    (root / FOLDER / "files-changed.json").write_text(json.dumps(value))


def verdict(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The exit code, and each check that failed, with why."""
    code = cli.main(["verify", "image", "--repo", str(root), "--json"])
    found = json.loads(capsys.readouterr().out)
    return code, {check["name"]: check["why"] for check in found["checks"] if check["outcome"] == "failed"}


def test_one_that_claims_nothing_and_agrees_with_git_passes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(root, capsys) == (0, {})
    assert "| evidence.json is there and whole | not run |" in (root / FOLDER / "verification.md").read_text()


GIT = "files-changed.json is what git shows"


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda root: files(root, created=["Dockerfile", "k8s/app.yaml"]), "k8s/app.yaml is claimed as created, git does not show it so"),
        (lambda root: files(root, modified=["Dockerfile"]), "Dockerfile is claimed as modified, git does not show it so"),
        (lambda root: files(root, created=["Dockerfile"], deleted=["README.md"]), "README.md is claimed as deleted, git does not show it so"),
        (lambda root: (root / "sly.sh").write_text("x"), "git shows sly.sh as created, it leaves it out"),
        (lambda root: (root / "README.md").unlink(), "git shows README.md as deleted, it leaves it out"),
        (lambda root: (root / FOLDER / "files-changed.json").unlink(), "it cannot be read"),
        (lambda root: (root / FOLDER / "files-changed.json").write_text('{"created": []}'), "it cannot be read: modified: Field required"),
        (lambda root: (root / FOLDER / "files-changed.json").write_text('{"created": [1], "modified": [], "deleted": []}'), "it cannot be read: created.0"),
    ],
)  # fmt: skip
def test_a_list_that_git_does_not_show_is_named(
    root: Path, capsys: pytest.CaptureFixture[str], act: Callable[[Path], object], why: str
) -> None:
    act(root)
    code, found = verdict(root, capsys)
    assert code == 1
    assert why in found[GIT]


def test_after_its_commit_the_list_is_held_against_that_commits_parent(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["add", "-A"], ["commit", "-qm", "image"]):
        subprocess.run(["git", *who, *words], cwd=root, check=True)
    assert verdict(root, capsys) == (0, {})
    files(root, created=["Dockerfile"], modified=["README.md"])
    assert verdict(root, capsys)[1] == {GIT: "README.md is claimed as modified, git does not show it so"}


@pytest.mark.parametrize(
    ("old", "new", "name", "why"),
    [
        ("### Not run", "- pytest: all tests passed\n### Not run", "Testing Evidence: pytest: all tests passed", "no call is cited"),
        ("None.", "- VPC: 1 VPC with 6 subnets", "Infrastructure Resources Provisioned: VPC: 1 VPC with 6 subnets", "no call is cited"),
        ("Nothing was measured.", "- Total monthly savings: $770/month (23% reduction)", "Cost Optimization: Total monthly savings: $770/month (23% reduction)", "sample value"),
        ("Nothing was measured.", "- Smaller nodes: $12 a month less", "Cost Optimization: Smaller nodes: $12 a month less", "no call is cited"),
        ("- `docker build .` exits 0", "- \u2705 Rollback tested and functional", "Verification Criteria (For Reality-Checker): \u2705 Rollback tested and functional", "no call is cited"),
        ("- Build the image in CI.", "- The image was deployed to staging.", "Next Steps: The image was deployed to staging.", "reads like a result"),
        ("should answer within 200 ms", "answers in 85 ms", "Implementation Details: Two stages; the service answers in 85 ms.", "reads like a measurement"),
        ("- PORT: the port", "- API: https://api.example.com\n- PORT: the port", "Integration Points (For Other Specialists): API: https://api.example.com", "sample value"),
        ("1 files", "42 files", "summary.md speaks of files that are there", "it counts 42 files created, files-changed.json lists 1"),
        ("- `Dockerfile`", "- `k8s/app.yaml` - x\n- `Dockerfile`", "summary.md speaks of files that are there", "k8s/app.yaml is not there"),
        ("## Cost Optimization", "## Costs", "summary.md has its nine sections in order", "`## Cost Optimization` is missing; `## Costs` is none of them"),
    ],
)  # fmt: skip
def test_each_claim_that_nothing_backs_is_named(
    root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, name: str, why: str
) -> None:
    assert old in HONEST
    (root / FOLDER / "summary.md").write_text(HONEST.replace(old, new, 1))
    code, found = verdict(root, capsys)
    assert code == 1
    assert why in found[name]


def test_the_personas_own_template_is_refused_line_by_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = re.search(
        r"```markdown\n(# DevOps Automator Summary.*?)\n```\n\n\*\*Required File", PERSONA.read_text(), re.DOTALL
    )
    assert template is not None
    (root / FOLDER / "summary.md").write_text(template[1])
    code, found = verdict(root, capsys)
    assert code == 1
    evidence = [name for name in found if name.startswith("Testing Evidence: ")]
    assert len(evidence) == 20
    for said in ("45 resources", "8m 32s", "1000 req/sec", "8/8 targets", "p95: 220ms", "87%", "$770/month"):
        assert any(said in name for name in found), said
    assert "`.github" not in found["summary.md speaks of files that are there"]
    assert ".github/workflows/ci.yml is not there" in found["summary.md speaks of files that are there"]
    assert "it counts 42 files created" in found["summary.md speaks of files that are there"]


def test_the_nine_sections_are_those_of_the_persona() -> None:
    text = PERSONA.read_text()
    assert [text.index(f"\n## {name}\n") for name in SECTIONS] == sorted(
        text.index(f"\n## {name}\n") for name in SECTIONS
    )
