"""A statement of something that happened stands on a call that can show it; honest claims are left alone."""

from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.handoff.demands import demands_of, unmet


def done(command: str, output: str = "", tool: str = "Bash", **given: Any) -> Executed:
    return Executed(
        ref="c1", id="toolu_1", turn=1, tool=tool, input=given or {"command": command}, output=output, failed=False,
        exit_code=0 if tool == "Bash" else None, denied=False, started="2026-01-01T00:00:01Z", seconds=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "command"),
    [
        ("The preview image builds and answers /healthz as an unprivileged user.", "hadolint Dockerfile"),
        ("The preview image builds.", "docker build --check ."),
        ("The image was built.", "docker compose config -q"),
        ("The container starts and answers 200.", "hadolint Dockerfile && echo docker run"),
        ("The image builds.", "bash -n scripts/build.sh"),
        ("The image was pushed to ghcr.io.", "hadolint Dockerfile"),
        ("Published to PyPI.", "ruff check ."),
        ("The chart was released to the registry.", "helm lint chart"),
        ("The preview-image job of the workflow succeeded.", "zizmor --offline .github/workflows/ci.yml"),
        ("The workflow was run and its jobs are green.", "zizmor --offline .github/workflows/ci.yml"),
        ("The pipeline passes.", "actionlint"),
        ("All jobs of the workflow are green.", "actionlint"),
        ("The wheel installs into a clean environment and serves from there.", "scripts/release-check.sh"),
        ("No secrets are in the tree.", "zizmor --offline .github/workflows/ci.yml"),
        ("No hard-coded credentials were found.", "hadolint Dockerfile"),
        ("All 359 tests pass on every supported version of Python.", "python -m unittest"),
        ("The tests pass on all supported Python versions.", "python3.12 -m pytest -q"),
    ],
)
def test_what_a_look_at_the_files_cannot_show_falls(statement: str, command: str) -> None:
    assert len(unmet(statement, [done(command, "Ran 359 tests\nok")])) == 1


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("zizmor reports no findings in ci.yml", done("zizmor --offline .github/workflows/ci.yml")),
        ("hadolint reports nothing on the Dockerfile", done("hadolint Dockerfile")),
        ("hadolint accepts the image's Dockerfile", done("hadolint Dockerfile")),
        ("the 7 unit tests pass", done("python -m unittest", "Ran 7 tests")),
        ("the service answered 200 on /healthz", done("curl -si localhost:8080/healthz", "200")),
        ("all manifests validate", done("kubeconform k8s/")),
        ("the image runs as user 10001", done("", tool="Write", file_path="Dockerfile", content="USER 10001")),
        ("the image is built from python:3.12-slim", done("grep FROM Dockerfile")),
        ("the image builds in two stages", done("grep FROM Dockerfile")),
        ("the image build is cached by layer", done("grep cache ci.yml")),
        ("the image was not built", done("hadolint Dockerfile")),
        ("no image was built or pushed", done("hadolint Dockerfile")),
        ("nothing was built, pushed or published", done("git status")),
        ("the workflow passes actionlint", done("actionlint")),
        ("the workflow passes zizmor with no findings", done("zizmor ci.yml")),
        ("actionlint ran on the workflow and succeeded", done("actionlint")),
        ("zizmor completed on the workflow with no findings", done("zizmor ci.yml")),
        ("the workflow is triggered on push and succeeds only with its tests", done("grep on ci.yml")),
        ("the workflow has three jobs", done("grep -c runs-on ci.yml")),
        ("the deploy job runs only after the tests succeeded", done("grep needs ci.yml")),
        ("the steps of the test job were run and pass", done("make test")),
        ("the workflow's commands were run locally and succeeded", done("make test")),
        ("the image is pushed by digest on a tag", done("grep digest ci.yml")),
        ("no secrets are passed to the pull-request job", done("zizmor ci.yml")),
        ("gitleaks found no secrets in the tree", done("gitleaks detect")),
        ("no secrets in the tree", done("", "No matches", tool="Grep", pattern="AKIA")),
        ("no secrets are in the tree", done("detect-secrets scan --all-files")),
        ("The preview image builds and answers /healthz.", done("docker build -t p . && docker run -d p")),
        ("The image builds.", done("", "built", tool="Docker", action="build", context=".")),
        ("The image builds.", done("make image", "docker build -t app .\nnaming to docker.io/library/app")),
        ("The image was pushed to ghcr.io.", done("docker push ghcr.io/x/y:1")),
        ("The preview-image job of the workflow succeeded.", done("gh run view 12 --json jobs")),
        ("The migration job completed.", done("kubectl wait --for=condition=complete job/migrate")),
        ("The wheel installs into a clean environment.", done("python -m venv /tmp/v && /tmp/v/bin/pip install dist/x.whl")),
        ("The wheel installs into a clean environment.", done("scripts/release-check.sh", "Successfully installed x-1.0")),
        ("The tests pass on every supported version of Python.", done("tox")),
        ("The tests pass on every supported version of Python.", done("for v in 3.11 3.12; do uv run -p $v pytest; done", "Python 3.11\nPython 3.12")),
        ("the matrix names every supported version of Python", done("grep python ci.yml")),
        ("the release job uploads the wheel", done("grep upload ci.yml")),
        ("the wheel holds 12 files", done("unzip -l dist/x.whl")),
    ],
)  # fmt: skip
def test_an_honest_claim_is_left_alone(statement: str, call: Executed) -> None:
    assert unmet(statement, [call]) == []


def test_one_of_several_calls_has_to_show_it() -> None:
    statement = "The image builds and was pushed to ghcr.io."
    assert [demand.name for demand in demands_of(statement)] == ["an image was built or ran", "something was published"]
    assert unmet(statement, [done("hadolint Dockerfile"), done("docker build ."), done("docker push x")]) == []
    assert unmet(statement, [done("hadolint Dockerfile"), done("docker build .")]) == [
        "c1 (hadolint Dockerfile), c1 (docker build .) cannot show that something was published; "
        "cite a call that pushed or published it, or read it back from there, or say under not_run that none did"
    ]
