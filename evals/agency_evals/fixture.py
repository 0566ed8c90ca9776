"""A case's workspace, laid out in a fresh folder as the agent finds it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import yaml

from agency_evals.case import FIXTURE, Case
from agency_evals.container import build, mounts_of, placing
from agency_evals.stand_ins import for_agents
from agency_evals.task_file import Files
from agency_evals.tree import Tree, read_tree, write_tree
from agency_runtime.host_git import environment
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError
from agency_tools.workspace import ROOT

STANDS_FOR = {
    name: f".{name.removeprefix('dot_')}"
    for name in ("dot_git", "dot_gitignore", "dot_gitattributes", "dot_gitmodules")
}
"""Names that git could not keep in the case's own repository, and what they stand for."""

EMPTY = "dot_keep"
DATE = "2026-01-01T00:00:00Z"
AUTHOR = (
    "-c",
    "user.name=Case",
    "-c",
    "user.email=case@example.invalid",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "maintenance.auto=false",
)
OTHERS = ("docker-compose.yaml", "docker-compose.yml", "run-tests.sh", "solution.sh", "solution.yaml", "task.yaml")


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """Where a case's workspace lies, and what the sandbox needs besides.

    root: the repository. own_git: it was made here, the case brings none. aliases: other paths at which the workspace is
    seen. start: where one works. read_write: further folders, {host path: path inside}. tool_paths: folders that come
    first on PATH. notes: what of a public task could not be taken over.
    """

    root: Path
    own_git: bool = True
    aliases: Sequence[str] = ()
    start: str = ROOT
    read_write: Mapping[str, str] = field(default_factory=dict[str, str])
    tool_paths: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: Sequence[str] = ()


@contextmanager
def laid_out(case: Case, *, keep: bool = False) -> Generator[Fixture]:
    """The workspace in a temporary folder, gone afterwards unless it is to be kept. Raises UsageError as `lay_out`."""
    folder = Path(tempfile.mkdtemp(prefix=f"agency-eval-{case.id}-"))
    try:
        yield lay_out(case, folder)
    finally:
        if not keep:
            shutil.rmtree(folder, onerror=_made_writable)


def lay_out(case: Case, folder: Path) -> Fixture:
    """The workspace below an empty folder. Raises UsageError where the case's files cannot make one."""
    fixture = public(case, folder) if recipe_of(case) else _copied(case, folder / "workspace")
    spec = case.agency.workspace
    for path, mode in spec.modes.items():
        if not (fixture.root / path).exists() or not (fixture.root / path).resolve().is_relative_to(
            fixture.root.resolve()
        ):
            raise UsageError(f"{case.folder}/task.toml: workspace.modes names {path}, which is not in the workspace")
        (fixture.root / path).chmod(int(mode, 8))
    if fixture.own_git:
        _commit(fixture.root, spec)
    return _with_stand_ins(fixture, folder / "bin") if case.task.public else fixture


def _with_stand_ins(fixture: Fixture, folder: Path) -> Fixture:
    """A public task's agent finds the programs that most images have."""
    for_agents(folder)
    return replace(fixture, tool_paths=(str(folder),))


def fixture_digest(case: Case) -> str:
    """A digest of what makes the workspace; results of another digest were made on other files."""
    from agency_evals.case import digest_of

    folder = case.folder / "environment"
    return (
        digest_of(folder)
        if folder.is_dir()
        else digest_of(case.folder, leaving_out=("recordings", "tests", "solution"))
    )


def recipe_of(case: Case) -> Path | None:
    """The Dockerfile of a public task."""
    if (case.folder / FIXTURE).is_dir():
        return None
    places = (case.folder / "environment" / "Dockerfile", case.folder / "Dockerfile")
    return next((path for path in places if path.is_file()), None)


def _copied(case: Case, root: Path) -> Fixture:
    source = case.folder / FIXTURE
    source = source if source.is_dir() else case.folder / "environment"
    image = case.task.environment.docker_image
    if case.task.public and image and not source.is_dir():
        raise UsageError(
            f"{case.folder}/task.toml: environment.docker_image: {image} is not pulled; only files can be had"
        )
    root.mkdir()
    if source.is_dir():
        _copy(source, root)
    public = case.task.agency is None
    return Fixture(root=root, own_git=not (root / ".git").exists(), aliases=("/app",) if public else ())


def _copy(source: Path, target: Path) -> None:
    """Copy what lies in a folder, under the names it stands for."""
    with os.scandir(source) as found:
        for each in found:
            where = target / STANDS_FOR.get(each.name, each.name)
            if each.is_symlink():
                where.symlink_to(Path(each.path).readlink())
            elif each.is_dir():
                where.mkdir()
                _copy(Path(each.path), where)
            elif each.name != EMPTY:
                shutil.copy2(each.path, where)


def public(case: Case, folder: Path) -> Fixture:
    """The workspace of a public task: the Dockerfile's working folder, with what else it copies beside it.

    Raises UsageError for an instruction that needs more than files.
    """
    recipe = recipe_of(case)
    assert recipe is not None
    _one_container(recipe)
    container = build(recipe, folder / "image")
    place = placing(container, case.task.environment.workdir)
    place.root.mkdir(parents=True, exist_ok=True)
    if recipe.parent == case.folder:
        for name in OTHERS:
            (place.root / name).unlink(missing_ok=True)
    beside = mounts_of(container, place.alias)
    aliases = tuple(dict.fromkeys(path for path in (place.alias, "/app") if path not in (ROOT, *beside.values())))
    return Fixture(
        root=place.root,
        own_git=not (place.root / ".git").exists(),
        aliases=aliases,
        start=ROOT + place.start.removeprefix(place.alias),
        read_write=beside,
        variables=container.variables,
        notes=container.notes,
    )


def _one_container(recipe: Path) -> None:
    """Raises UsageError for a task of several containers, naming the others."""
    for name in ("docker-compose.yaml", "docker-compose.yml"):
        path = recipe.parent / name
        if not path.is_file():
            continue
        try:
            services = list(json_object(json_object(yaml.safe_load(path.read_text(encoding="utf-8"))).get("services")))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
        if len(services) > 1:
            raise UsageError(
                f"{path}: needs the services {', '.join(map(str, services))}; here a case has one sandbox and no other"
            )


def commit_all(root: Path) -> None:
    """A repository with everything in its one commit. Raises UsageError where git is not there."""
    _commit(root, Files())


def _commit(root: Path, spec: Files) -> None:
    """A repository with one commit, the same on every machine, but for what is to stay out of it."""
    (root / ".git").mkdir()
    write_tree(root / ".git", _empty_repository(spec.branch))
    if not spec.commit:
        return
    _git(root, "add", "-A")
    if left_out := [f":(glob){pattern}" for pattern in (*spec.untracked, *spec.staged)]:
        _git(root, "rm", "-q", "-r", "--cached", "--ignore-unmatch", "--", *left_out)
    _git(root, *AUTHOR, "commit", "-q", "--allow-empty", "--no-verify", "-m", spec.message)
    if spec.staged:
        _git(root, "add", "-f", "--", *(f":(glob){pattern}" for pattern in spec.staged))


@cache
def _empty_repository(branch: str) -> Tree:
    """What `git init` makes; asked for once a branch, since it costs as much as the commit."""
    with tempfile.TemporaryDirectory(prefix="agency-eval-") as folder:
        _git(Path(folder), "init", "-q", "--template=", "-b", branch)
        return read_tree(Path(folder) / ".git")


def _git(root: Path, *words: str) -> None:
    """Run git with nothing of the user's configuration. Raises UsageError where it fails or is not there."""
    fixed = {
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "0",
    }
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, env={**environment(), **fixed}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise UsageError("git: not found on PATH; install it") from error
    if done.returncode:
        raise UsageError(f"git {words[-1]} failed in {root}: {done.stderr.strip()}")


def _made_writable(remove: object, path: str, _: object) -> None:
    """Folders that a case or an agent made read-only are removed all the same."""
    above = Path(path).parent
    above.chmod(0o700)
    if Path(path).is_dir() and not Path(path).is_symlink():
        Path(path).chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)
    else:
        Path(path).unlink(missing_ok=True)
