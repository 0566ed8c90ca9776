"""Public tasks: what of their images is taken over, what is refused by name, and what their tests must not need."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evals.conftest import MakeCase

from agency_evals.agents import Choices
from agency_evals.attempt import attempt
from agency_evals.case import Unread, find_cases, read_case
from agency_evals.dockerfile_text import instructions
from agency_evals.dockerignore import ignoring
from agency_evals.fixture import laid_out
from agency_evals.lint import lint
from agency_evals.results import CaseResult
from agency_evals.run_folder import RunFolder
from agency_evals.suite import jobs_of
from agency_evals.task_file import resolved
from agency_evals.tree import read_tree
from agency_tools.errors import UsageError

BWRAP = Choices(sandbox="bwrap")
PUBLIC = 'version = "1.0"\n[metadata]\n[verifier]\ntimeout_sec = 60.0\n[environment]\ncpus = 1\n'
NO_WORKSPACE = {"task.toml": PUBLIC, "environment/workspace/README.md": None}


def public(
    make_case: MakeCase, dockerfile: str, files: Mapping[str, str | None] | None = None, name: str = "a"
) -> Path:
    return make_case(name, {**NO_WORKSPACE, "environment/Dockerfile": dockerfile, **(files or {})})


def refusal(case: Path) -> str:
    with pytest.raises(UsageError) as refused, laid_out(read_case(case)):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def attempted(case: Path, tmp_path: Path, agent: str = "oracle") -> CaseResult:
    folder = RunFolder(tmp_path / "run")
    folder.begin({})
    (job,) = jobs_of([read_case(case)], replace(BWRAP, agent=agent), folder.path)  # type: ignore[arg-type]
    return attempt(job)


def files_of(case: Path) -> dict[str, str]:
    with laid_out(read_case(case)) as fixture:
        return {path: entry.text for path, entry in read_tree(fixture.root).items() if entry.kind == "file"}


def test_copies_follow_the_builders_rules(make_case: MakeCase) -> None:
    dockerfile = (
        "# a comment\nARG BASE=ubuntu:24.04\nFROM --platform=linux/amd64 ${BASE} AS base\nARG WHERE=/app\n"
        "ENV DATA=$WHERE/data MODE=fast\nWORKDIR $WHERE\nCOPY --chown=1000:1000 --chmod=755 run.sh ./bin/\n"
        'COPY ["two words.txt", "named.txt"]\nCOPY src/ ${DATA}/\nCOPY one.txt two.txt both/\nADD *.cfg /app/etc/\n'
        'COPY <<EOF greeting.txt\nhello $MODE\nEOF\nCOPY <<"EOF" literal.txt\nhello $MODE\nEOF\n'
        'CMD ["bash"]\n'
    )
    texts = ("run.sh", "two words.txt", "src/a/b.txt", "src/skip.log", "one.txt", "two.txt", "x.cfg", "y.cfg")
    files: dict[str, str | None] = {f"environment/{name}": f"{name}\n" for name in texts}
    case = public(make_case, dockerfile, {**files, "environment/.dockerignore": "**/*.log\n!src/keep.log\n"})
    with laid_out(read_case(case)) as fixture:
        tree = read_tree(fixture.root)
        assert (fixture.variables, fixture.aliases) == ({"DATA": "/app/data", "MODE": "fast"}, ("/app",))
    assert {path: entry.text for path, entry in tree.items()} == {
        "bin/run.sh": "run.sh\n", "both/one.txt": "one.txt\n", "both/two.txt": "two.txt\n", "data/a/b.txt": "src/a/b.txt\n",
        "etc/x.cfg": "x.cfg\n", "etc/y.cfg": "y.cfg\n", "greeting.txt": "hello fast\n", "literal.txt": "hello $MODE\n",
        "named.txt": "two words.txt\n",
    }  # fmt: skip
    assert tree["bin/run.sh"].executable


def test_commands_that_only_make_files_are_performed(make_case: MakeCase) -> None:
    dockerfile = (
        "FROM python:3.12\nWORKDIR /app\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n"
        "RUN pip install --no-cache-dir pandas==2.2\nRUN curl -LsSf https://astral.sh/uv/install.sh | sh\n"
        "RUN mkdir -p a/{b,c} d && touch a/b/empty && echo 'one; two' > d/said && printf 'x\\ny %s\\n' z >> d/said\n"
        "RUN cat > run.sh <<'EOF'\n#!/bin/sh\necho $HOME\nEOF\nRUN chmod +x run.sh && cp -r d e && mv e/said e/told; rm -f d/said\n"
        "RUN <<EOF\nln -s run.sh link\nchmod -R go-rwx d\nEOF\nRUN bash -lc 'set -e; mkdir f; echo 1 > f/n' || true\n"
        "RUN g++ --version && cd d && touch here\n"
    )
    case = public(make_case, dockerfile)
    with laid_out(read_case(case)) as fixture:
        tree = read_tree(fixture.root)
        notes = "\n".join(fixture.notes)
    assert {path: entry.text for path, entry in tree.items()} == {
        "a/b/empty": "", "a/c": "", "d/here": "", "e/told": "one; two\nx\ny z\n", "f/n": "1\n", "link": "run.sh",
        "run.sh": "#!/bin/sh\necho $HOME\n",
    }  # fmt: skip
    assert tree["run.sh"].executable
    assert tree["link"].kind == "link"
    for said in ("apt-get install -y curl", "pip install --no-cache-dir pandas==2.2", "python:3.12 is not pulled"):
        assert said in notes


@pytest.mark.parametrize(
    ("dockerfile", "line", "said"),
    [
        ("FROM a\nRUN make all\n", 2, "runs 'make all'"),
        ("FROM a\nRUN mkdir x && wget -q https://h/x.tar\n", 2, "runs 'wget -q https://h/x.tar'"),
        ("FROM a\nRUN for i in 1 2; do touch $i; done\n", 2, "runs 'for i in 1 2'"),
        ("FROM a\nRUN cat x | sort > y\n", 2, "runs 'cat x | sort > y'"),
        ("FROM a\nWORKDIR /app\nCOPY --from=ghcr.io/x/uv:1 /uv /bin/\n", 3, "copies from another image (ghcr.io/x/uv:1)"),
        ("FROM a\nADD https://h/f /app/\n", 2, "fetches https://h/f"),
        ("FROM a\nCOPY ../secret /app/\n", 2, "copies ../secret, which is outside of environment/"),
        ("FROM a\nCOPY nothing /app/\n", 2, "copies nothing, which is not there"),
        ("FROM a\nCOPY start.txt /usr/local/bin/tool\n", 2, "puts /usr/local/bin/tool among the system's own files"),
        ("FROM a\nWORKDIR /app\nCOPY start.txt /workspace/x\n", 3, "puts /workspace/x where the working folder is seen"),
        ("FROM a\nADD x.tar.gz /app/\n", 2, "unpacks x.tar.gz"),
        ("FROM a\nONBUILD RUN x\n", 2, "ONBUILD is not understood"),
    ],
)  # fmt: skip
def test_what_needs_more_than_files_is_refused_by_line(
    make_case: MakeCase, dockerfile: str, line: int, said: str
) -> None:
    case = public(make_case, dockerfile, {"environment/start.txt": "x\n"})
    told = refusal(case)
    assert f"environment/Dockerfile:{line}: {said}" in told
    assert told.endswith("only files can be taken over")
    assert next(finding.message for finding in lint(case) if finding.rule == "needs-image").startswith(said[:20])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"task.toml": PUBLIC + '[[steps]]\nname = "one"\n'}, "task.toml: steps: it has several steps"),
        ({"task.toml": '[environment]\nos = "Windows"\n'}, "environment.os: Windows cannot be had here"),
        (
            {"task.toml": '[environment]\ndocker_image = "r/i:1"\n', "environment/Dockerfile": None},
            "environment.docker_image: r/i:1 is not pulled",
        ),
        (
            {"environment/docker-compose.yaml": "services:\n  main: {}\n  db: {}\n"},
            "docker-compose.yaml: needs the services main, db",
        ),
    ],
)
def test_a_task_that_asks_for_more_than_one_container_of_files_is_refused(
    make_case: MakeCase, files: dict[str, str | None], said: str
) -> None:
    case = public(make_case, "FROM a\n", files)
    with pytest.raises(UsageError) as refused, laid_out(read_case(case)):
        pass
    assert said in str(refused.value)


def test_no_link_of_an_image_leads_out_of_it(make_case: MakeCase, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    dockerfile = (
        f"FROM a\nWORKDIR /app\nRUN ln -s {outside} out && ln -s ../../../../../../{outside} up\n"
        "COPY start.txt out/one\nCOPY folder/ ./\nRUN echo x > up/two && rm -rf out/* && chmod 777 up\n"
    )
    files: dict[str, str | None] = {"environment/start.txt": "x\n", "environment/folder/out/three": "x\n"}
    mode = outside.stat().st_mode
    assert f"puts {outside}/one among the system's own files" in refusal(public(make_case, dockerfile, files))
    assert (list(outside.iterdir()), outside.stat().st_mode) == ([], mode)


def test_only_the_last_stage_and_those_under_it_are_in_the_image(make_case: MakeCase) -> None:
    dockerfile = (
        "FROM golang AS build\nRUN go build ./...\nFROM scratch AS base\nWORKDIR /app\nRUN touch base\n"
        "FROM base\nRUN touch last\n"
    )
    assert set(files_of(public(make_case, dockerfile))) == {"base", "last"}


@pytest.mark.parametrize(
    ("workdir", "alias", "start"),
    [
        ("/task", "/task", "/workspace"), ("/app/src", "/app", "/workspace/src"), ("/workspace/x", None, "/workspace/x"),
        ("/home/user", "/home/user", "/workspace"), ("/usr/src/app", "/usr/src/app", "/workspace"),
    ],
)  # fmt: skip
def test_the_working_folder_is_the_repository_with_all_that_lies_beside_it(
    make_case: MakeCase, workdir: str, alias: str | None, start: str
) -> None:
    dockerfile = f"FROM a\nWORKDIR {workdir}\nCOPY start.txt .\n"
    with laid_out(read_case(public(make_case, dockerfile, {"environment/start.txt": "x\n"}))) as fixture:
        assert (fixture.root / start.removeprefix("/workspace").lstrip("/") / "start.txt").is_file()
        assert (fixture.start, [path for path in fixture.aliases if path != "/app" or alias == "/app"]) == (
            start,
            [alias] if alias else [],
        )


def test_ignore_rules_are_anchored_and_the_last_one_counts(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# no\n*.md\n!README.md\n**/cache\nbuild/**\n/top.txt\na?c\n")
    ignored = ignoring(tmp_path)
    out = ["x.md", "deep/cache", "deep/cache/x", "cache", "build/x", "top.txt", "abc"]
    kept = ["README.md", "deep/x.md", "build", "deep/top.txt", "ac", "cached"]
    assert [name for name in out + kept if ignored(name)] == out


def test_here_documents_and_continued_lines_keep_their_place() -> None:
    text = (
        'FROM a\r\nRUN cat <<-X >f && \\\r\n  # why\r\n  echo <<<Y\r\n\tone\r\n\tX\r\ncopy\t<<"B" b\nb $x\nB\nENV A=1\n'
    )
    found = instructions(text)
    assert [(each.name, each.line) for each in found] == [("FROM", 1), ("RUN", 2), ("COPY", 7), ("ENV", 10)]
    assert [(body.word, body.text, body.literal) for each in found for body in each.bodies] == [
        ("X", "one", False), ("B", "b $x", True),
    ]  # fmt: skip


def test_variables_of_this_machine_are_not_handed_to_a_public_task() -> None:
    given = {"A": "${SECRET}", "B": "${SECRET:-other}", "C": "plain", "D": "x-${SECRET}-y", "E": ""}
    assert resolved(given) == {"B": "other", "C": "plain", "D": "x--y", "E": ""}


def test_a_case_that_cannot_be_read_is_an_error_and_takes_no_other_with_it(make_case: MakeCase, tmp_path: Path) -> None:
    make_case("good")
    bad = make_case("bad", {"instruction.md": None})
    unread: list[Unread] = []
    cases = find_cases([str(bad.parent)], unread=unread)
    jobs = jobs_of(cases, replace(BWRAP, agent="nop"), tmp_path / "run", unread=unread)
    assert [job.id for job in jobs] == ["good", "bad"]
    (tmp_path / "run").mkdir()
    result = attempt(jobs[1])
    assert (result.outcome, result.as_expected) == ("error", False)
    assert result.fault is not None
    assert "instruction.md: No such file" in result.fault.message
    with pytest.raises(UsageError, match=r"instruction\.md"):
        find_cases([str(bad)], unread=[])


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("script", "outcome", "said"),
    [
        ("uvx --with pytest-json-ctrf pytest --ctrf /logs/verifier/ctrf.json /tests/test_outputs.py -rA", "passed", ""),
        ("uv init; uv add pytest==8.4.1; uv run pytest $TEST_DIR/test_outputs.py", "passed", ""),
        ("uv venv .v; source .v/bin/activate; uv pip install pytest; pytest /tests/test_outputs.py", "passed", ""),
        ("python -m pip install -q pytest && python3 -m pytest /tests/test_outputs.py", "passed", ""),
        ("set -e; curl -LsSf https://astral.sh/uv/0.9/install.sh | sh; source $HOME/.local/bin/env; uvx pytest /tests", "passed", ""),
        ("nosuchcompiler Main.x", "unscored", "nosuchcompiler"),
        ("pip install nosuchpackage==1 2>/dev/null", "unscored", "nosuchpackage"),
        ("curl -sS https://example.com/x", "unscored", "a network"),
        ("mkdir /shared", "unscored", "to write to /shared"),
        ("make", "unscored", "nosuchcompiler"),
        ("false", "failed", ""),
    ],
)  # fmt: skip
def test_tests_are_run_as_written_and_what_they_lack_is_named(
    make_case: MakeCase, tmp_path: Path, script: str, outcome: str, said: str
) -> None:
    whole = f"cd /app\n{script}\nif [ $? -eq 0 ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n"
    case = public(
        make_case, "FROM a\nWORKDIR /app\nCOPY Makefile .\n",
        {
            "environment/Makefile": "all:\n\tnosuchcompiler x.rs\n", "tests/test.sh": whole,
            "tests/test_outputs.py": "def test_it() -> None:\n    assert open('/app/answer.txt').read() == '42\\n'\n",
        },
    )  # fmt: skip
    result = attempted(case, tmp_path)
    assert result.outcome == outcome, result
    if said:
        evidence = result.scores[0].evidence
        assert evidence is not None
        assert f"not in the sandbox, and the tests need it: {said}" in evidence.excerpt


@pytest.mark.bwrap
def test_a_module_is_the_sandboxs_to_have_only_where_the_case_would_have_installed_it(
    make_case: MakeCase, tmp_path: Path
) -> None:
    tests = "import polars_x\n\n\ndef test_it() -> None:\n    assert polars_x\n"
    files = {"tests/test.sh": None, "tests/test_outputs.py": tests}
    foreign = public(make_case, "FROM a\nRUN pip install 'polars-x>=1'\n", files, "foreign")
    agents = public(make_case, "FROM a\n", files, "agents")
    assert [attempted(case, tmp_path).outcome for case in (foreign, agents)] == ["unscored", "failed"]


@pytest.mark.bwrap
def test_a_skipped_test_is_no_pass_whatever_reward_the_script_writes(make_case: MakeCase, tmp_path: Path) -> None:
    script = "uvx pytest /tests/test_outputs.py && echo 1 > /logs/verifier/reward.txt\n"
    tests = "import pytest\n\n\ndef test_it() -> None:\n    pytest.skip('no')\n"
    case = public(make_case, "FROM a\n", {"tests/test.sh": script, "tests/test_outputs.py": tests})
    result = attempted(case, tmp_path)
    assert result.outcome == "unscored"
    assert result.scores[0].evidence is not None
    assert "1 of 1 tests were skipped" in result.scores[0].evidence.excerpt


@pytest.mark.bwrap
def test_a_solution_that_needs_what_is_not_there_is_no_broken_case(make_case: MakeCase, tmp_path: Path) -> None:
    result = attempted(public(make_case, "FROM a\n", {"solution/solve.sh": "nosuchcompiler X.x\n"}), tmp_path)
    assert result.outcome == "unscored"
    assert result.scores[0].evidence is not None
    assert "the solution needs it: nosuchcompiler" in result.scores[0].evidence.excerpt


@pytest.mark.bwrap
def test_public_tasks_run_unchanged_in_both_shapes(make_case: MakeCase, tmp_path: Path) -> None:
    tests = (
        "from pathlib import Path\ndef test_it() -> None:\n    assert Path('/app/answer.txt').read_text() == 'start 42\\n'\n"
        "    assert Path('/data/in.csv').is_file()\n    assert Path('/data/latest.csv').resolve() == Path('/data/in.csv')\n"
    )
    docker = (
        "FROM ubuntu:24.04\nRUN apt-get update && apt-get install -y tmux && ln -s /usr/bin/python3 /usr/bin/python\n"
    )
    docker += "WORKDIR /app\nCOPY start.txt /app/\nCOPY in.csv /data/\nRUN ln -s /data/in.csv /data/latest.csv\n"
    solve = "cd /app && (cat start.txt; echo 42) | paste -sd' ' > answer.txt\n"
    harbor = make_case(
        "harbor",
        {
            "task.toml": 'version = "1.0"\n[metadata]\nauthor_name = "x"\n[verifier]\ntimeout_sec = 60.0\n[environment]\ncpus = 1\n',
            "environment/workspace/README.md": None, "environment/Dockerfile": docker, "environment/start.txt": "start\n",
            "environment/in.csv": "1\n", "tests/test_outputs.py": tests, "solution/solve.sh": solve,
            "tests/test.sh": "apt-get update\ncurl -LsSf https://astral.sh/uv/install.sh | sh\nuvx pytest /tests/test_outputs.py\n",
        },
    )  # fmt: skip
    older = make_case(
        "older",
        {
            "task.toml": None, "instruction.md": None, "environment/workspace/README.md": None, "tests/test.sh": None,
            "solution/solve.sh": None, "task.yaml": "instruction: |-\n  Write answer.txt.\nparser_name: pytest\ntags: [x]\n",
            "Dockerfile": docker, "start.txt": "start\n", "in.csv": "1\n", "run-tests.sh": "uv run pytest $TEST_DIR/test_outputs.py\n",
            "solution.sh": solve, "tests/test_outputs.py": tests,
        },
    )  # fmt: skip
    for case in (harbor, older):
        solved, idle = (attempted(case, tmp_path, agent) for agent in ("oracle", "nop"))
        assert (solved.outcome, idle.outcome) == ("passed", "failed"), (case, solved)
