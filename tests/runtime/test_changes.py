"""What a run changed is exact, however it came about."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agency_runtime.changes import FilesChanged, Snapshot, changes, digests, snapshot
from agency_runtime.lines import Lines, line_counts
from agency_runtime.repository import Repository, find_repository


def git(folder: Path, *words: str) -> str:
    """The tests' own git, as a user would run it."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def settle(folder: Path) -> None:
    """Stage everything, late enough for the index to vouch for what was written."""
    time.sleep(0.03)
    git(folder, "add", "-A")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    (folder / "b.txt").write_text("two\nthree\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "link").symlink_to("a.txt")
    (folder / ".gitignore").write_text("*.log\nbuild/\n")
    settle(folder)
    git(folder, "commit", "-qm", "first")
    return folder


def changed(root: Path, act: Callable[[], object]) -> FilesChanged:
    """What an act changed; told the same with and without the help of the earlier snapshot."""
    repository = find_repository(root)
    before = snapshot(repository)
    act()
    found = changes(before, snapshot(repository))
    assert changes(before, snapshot(repository, before)) == found
    return found


def sh(root: Path, script: str) -> Callable[[], object]:
    return lambda: subprocess.run(["sh", "-ec", script], cwd=root, check=True, capture_output=True)


C, M, D = "created", "modified", "deleted"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("true", {}, id="nothing"),
        pytest.param("mkdir -p k8s && echo x > k8s/app.yaml", {C: ("k8s/app.yaml",)}, id="created through the shell"),
        pytest.param("git rm -q a.txt", {D: ("a.txt",)}, id="git rm"),
        pytest.param("rm a.txt", {D: ("a.txt",)}, id="removed"),
        pytest.param("git rm -q --cached a.txt", {}, id="untracked, still there"),
        pytest.param("git mv a.txt c.txt", {C: ("c.txt",), D: ("a.txt",)}, id="renamed by git"),
        pytest.param("mv a.txt c.txt", {C: ("c.txt",), D: ("a.txt",)}, id="renamed"),
        pytest.param("echo x > new && git add new", {C: ("new",)}, id="created and staged"),
        pytest.param("echo x >> a.txt && git add a.txt", {M: ("a.txt",)}, id="modified and staged"),
        pytest.param("echo x > new && git add new && rm new", {}, id="staged, then removed"),
        pytest.param("echo x >> a.txt; git add a.txt; printf 'one\\n' > a.txt", {}, id="staged, then put back"),
        pytest.param(
            "echo x >> a.txt; git -c user.name=t -c user.email=t@t commit -qam x", {M: ("a.txt",)}, id="committed"
        ),
        pytest.param("echo x >> a.txt; printf 'one\\n' > a.txt", {}, id="edited, then put back"),
        pytest.param("touch a.txt", {}, id="touched"),
        pytest.param("rm a.txt; printf 'one\\n' > a.txt", {}, id="removed, then the same again"),
        pytest.param("printf 'eno\\n' > a.txt; touch -d @1 a.txt", {M: ("a.txt",)}, id="same size, forged time"),
        pytest.param(
            "touch -r a.txt t; printf 'eno\\n' > a.txt; touch -r t a.txt; rm t",
            {M: ("a.txt",)},
            id="same size and time",
        ),
        pytest.param("chmod +x run.sh", {M: ("run.sh",)}, id="mode only"),
        pytest.param("chmod 600 run.sh", {}, id="a mode that git does not keep"),
        pytest.param("ln -sf b.txt link", {M: ("link",)}, id="another target"),
        pytest.param("rm link; printf a.txt > link", {M: ("link",)}, id="link became a file"),
        pytest.param("ln -s /etc outside", {C: ("outside",)}, id="link to a folder outside"),
        pytest.param("ln -s missing dangling", {C: ("dangling",)}, id="dangling link"),
        pytest.param("echo x > debug.log; mkdir build; echo y > build/out", {}, id="ignored"),
        pytest.param("echo x > debug.log; git add -f debug.log", {C: ("debug.log",)}, id="ignored, but added by force"),
        pytest.param("mkfifo pipe", {}, id="a pipe is no file"),
        pytest.param(
            "rm a.txt; mkdir a.txt; echo x > a.txt/x", {C: ("a.txt/x",), D: ("a.txt",)}, id="file became a folder"
        ),
        pytest.param(
            "echo x > 'a b'; echo x > '\"q'; echo x > 'tab\there'", {C: ('"q', "a b", "tab\there")}, id="odd names"
        ),
        pytest.param("echo x > .gitattributes", {C: (".gitattributes",)}, id="attributes"),
        pytest.param(
            "printf '* text=auto\\n' > .gitattributes; touch b.txt", {C: (".gitattributes",)}, id="attributes later"
        ),
        pytest.param(
            "mkdir -p .agency/handoff/x .agency/sessions .agency/decisions .agency/runbooks;"
            "for f in handoff/x/s.md sessions/e decisions/infrastructure.md runbooks/r.md; do echo x > .agency/$f; done",
            {C: (".agency/decisions/infrastructure.md", ".agency/runbooks/r.md")},
            id="the runtime's own files",
        ),
        pytest.param("mkdir -p .git/info; echo x > .git/info/y", {}, id="inside .git"),
    ],
)
def test_changes(root: Path, script: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert changed(root, sh(root, script)) == FilesChanged(**expected)


def test_a_links_target_is_taken_as_it_is_written(root: Path) -> None:
    (root / "dotted").symlink_to("./a.txt")
    git(root, "add", "-A")
    assert changed(root, sh(root, "rm dotted; ln -s ./a.txt dotted")) == FilesChanged()


def test_a_clean_file_is_known_without_being_read(root: Path) -> None:
    found = snapshot(find_repository(root))
    assert found[b"a.txt"] == f"100644 {git(root, 'rev-parse', 'HEAD:a.txt').strip()}"
    assert not found.contents


def test_a_file_written_at_the_time_of_the_index_is_read(root: Path) -> None:
    (root / "racy").write_text("one")
    git(root, "add", "-A")
    index = (root / ".git" / "index").stat().st_mtime_ns
    os.utime(root / "racy", ns=(index, index))
    git(root, "update-index", "--refresh")
    os.utime(root / ".git" / "index", ns=(index, index))
    assert changed(root, sh(root, "printf two > racy")) == FilesChanged(modified=("racy",))


def test_what_the_user_had_changed_before_is_not_the_runs(root: Path) -> None:
    (root / "a.txt").write_text("the user's\n")
    (root / "mine").write_text("the user's\n")
    git(root, "rm", "-q", "b.txt")
    assert changed(root, sh(root, "echo x > new; echo more >> mine")) == FilesChanged(
        created=("new",), modified=("mine",)
    )


def test_the_users_change_undone_is_a_change(root: Path) -> None:
    (root / "a.txt").write_text("the user's\n")
    assert changed(root, sh(root, "git checkout -q a.txt")) == FilesChanged(modified=("a.txt",))


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert changed(tmp_path, sh(tmp_path, "echo x > x")) == FilesChanged(created=("x",))


def test_a_repository_of_sha256(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "a").write_text("x")
    git(tmp_path, "add", "-A")
    assert changed(tmp_path, sh(tmp_path, "printf y > a; printf x > a; touch a")) == FilesChanged()


def test_line_ends_that_git_converts(root: Path) -> None:
    (root / ".gitattributes").write_text("*.txt text eol=crlf\n")
    (root / "dos.txt").write_bytes(b"a\r\nb\r\n")
    settle(root)
    git(root, "commit", "-qm", "dos")
    assert changed(root, sh(root, "touch dos.txt")) == FilesChanged()
    assert changed(root, sh(root, "rm .gitattributes; touch dos.txt")) == FilesChanged(deleted=(".gitattributes",))
    assert changed(root, sh(root, "printf 'a\\nb\\n' > dos.txt")) == FilesChanged(modified=("dos.txt",))


def test_automatic_line_ends(root: Path) -> None:
    git(root, "config", "core.autocrlf", "true")
    (root / "dos.txt").write_bytes(b"a\r\n")
    settle(root)
    assert changed(root, sh(root, "touch dos.txt")) == FilesChanged()


def test_names_that_are_not_utf8_are_kept_without_loss(root: Path) -> None:
    name = b"caf\xe9.txt"

    def create() -> None:
        (root / os.fsdecode(name)).write_text("x")

    found = changed(root, create)
    kept = json.loads(json.dumps(found.json()))
    assert [os.fsencode(path) for path in kept["created"]] == [name]


def test_a_path_behind_a_new_link_is_gone(root: Path, tmp_path: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "x").write_text("x")
    git(root, "add", "-A")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("x")
    found = changed(root, sh(root, "rm -r sub; ln -s ../elsewhere sub"))
    assert found == FilesChanged(created=("sub",), deleted=("sub/x",))


@pytest.fixture
def submodule(root: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", str(root), "other")
    git(root, "submodule", "add", "-q", str(tmp_path / "other"), "lib")
    git(root, "commit", "-qm", "lib")
    return root / "lib"


def test_a_submodule_left_alone(root: Path, submodule: Path) -> None:
    assert submodule.is_dir()
    assert changed(root, sh(root, "git status")) == FilesChanged()


def test_a_submodule_at_another_commit(root: Path, submodule: Path) -> None:
    act = sh(submodule, "git -c user.name=t -c user.email=t@t commit -q --allow-empty -m x")
    assert changed(root, act) == FilesChanged(modified=("lib",))


def test_a_submodule_with_other_content(root: Path, submodule: Path) -> None:
    assert changed(root, sh(submodule, "echo x >> a.txt")) == FilesChanged(modified=("lib",))
    assert changed(root, sh(submodule, "git checkout -q a.txt; echo x > noise.log")) == FilesChanged(modified=("lib",))


def test_a_submodule_that_is_not_checked_out(root: Path, submodule: Path) -> None:
    git(root, "submodule", "-q", "deinit", "-f", "lib")
    act = sh(root, "echo x > new; git add new; git -c user.name=t -c user.email=t@t commit -qm x")
    assert changed(root, act) == FilesChanged(created=("new",))
    assert submodule.is_dir()


def test_a_repository_inside_counts_as_one(root: Path) -> None:
    create = sh(root, "git init -q inner; echo x > inner/x")
    assert changed(root, create) == FilesChanged(created=("inner",))
    assert changed(root, sh(root, "echo y > inner/x")) == FilesChanged(modified=("inner",))


def test_the_digests_of_what_is_there_now(root: Path) -> None:
    (root / "new").write_text("x")
    files = FilesChanged(created=("new",), modified=("a.txt",), deleted=("gone",))
    now = snapshot(find_repository(root))
    assert digests(files, now) == {"new": now[b"new"], "a.txt": now[b"a.txt"]}


def test_lines_added_and_removed(root: Path) -> None:
    (root / "mine.txt").write_text("1\n2\n3\n")
    (root / "bin").write_bytes(b"\0\1")
    repository = find_repository(root)
    before = snapshot(repository)
    sh(root, "printf '1\\n3\\n4\\n5\\n' > mine.txt; echo x >> b.txt; rm a.txt; printf 'n\\nm\\n' > new; chmod +x run.sh;"
       "printf '\\0\\2' > bin; ln -sf b.txt link; : > empty")()  # fmt: skip
    after = snapshot(repository)
    assert line_counts(repository, before, after, changes(before, after)) == {
        "a.txt": Lines(0, 1),
        "b.txt": Lines(1, 0),
        "bin": None,
        "empty": Lines(0, 0),
        "link": None,
        "mine.txt": Lines(2, 1),
        "new": Lines(2, 0),
        "run.sh": Lines(0, 0),
    }


def test_no_lines_where_nothing_changed(root: Path) -> None:
    empty = Snapshot({})
    assert line_counts(Repository(root), empty, empty, FilesChanged()) == {}


def test_ten_thousand_files_take_less_than_a_second(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for number in range(10_000):
        path = tmp_path / f"{number % 100}" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number}\n")
    git(tmp_path, "add", "-A")
    repository = find_repository(tmp_path)
    began = time.perf_counter()
    before = snapshot(repository)
    took = time.perf_counter() - began
    (tmp_path / "7" / "7.txt").write_text("changed\n")
    assert changes(before, snapshot(repository, before)) == FilesChanged(modified=("7/7.txt",))
    assert took < 1
