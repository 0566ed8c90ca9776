"""MCP servers in a run: where they are declared, what the gate makes of their hints, and that a recording replays without them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.gate import Gate, Rules
from agency_runtime.gate.modes import MODES
from agency_runtime.handoff import HandoffReport, judge
from agency_runtime.loopback import Service, fails, streams
from agency_runtime.mcp_sources import configured_servers, names_configured, users_file
from agency_runtime.persona import load_persona
from agency_runtime.session import sessions_folder
from agency_runtime.settings import Settings
from agency_runtime.skill_index import SkillIndex
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json
from agency_tools.errors import UsageError
from agency_tools.mcp.hints import Hints

Serve = Callable[..., Service]
DEEDS = Path(__file__).parents[1] / "tools" / "mcp_servers" / "deeds.py"
CANARY = "canary-4417ab90c2ef"
DONE = streams(message(text("Done.")))
ITEM = {"area": "infrastructure", "path": "Dockerfile", "what": "an image of nothing"}
HANDOFF = streams(message(use("Handoff", id="t9", work_completed=[ITEM])))


def declaration(**more: Any) -> Json:
    """The test server, in a sandbox."""
    paths = [str(Path(sys.executable).parent), str(DEEDS.parent)]
    return {"command": "python", "args": [str(DEEDS)], "paths": paths, **more}


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., str]:
    """Writes a `--mcp-config` file with the test server and answers its path."""

    def write(**more: Any) -> str:
        path = tmp_path / "servers.json"
        path.write_text(json.dumps({"mcpServers": {"deeds": declaration(**more)}}), encoding="utf-8")
        return str(path)

    return write


def agency(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "agency_runtime.cli", *words]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def work(cwd: Path, *words: str) -> Json:
    done = agency("work", "Use the deeds", "--sandbox", "bwrap", "--output", "json", *words, cwd=cwd)
    assert done.stdout, done.stderr
    outcome: Json = json.loads(done.stdout.splitlines()[-1])
    return outcome


def events() -> list[Json]:
    newest = max(sessions_folder().iterdir(), key=lambda folder: folder.name)
    return [json.loads(line) for line in (newest / "events.jsonl").read_text().splitlines()]


def result(service: Service, number: int) -> str:
    """What the last call of the request before came to, as the model was told."""
    [block] = [block for block in service.requests[number]["messages"][-1]["content"] if block["type"] == "tool_result"]
    content = block["content"]
    return content if isinstance(content, str) else "\n".join(each.get("text", "") for each in content)


# what the gate makes of hints


def verdict(hints: Hints, mode: Any = "acceptEdits", tool: str = "mcp__s__t", **rules: Any) -> tuple[str, str]:
    gate = Gate(mode=mode, rules=Rules.parse(**rules), target=None, hints={"mcp__s__t": hints})
    decision = gate.judge(tool, {"a": 1})
    return decision.verdict, decision.kind


SILENT = {"default": "ask", "acceptEdits": "ask", "plan": "deny", "dontAsk": "deny", "bypassPermissions": "ask"}


@pytest.mark.parametrize("mode", MODES)
def test_a_reading_tool_of_a_trusted_server_is_allowed_in_every_mode(mode: str) -> None:
    assert verdict(Hints(read_only=True, trusted=True), mode) == ("allow", "read")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "hints",
    [
        Hints(),
        Hints(read_only=True),
        Hints(read_only=True, destructive=False, idempotent=True, open_world=False),
        Hints(destructive=False),
        Hints(trusted=True),
        Hints(idempotent=True, open_world=False, trusted=True),
    ],
)
def test_nothing_that_an_untrusted_server_says_allows_anything(mode: str, hints: Hints) -> None:
    assert verdict(hints, mode) == (SILENT[mode], "unknown")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("read_only", [None, True])
def test_a_tool_that_says_it_destroys_asks_whoever_says_it(mode: str, trusted: bool, read_only: bool | None) -> None:
    assert verdict(Hints(destructive=True, trusted=trusted, read_only=read_only), mode) == (SILENT[mode], "destroy")


def test_what_a_trusted_server_only_adds_is_a_change() -> None:
    hints = Hints(destructive=False, trusted=True)
    found = {mode: verdict(hints, mode)[0] for mode in MODES}
    assert found == {**SILENT, "bypassPermissions": "allow"}


def test_hints_never_loosen_what_says_less() -> None:
    order = {"allow": 0, "ask": 1, "deny": 2}
    values = (None, True, False)
    for mode in MODES:
        least = order[verdict(Hints(), mode)[0]]
        for read_only in values:
            for destructive in values:
                said = verdict(Hints(read_only=read_only, destructive=destructive), mode)
                assert order[said[0]] >= least


def test_rules_of_the_policy_meet_tools_servers_and_globs() -> None:
    assert verdict(Hints(), allow=("mcp__s__t",))[0] == "allow"
    assert verdict(Hints(), allow=("mcp__s",))[0] == "allow"
    assert verdict(Hints(), allow=("mcp__s__*",))[0] == "allow"
    assert verdict(Hints(), allow=("mcp__other",))[0] == "ask"
    assert verdict(Hints(), allow=("mcp__s",), mode="plan")[0] == "deny"
    reading = Hints(read_only=True, trusted=True)
    assert verdict(reading, deny=("mcp__s",))[0] == "deny"
    assert verdict(reading, ask=("mcp__s__t",))[0] == "ask"


def test_a_rule_for_a_whole_server_does_not_mean_the_tools_that_destroy() -> None:
    wipes = Hints(destructive=True, trusted=True)
    assert verdict(wipes, allow=("mcp__s", "mcp__s__*", "mcp__*"))[0] == "ask"
    assert verdict(wipes, allow=("mcp__s__t",))[0] == "allow"


def test_policy_explain_judges_an_mcp_tool_by_what_is_said_of_it(tmp_path: Path) -> None:
    def said(*words: str) -> tuple[str, str]:
        done = agency("policy", "explain", "{}", "--tool", "mcp__s__t", "--json", *words, cwd=tmp_path)
        found: Json = json.loads(done.stdout)
        return found["verdict"], found["class"]

    assert said() == ("ask", "unknown")
    assert said("--hints", "readOnlyHint") == ("ask", "unknown")
    assert said("--hints", "readOnlyHint", "--trusted") == ("allow", "read")
    assert said("--hints", "destructiveHint", "--mode", "plan") == ("deny", "destroy")
    wrong = agency("policy", "explain", "{}", "--tool", "mcp__s__t", "--hints", "readonly", cwd=tmp_path)
    assert (wrong.returncode, "write readOnlyHint" in wrong.stderr) == (2, True)


# where servers are declared


def configured(root: Path, **settings: Any) -> tuple[dict[str, str], list[str]]:
    said: list[str] = []
    servers = configured_servers(Settings(**settings), root, ask=None, say=said.append)
    return {server.name: server.origin for server in servers}, said


def test_a_repositorys_servers_are_left_out_until_it_is_trusted_and_again_when_it_changes(repository: Path) -> None:
    file = repository / ".mcp.json"
    file.write_text(json.dumps({"mcpServers": {"s": {"command": "x"}}}))
    servers, said = configured(repository)
    assert (servers, len(said)) == ({}, 1)
    assert "left out; it comes with the repository and is not trusted" in said[0]
    assert configured(repository, trust=True) == ({"s": str(file)}, [])
    assert configured(repository) == ({"s": str(file)}, [])
    file.write_text(json.dumps({"mcpServers": {"s": {"command": "y"}}}))
    assert configured(repository)[0] == {}


def test_a_repositorys_server_cannot_leave_the_sandbox_and_the_others_stay(repository: Path) -> None:
    declared = {
        "bad": {"command": "x", "host": True},
        "worse": {"type": "sse", "url": "https://a.b"},
        "good": {"command": "x"},
    }
    (repository / ".mcp.json").write_text(json.dumps({"mcpServers": declared}))
    servers, said = configured(repository, trust=True)
    assert list(servers) == ["good"]
    assert ["host is for a person's own settings" in said[0], "type: " in said[1]] == [True, True]


def test_a_persons_own_server_is_not_replaced_by_a_repositorys_of_the_same_name(
    repository: Path, tmp_path: Path
) -> None:
    (repository / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": {"command": "theirs"}}}))
    users_file().parent.mkdir(parents=True)
    users_file().write_text("mcpServers:\n  s: {command: mine, trusted: true}\n")
    given = tmp_path / "mine.yaml"
    given.write_text("mcpServers: {t: {command: given}}")
    servers, _ = configured(repository, trust=True, mcp_config=(str(given),), mcp_servers={"u": {"command": "x"}})
    assert servers == {"t": f"--mcp-config {given}", "s": str(users_file()), "u": ".agency/config.yaml"}
    assert names_configured(repository) == {"s"}


def test_a_configuration_with_servers_needs_trust(repository: Path) -> None:
    (repository / ".agency").mkdir()
    (repository / ".agency" / "config.yaml").write_text("mcp_servers: {s: {command: x}}\n")
    done = agency("work", "x", cwd=repository)
    assert done.returncode == 2
    assert "sets mcp_servers, comes with the repository and is not trusted" in done.stderr


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"mcpServers": 5}', '{"mcpServers": {}, "more": 1}', "{"])
def test_a_file_that_declares_nothing_is_a_mistake_in_a_line(content: str, repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.write_text(content)
    with pytest.raises(UsageError) as said:
        configured(repository, mcp_config=(str(path),))
    assert str(said.value).startswith(f"--mcp-config {path}: ")


def test_a_personas_mcp_tools_resolve_where_a_server_of_that_name_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "keeper.md"
    path.write_text(
        "---\nname: keeper\ndescription: d\ntools: Read, mcp__a__get, mcp__b\nmcpServers:\n  b: {command: x}\n---\nBody\n"
    )
    loaded = load_persona(path, skills=SkillIndex(), servers=())
    assert [(ref.name, ref.resolves_to) for ref in loaded.report.tools] == [
        ("Read", "Read"), ("mcp__a__get", None), ("mcp__b", "mcp__b"),
    ]  # fmt: skip
    assert "tools: mcp__a__get: no MCP server 'a' is configured" in loaded.report.warnings
    assert load_persona(path, skills=SkillIndex(), servers={"a"}).report.warnings == []
    assert loaded.value is not None
    assert loaded.value.mcp == ("mcp__a__get", "mcp__b")


@pytest.mark.parametrize(
    ("statement", "output", "stands"),
    [
        ("there are 3 pods", "pods: 3", True),
        ("all 12 tests pass", "12 tests passed", False),
        ("actionlint passes on ci.yml", "actionlint: ci.yml ok", False),
        ("the image builds", "Successfully built", False),
        ("terraform apply succeeded", "Apply complete! Resources: 3 added", False),
    ],
)
@pytest.mark.parametrize("given", [{"a": 1}, {"command": "pytest && actionlint && docker build . && terraform apply"}])
def test_a_servers_word_shows_what_is_written_and_never_that_something_was_run(
    statement: str, output: str, stands: bool, given: Json
) -> None:
    call = Executed(
        ref="c1", id="t1", turn=1, tool="mcp__s__t", input=given, output=output, failed=False, exit_code=None,
        denied=False, started="2026-01-01T00:00:00Z", seconds=0.1,
    )  # fmt: skip
    report = HandoffReport.model_validate(
        {"work_completed": [ITEM], "claims": [{"statement": statement, "calls": ["c1"]}]}
    )
    [claim] = judge(report, [call], FilesChanged()).claims
    assert claim.verified is stands, claim.reason


# runs


@pytest.mark.bwrap
def test_a_run_uses_a_server_keeps_its_secret_and_replays_without_it(
    serve: Serve, repository: Path, tmp_path: Path, config: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEDS_TOKEN", CANARY)
    given = config(trusted=True, env={"API_TOKEN": "${DEEDS_TOKEN}"}, tools={"deny": ["wipe"]})
    adds = use("mcp__deeds__add", id="t1", a=2, b=3)
    both = streams(message(adds, use("mcp__deeds__say", id="t2", text=CANARY)))
    service = serve(both, HANDOFF, DONE, DONE, DONE, DONE)
    record = str(tmp_path / "run.jsonl")
    first = work(repository, "--mcp-config", given, "--record", record, "--source", "authored")
    tools = {tool["name"]: tool for tool in service.requests[0]["tools"]}
    assert tools["mcp__deeds__add"]["input_schema"]["required"] == ["a", "b"]
    assert "mcp__deeds__wipe" not in tools
    told = [json.dumps(block) for block in service.requests[1]["messages"][-1]["content"]]
    assert ["5" in told[0], "[redacted]" in told[1], CANARY in told[1]] == [True, True, False]
    [pinned] = [event for event in events() if event["type"] == "mcp.pinned"]
    assert (pinned["server"], pinned["place"], pinned["trusted"]) == ("deeds", "sandbox", True)
    assert len(pinned["digest"]) == 64
    written = [*sessions_folder().rglob("*"), *(repository / ".agency").rglob("*"), Path(record)]
    assert not [path for path in written if path.is_file() and CANARY in path.read_text(errors="replace")]

    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", str(repository), str(copy)], check=True)
    monkeypatch.delenv("DEEDS_TOKEN")
    done = agency("work", "--replay", record, "--tools", "recorded", "--output", "json", cwd=copy)
    again: Json = json.loads(done.stdout.splitlines()[-1])
    assert (again["status"], again["divergences"]) == (first["status"], [])
    assert again["digests"] == first["digests"]
    live = agency("work", "--replay", record, "--sandbox", "bwrap", "--output", "json", cwd=copy)
    lacking: Json = json.loads(live.stdout.splitlines()[-1])
    assert (live.returncode, lacking["status"]) == (7, "replay_differs")
    assert "the MCP server deeds is not configured here; declare it with --mcp-config FILE" in lacking["reason"]


@pytest.mark.bwrap
def test_an_unvouched_tool_is_refused_where_nobody_can_be_asked_and_the_run_says_6(
    serve: Serve, repository: Path, config: Callable[..., str]
) -> None:
    service = serve(streams(message(use("mcp__deeds__add", id="t1", a=2, b=3))), HANDOFF, DONE, DONE, DONE, DONE)
    outcome = work(repository, "--mcp-config", config())
    assert result(service, 1).startswith("Not executed: not approved")
    assert (outcome["exit_code"], outcome["denials"][0]["permits"]) == (6, ["mcp__deeds__add"])


@pytest.mark.bwrap
def test_a_server_that_dies_is_a_failed_call_and_the_run_goes_on(
    serve: Serve, repository: Path, config: Callable[..., str]
) -> None:
    dies = streams(message(use("mcp__deeds__die", id="t1")))
    service = serve(dies, streams(message(use("Bash", id="t2", command="echo alive"))), HANDOFF, DONE, DONE, DONE, DONE)
    work(repository, "--mcp-config", config(), "--allow", "mcp__deeds__die")
    assert "The MCP server deeds is gone: " in result(service, 1)
    assert "alive" in result(service, 2)


@pytest.mark.bwrap
def test_a_server_that_does_not_start_ends_it_before_the_run_in_one_line(
    serve: Serve, repository: Path, config: Callable[..., str]
) -> None:
    service = serve(DONE)
    given = config(command="no-such-server")
    done = agency("work", "x", "--sandbox", "bwrap", "--mcp-config", given, cwd=repository)
    assert (done.returncode, len(done.stderr.splitlines()), service.requests) == (4, 1, [])
    assert "MCP server deeds did not start: " in done.stderr
    assert f"mend it in --mcp-config {given}, or take it out" in done.stderr
    assert not sessions_folder().exists()


@pytest.mark.bwrap
def test_a_persona_that_names_mcp_tools_gets_those_alone_and_is_told_what_nobody_gives(
    serve: Serve, repository: Path, tmp_path: Path, config: Callable[..., str]
) -> None:
    persona = tmp_path / "keeper.md"
    tools = "Read, mcp__deeds__add, mcp__deeds__fly"
    persona.write_text(f"---\nname: keeper\ndescription: keeps\ntools: {tools}\n---\nKeep it.\n")
    service = serve(HANDOFF, DONE, DONE, DONE, DONE)
    work(repository, "--mcp-config", config(), "--persona", str(persona))
    named = [tool["name"] for tool in service.requests[0]["tools"] if tool["name"].startswith("mcp__")]
    assert named == ["mcp__deeds__add"]
    assert "mcp__deeds__fly is named above but is not to be had" in json.dumps(service.requests[0]["system"])
    said = [event["text"] for event in events() if event["type"] == "notice"]
    assert f"{persona}: tools: mcp__deeds__fly: no MCP server of this run gives it" in said


@pytest.mark.bwrap
def test_a_resumed_run_needs_the_tools_of_then(
    serve: Serve, repository: Path, tmp_path: Path, config: Callable[..., str]
) -> None:
    adds = streams(message(use("mcp__deeds__add", id="t1", a=2, b=3)))
    service = serve(adds, fails(401, "authentication_error"), HANDOFF, DONE, DONE, DONE, DONE)
    allow = ("--allow", "mcp__deeds")
    first = work(repository, "--mcp-config", config(tools={"allow": ["add", "say"]}), *allow)
    config(tools={"allow": ["say"]})
    words = ("session", "resume", first["session_id"], "--output", "json")
    other = agency(*words, cwd=tmp_path)
    assert (other.returncode, len(other.stderr.splitlines())) == (2, 1)
    assert "the MCP tool mcp__deeds__add is not what it was then; put that back" in other.stderr
    config(tools={"allow": ["add", "say"]})
    agency(*words, cwd=tmp_path)
    assert [tool["name"] for tool in service.requests[2]["tools"]] == [
        tool["name"] for tool in service.requests[0]["tools"]
    ]
    assert "5" in json.dumps(service.requests[2]["messages"][2])


@pytest.mark.bwrap
def test_tools_are_called_by_hand_under_the_same_gate(repository: Path, config: Callable[..., str]) -> None:
    def call(name: str, given: Json, *words: str) -> "subprocess.CompletedProcess[str]":
        common = ["--sandbox", "bwrap", "--mcp-config", config()]
        return agency("tool", "call", name, json.dumps(given), *common, *words, cwd=repository)

    done = call("mcp__deeds__add", {"a": 2, "b": 3}, "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["is_error"]) == (0, False)
    assert "\n5\n" in answer["content"]
    (repository / ".agency").mkdir()
    (repository / ".agency" / "policy.yaml").write_text("deny: [mcp__deeds__add]\n")
    assert call("mcp__deeds__add", {"a": 2, "b": 3}).returncode == 6
    absent = call("mcp__deeds__fly", {})
    assert (absent.returncode, "no tool 'mcp__deeds__fly'" in absent.stderr) == (2, True)


def test_a_run_without_servers_never_loads_the_sdk() -> None:
    script = "import sys, agency_runtime.assembly, agency_runtime.commands.tool; print('mcp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
