"""The wheel holds what a checkout holds: personas, skills, templates, the demonstration."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROBE = """
import agency_runtime, agency_tools
from agency_runtime.lookup import choose_persona, offered_skills
from agency_runtime.shipped import shipped
assert agency_runtime.__file__.startswith({site!r}), agency_runtime.__file__
persona = choose_persona("devops-automator", None)
print(shipped("personas").parent == shipped("skills").parent, persona.name, len(offered_skills(persona, None)))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as an installation lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(site: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Python with the wheel's packages before the checkout's."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *words], cwd=site, env=environment, capture_output=True, text=True, check=False
    )


def test_personas_and_skills_are_found_in_the_package(site: Path) -> None:
    done = run(site, "-c", PROBE.format(site=str(site)))
    assert done.stdout.split() == ["True", "devops-automator", "9"], done.stderr


def test_every_file_of_the_packages_but_recorded_evals_is_there(site: Path) -> None:
    for root, package in (("runtime", "agency_runtime"), ("tools", "agency_tools"), ("evals", "agency_evals")):
        tracked = subprocess.run(
            ["git", "ls-files", f"{root}/{package}"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        missing = [name for name in tracked.stdout.splitlines() if not (site / name.removeprefix(f"{root}/")).is_file()]
        assert missing == []


def test_the_command_starts(site: Path) -> None:
    assert run(site, "-m", "agency_runtime.cli", "--help").returncode == 0
    assert (
        run(
            site, "-m", "agency_runtime.cli", "persona", "check", "--strict", str(site / "agency_runtime" / "personas")
        ).returncode
        == 0
    )
