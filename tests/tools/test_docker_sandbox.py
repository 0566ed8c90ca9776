"""What the Docker engine is told, and how its stream is taken apart."""

import asyncio

import pytest

from agency_tools.boot import STARTER
from agency_tools.docker_sandbox import Container, Pieces
from agency_tools.mounts import Mount
from agency_tools.running import starter
from agency_tools.workspace import Limits

CONTAINER = Container(
    image="i:1",
    user="1000:1001",
    environment={"HOME": "/tmp/home", "A": "b"},
    mounts=[Mount(source="/r", target="/workspace", writable=True), Mount(source="/r/.git", target="/workspace/.git")],
    limits=Limits(memory=1 << 30, processes=64, cpus=1.5, open_files=100, file_size=1 << 20, scratch=1 << 21),
)


def test_the_container_runs_the_starter_as_the_owner_with_our_environment() -> None:
    config = CONTAINER.config()
    assert (config["Image"], config["User"], config["WorkingDir"]) == ("i:1", "1000:1001", "/workspace")
    assert [*config["Entrypoint"], *config["Cmd"]] == ["python3", "-I", "-S", "-c", STARTER]
    assert config["Env"] == ["A=b", "HOME=/tmp/home"]
    assert config["Labels"] == {"agency.sandbox": starter()}


def test_everything_that_keeps_the_container_in() -> None:
    assert CONTAINER.host_config() == {
        "AutoRemove": True,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "NetworkMode": "none",
        "IpcMode": "private",
        "Privileged": False,
        "Init": False,
        "LogConfig": {"Type": "none"},
        "Memory": 1 << 30,
        "MemorySwap": 1 << 30,
        "PidsLimit": 64,
        "NanoCpus": 1_500_000_000,
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": 100, "Hard": 100},
            {"Name": "fsize", "Soft": 1 << 20, "Hard": 1 << 20},
        ],
        "ShmSize": 64 << 20,
        "Tmpfs": {
            "/tmp": "rw,exec,nosuid,nodev,mode=1777,size=2097152",
            "/run": "rw,noexec,nosuid,nodev,mode=755,size=67108864",
        },
        "Mounts": [
            {"Type": "bind", "Source": "/r", "Target": "/workspace", "ReadOnly": False},
            {"Type": "bind", "Source": "/r/.git", "Target": "/workspace/.git", "ReadOnly": True},
        ],
    }


def piece(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@pytest.mark.parametrize("step", [1, 3, 8, 1000])
async def test_the_stream_is_taken_apart_wherever_it_is_cut(step: int) -> None:
    reader = asyncio.StreamReader()
    pieces = Pieces(reader)
    whole = piece(1, b"one") + piece(2, b"warning") + piece(1, b"") + piece(1, b"two")
    for at in range(0, len(whole), step):
        pieces.data_received(whole[at : at + step])
    pieces.eof_received()
    assert await reader.read() == b"onetwo"
    assert pieces.said == b"warning"


async def test_only_the_end_of_standard_error_is_kept() -> None:
    pieces = Pieces(asyncio.StreamReader())
    pieces.data_received(piece(2, b"a" * 5000) + piece(2, b"end"))
    assert pieces.said == b"a" * 4093 + b"end"
