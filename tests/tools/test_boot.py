"""What is sent into a sandbox: its tool host runs as it was compiled here, or is compiled inside."""

import json
from typing import Any

from agency_tools.boot import parcel, tool_host

HOST = "said = 6 * 7\n"


def sent(**changed: object) -> dict[str, Any]:
    whole = parcel(boot="", host=HOST, program=b"", limits={}, uid=0, gid=0, home="/h")
    assert int.from_bytes(whole[:4], "big") == len(whole) - 4
    return {**json.loads(whole[4:]), **changed}


def said(given: dict[str, Any]) -> object:
    space: dict[str, object] = {}
    exec(tool_host(given), space)
    return space["said"]


def test_a_python_of_the_same_kind_runs_what_was_compiled_here() -> None:
    assert said(sent(host="said = 'compiled inside'")) == 42


def test_a_python_of_another_kind_compiles_the_text_itself() -> None:
    assert said(sent(magic="00", compiled="no code of its kind")) == 42
