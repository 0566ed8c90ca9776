"""Docker: what it sends and refuses, and builds and runs on a real engine where there is one."""

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted
from agency_tools.docker_context import context, read_sent
from agency_tools.docker_engine import Client, Engine, connect
from agency_tools.docker_tool import Docker, DockerInput, compose_argv
from agency_tools.dockerfile import base_images
from agency_tools.errors import ToolError
from agency_tools.image import reference
from agency_tools.leftovers import built_images
from agency_tools.running import starter

PROGRAM = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
    if (count < 2) { puts("hello"); return 0; }
    if (!strcmp(words[1], "exit")) return atoi(words[2]);
    if (!strcmp(words[1], "sleep")) { puts("sleeping"); fflush(stdout); sleep(atoi(words[2])); return 0; }
    if (!strcmp(words[1], "write")) { int f = open(words[2], O_CREAT | O_WRONLY, 0600); puts(f < 0 ? "refused" : "written"); return f < 0; }
    if (!strcmp(words[1], "fork")) { int n = 0; while (n < 1000 && fork() > 0) n++; if (n < 1000) printf("%d\n", n); return 0; }
    for (int i = 1; i < count; i++) {
        char line[512]; FILE *file = fopen(words[i], "r");
        while (file && fgets(line, sizeof line, file)) fputs(line, stdout);
    }
    return 0;
}
"""


def names(tar: io.IOBase | Any) -> dict[str, tarfile.TarInfo]:
    """The entries of a context by name."""
    with tar, tarfile.open(fileobj=tar) as archive:
        return {entry.name: entry for entry in archive}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a small context in `app`."""
    app = tmp_path / "repository" / "app"
    app.mkdir(parents=True)
    (app / "Dockerfile").write_text("FROM scratch\nCOPY hello /hello\n")
    (app / "hello").write_text("hi")
    return app.parent


def test_the_context_leaves_out_what_dockerignore_and_the_policy_say(repository: Path) -> None:
    app = repository / "app"
    (app / "node_modules" / "x").mkdir(parents=True)
    (app / "node_modules" / "x" / "y.js").write_text("")
    (app / "node_modules" / "kept.js").write_text("")
    (app / ".env").write_text("TOKEN=1")
    (app / ".dockerignore").write_text("# comment\nnode_modules\n!node_modules/kept.js\nDockerfile\n!.env\n")
    sent = names(context(repository, "app", hidden=[".env"]))
    assert sorted(sent) == [".dockerignore", "Dockerfile", "hello", "node_modules/kept.js"]


def test_a_link_is_sent_as_a_link_and_never_followed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (repository / "app" / "out").symlink_to(tmp_path / "secret")
    (repository / "app" / "folder").symlink_to(tmp_path)
    os.mkfifo(repository / "app" / "pipe")
    sent = names(context(repository, "app"))
    assert sorted(sent) == ["Dockerfile", "folder", "hello", "out"]
    assert (sent["out"].issym(), sent["folder"].issym(), sent["out"].size) == (True, True, 0)


def test_a_context_reached_through_a_link_is_refused(repository: Path, tmp_path: Path) -> None:
    (repository / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(ToolError, match="without following links"):
        context(repository, "elsewhere")
    with pytest.raises(ToolError, match="No such file"):
        context(repository, "absent")


def test_a_dockerfile_that_is_a_link_is_refused(repository: Path, tmp_path: Path) -> None:
    (repository / "app" / "Linked").symlink_to(tmp_path)
    with context(repository, "app", dockerfile="Linked") as tar, pytest.raises(ToolError, match="no file 'Linked'"):
        read_sent(tar, "Linked")


def test_a_context_beyond_its_size_is_refused(repository: Path) -> None:
    (repository / "app" / "large").write_bytes(b"x" * (2 << 20))
    with pytest.raises(ToolError, match=r"over 1 MB: add what the image does not need to \.dockerignore"):
        context(repository, "app", largest=1 << 20)


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("FROM alpine:3.20\nRUN x", ["alpine:3.20"]),
        ("FROM scratch\n", []),
        ("from --platform=linux/amd64 golang AS Build\nFROM build\nCOPY --from=Build /x /x", ["golang"]),
        ("ARG V=3.20\nFROM alpine:${V}\n", ["alpine:3.20"]),
        ("ARG V\nFROM alpine:${V:-edge}\n", ["alpine:edge"]),
        ("FROM a AS one\nFROM b\nCOPY --from=0 /x /y\nCOPY --from=nginx:1 /x /y", ["a", "b", "nginx:1"]),
        ("# FROM no\nFROM \\\n# comment\n  debian\n", ["debian"]),
    ],
)
def test_the_images_a_dockerfile_stands_on_are_known_beforehand(text: str, bases: list[str]) -> None:
    assert base_images(text) == bases


def test_a_build_argument_chooses_the_base_image() -> None:
    assert base_images("ARG V=1\nFROM alpine:$V\n", build_args={"V": "2"}) == ["alpine:2"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nADD http://169.254.169.254/latest/meta-data /x\n",
        'FROM a\nADD ["https://example.com/x", "/x"]\n',
        "FROM a\nARG U=http://x\nADD $U /x\n",
        "FROM a\nAD\\\nD ht\\\ntp://x /x\n",
        "FROM a\nADD\x0bhttp://x /x\n",
        "FROM a\nONBUILD ADD http://x /x\n",
        "FROM a\nADD git@github.com:a/b.git /x\n",
        "FROM a\nRUN --mount=type=secret,id=x cat /run/secrets/x\n",
        "FROM a\nRUN --mount=type=ssh git clone x\n",
        "FROM a\nRUN --network=host curl x\n",
        "FROM a\nRUN --security=insecure x\n",
        "FROM $UNSET\n",
        "FROM a\nCOPY --from=$X /x /x\n",
        "# escape=`\nFROM a\n",
    ],
)
def test_what_the_engine_would_do_outside_the_build_is_refused(text: str) -> None:
    with pytest.raises(ToolError):
        base_images(text)


@pytest.mark.parametrize(
    "given",
    [
        {"action": "push", "image": "x"},
        {"action": "run"},
        {"action": "run", "image": "--privileged"},
        {"action": "run", "image": "x", "privileged": True},
        {"action": "run", "image": "x", "volumes": ["/:/host"]},
        {"action": "run", "image": "x", "network": "host"},
        {"action": "build", "context": "../other"},
        {"action": "build", "network": "host"},
        {"action": "build", "context": "https://example.com/x.git#main\n"},
    ],
)
def test_input_that_would_reach_further_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DockerInput.model_validate(given)


def nobody(timeout_s: int) -> Client:
    """An engine that does not answer."""
    raise ToolError("not run: no Docker engine answers")


async def test_without_an_engine_nothing_was_run(repository: Path) -> None:
    docker = Docker(Scripted(), repository=repository, engine=Engine(feature="x", connect=nobody))
    for action in ("images", "build"):
        with pytest.raises(ToolError, match="no Docker engine answers"):
            await docker.run(DockerInput.model_validate({"action": action, "context": "app"}))


def test_an_engine_that_is_not_there_is_named_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(ToolError, match="not run: no Docker engine answers"):
        connect()


async def test_compose_is_checked_in_the_sandbox_by_whichever_command_is_there(repository: Path) -> None:
    absent, there = Ran(exit_code=1, output="", seconds=0), Ran(exit_code=0, output="services: {}", seconds=0)
    sandbox = Scripted([absent, there, there])
    docker = Docker(sandbox, repository=repository, engine=Engine(feature="x", connect=nobody))
    found = await docker.run(DockerInput(action="compose_config", file="compose.yaml"))
    assert found.content == "services: {}"
    assert sandbox.ran[-1] == compose_argv("compose.yaml", command=["docker-compose"])
    assert sandbox.ran[-1] == ["docker-compose", "--file=/workspace/compose.yaml", "config", "--no-interpolate"]


async def test_compose_that_is_absent_is_not_run(repository: Path) -> None:
    docker = Docker(
        Scripted([Ran(exit_code=127, output="", seconds=0)]), repository=repository, engine=Engine(feature="x")
    )
    with pytest.raises(ToolError, match="not run: docker compose is not in this sandbox"):
        await docker.run(DockerInput(action="compose_config", file="compose.yaml"))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A real engine's share for this test alone; what it made is removed."""
    try:
        with closing(connect()) as client:
            client.ping()
    except ToolError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no Docker engine answers")
    own = Engine(feature=f"test-{os.getpid()}-{abs(hash(request.node.name)) % 10**8}")
    yield own
    own.clean_up()
    for tag in [tag for image in own.images() for tag in image.repo_tags]:
        own.remove(tag)


@pytest.fixture
async def docker(repository: Path, engine: Engine) -> Docker:
    """The tool over the real engine, with an image of PROGRAM as build 1."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler for a program that runs in an empty image")
    app = repository / "app"
    (app / "main.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-static", "-o", "program", "main.c"], cwd=app, check=True)
    (app / ".dockerignore").write_text("main.c\n")
    (app / "Dockerfile").write_text('FROM scratch\nENV TOKEN=x\nCOPY program /program\nENTRYPOINT ["/program"]\n')
    tool = Docker(Scripted(), repository=repository, engine=engine)
    built = await tool.run(DockerInput(action="build", context="app"))
    assert built.text.endswith(f"built agency/{engine.feature}:1")
    return tool


def image(engine: Engine) -> str:
    return f"agency/{engine.feature}:1"


@pytest.mark.docker
async def test_real_images_are_built_listed_inspected_run_and_removed(docker: Docker, engine: Engine) -> None:
    assert (await docker.run(DockerInput(action="run", image=image(engine)))).content == "hello"
    assert (await docker.run(DockerInput(action="images"))).text.startswith(image(engine))
    seen = (await docker.run(DockerInput(action="inspect", image=image(engine)))).text
    assert '"TOKEN"' in seen
    assert "TOKEN=x" not in seen
    assert (await docker.run(DockerInput(action="rmi", image=image(engine)))).content == f"removed {image(engine)}"
    assert (await docker.run(DockerInput(action="images"))).content == "no images of this feature"


@pytest.mark.docker
async def test_real_containers_are_removed_at_the_end_and_images_named(docker: Docker, engine: Engine) -> None:
    run = DockerInput(action="run", image=image(engine), command=("sleep", "60"), detach=True)
    container = (await docker.run(run)).text.removeprefix("started ")
    assert await docker.close() == (image(engine),)
    with pytest.raises(ToolError, match="is not a container of this feature"):
        await docker.run(DockerInput(action="logs", container=container))


async def test_a_run_that_never_asked_the_engine_does_not_ask_it_at_its_end(repository: Path) -> None:
    def asked(timeout_s: int) -> Client:
        raise AssertionError("the engine was asked")

    docker = Docker(Scripted(), repository=repository, engine=Engine(feature="x", connect=asked))
    assert await docker.close() == ()


@pytest.mark.docker
async def test_real_images_of_ended_runs_are_found_and_those_of_running_ones_are_not(
    docker: Docker, engine: Engine, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = engine.inspect(image(engine)).id
    assert own not in {left.name for left in built_images()}
    gone = starter().replace(str(os.getpid()), "999999999", 1)
    monkeypatch.setattr("agency_tools.docker_engine.starter", lambda: gone)
    (repository / "app" / "extra").write_text("x")
    (repository / "app" / "Dockerfile").write_text("FROM scratch\nCOPY extra /extra\n")
    await docker.run(DockerInput(action="build", context="app"))
    made = engine.inspect(f"agency/{engine.feature}:2").id
    left = [left for left in built_images() if left.name == made]
    assert [each.kind for each in left] == ["image"]
    left[0].remove()
    assert engine.absent([f"agency/{engine.feature}:2"]) == [f"agency/{engine.feature}:2"]


@pytest.mark.docker
async def test_real_builds_stand_on_the_workspace_image_where_it_is_there(
    docker: Docker, repository: Path, engine: Engine
) -> None:
    if engine.absent([reference()]):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no workspace image on this engine")
    (repository / "app" / "Dockerfile").write_text(
        f"FROM {reference()}\nRUN python3 -c 'print(6 * 7)' && ! curl -s -m 2 http://192.0.2.1\n"
    )
    built = (await docker.run(DockerInput(action="build", context="app"))).text
    assert "\n42\n" in built
    ran = await docker.run(DockerInput(action="run", image=f"agency/{engine.feature}:2", command=("id", "-u")))
    assert not ran.failed


@pytest.mark.docker
async def test_real_builds_are_numbered_on(docker: Docker, engine: Engine) -> None:
    again = await docker.run(DockerInput(action="build", context="app"))
    assert again.text.endswith(f"built agency/{engine.feature}:2")


@pytest.mark.docker
async def test_real_containers_have_no_network_no_capabilities_and_bounds(docker: Docker, engine: Engine) -> None:
    files = ("/proc/self/status", "/proc/net/dev")
    seen = (await docker.run(DockerInput(action="run", image=image(engine), command=files))).text
    assert "CapEff:\t0000000000000000" in seen
    assert "NoNewPrivs:\t1" in seen
    assert "eth0" not in seen
    forked = await docker.run(DockerInput(action="run", image=image(engine), command=("fork",)))
    assert max(int(line) for line in forked.text.split() if line.isdigit()) < 256


@pytest.mark.docker
async def test_real_exit_codes_read_only_roots_and_timeouts_are_told(docker: Docker, engine: Engine) -> None:
    own = image(engine)
    ended = await docker.run(DockerInput(action="run", image=own, command=("exit", "7")))
    assert (ended.failed, ended.exit_code) == (True, 7)
    sealed = await docker.run(DockerInput(action="run", image=own, command=("write", "/x"), read_only=True))
    assert sealed.text.startswith("refused")
    late = await docker.run(DockerInput(action="run", image=own, command=("sleep", "60"), seconds=1))
    assert (late.failed, "sleeping" in late.text, "killed after 1 s" in late.text) == (True, True, True)


@pytest.mark.docker
async def test_real_containers_left_running_are_read_and_stopped(docker: Docker, engine: Engine) -> None:
    run = DockerInput(action="run", image=image(engine), command=("sleep", "60"), detach=True)
    container = (await docker.run(run)).text.removeprefix("started ")
    for _ in range(50):
        log = (await docker.run(DockerInput(action="logs", container=container))).text
        if "sleeping" in log:
            break
        await asyncio.sleep(0.1)
    assert "sleeping" in log
    assert "stopped" in (await docker.run(DockerInput(action="stop", container=container))).text
    with pytest.raises(ToolError, match="is not a container of this feature"):
        await docker.run(DockerInput(action="logs", container=container))


@pytest.mark.docker
async def test_real_images_and_containers_of_others_are_out_of_reach(
    docker: Docker, engine: Engine, repository: Path
) -> None:
    other = Docker(Scripted(), repository=repository, engine=Engine(feature=f"{engine.feature}-other"))
    for action in ("run", "inspect", "rmi"):
        with pytest.raises(ToolError, match="is not an image of this feature"):
            await other.run(DockerInput.model_validate({"action": action, "image": image(engine)}))
    run = DockerInput(action="run", image=image(engine), command=("sleep", "60"), detach=True)
    container = (await docker.run(run)).text.removeprefix("started ")
    for action in ("logs", "stop"):
        with pytest.raises(ToolError, match="is not a container of this feature"):
            await other.run(DockerInput.model_validate({"action": action, "container": container}))


@pytest.mark.docker
async def test_real_builds_say_which_base_image_is_missing(docker: Docker, repository: Path) -> None:
    (repository / "app" / "Dockerfile").write_text("FROM no.such.registry.example/base:9\n")
    with pytest.raises(ToolError, match=r"no\.such\.registry\.example/base:9 is not on the engine"):
        await docker.run(DockerInput(action="build", context="app"))


@pytest.mark.docker
async def test_real_build_errors_carry_the_log(docker: Docker, engine: Engine, repository: Path) -> None:
    (repository / "app" / "Dockerfile").write_text(f'FROM {image(engine)}\nRUN ["/program", "exit", "3"]\n')
    with pytest.raises(ToolError, match=r"(?s)RUN .*the build failed: .*code: 3"):
        await docker.run(DockerInput(action="build", context="app"))


@pytest.mark.docker
async def test_real_builds_have_no_network(docker: Docker, engine: Engine, repository: Path) -> None:
    (repository / "app" / "Dockerfile").write_text(f'FROM {image(engine)}\nRUN ["/program", "/proc/net/dev"]\n')
    built = (await docker.run(DockerInput(action="build", context="app"))).text
    assert "lo:" in built
    assert "eth0" not in built


@pytest.mark.docker
async def test_a_trigger_hidden_in_a_base_image_is_refused(docker: Docker, engine: Engine, repository: Path) -> None:
    with io.BytesIO() as tar:
        with tarfile.open(fileobj=tar, mode="w") as archive:
            text = f"FROM {image(engine)}\nONBUILD ADD http://169.254.169.254/ /x\n".encode()
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        tar.seek(0)
        trap, _ = engine.build(tar, dockerfile="Dockerfile", args={}, stage=None, network="none", timeout_s=60)
    (repository / "app" / "Dockerfile").write_text(f"FROM {trap}\n")
    with pytest.raises(ToolError, match="the engine would fetch it"):
        await docker.run(DockerInput(action="build", context="app"))
