"""Wrapping a command never gets it past the gate: the verdict stays, or becomes stricter."""

import base64
import shlex
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agency_runtime.gate import Gate, Rules, Target
from agency_runtime.gate.decision import STRICTNESS

TABLES = Path(__file__).parents[2] / "fixtures" / "gate"
PLAIN = sorted(
    {
        line.split("\t")[0]
        for table in TABLES.glob("*.tsv")
        if table.stem not in ("wrapping", "unclear")
        for line in table.read_text(encoding="utf-8").splitlines()
        if "\\n" not in line.split("\t")[0]
    }
)
SIMPLE = [
    command
    for command in PLAIN
    if not any(mark in command for mark in ";&|<>$`(){}*~!#") and "=" not in command.split()[0]
]
SIMPLE = [
    command for command in SIMPLE if command.split()[0] not in ("[", "export", "cd", "for", "if", "while", "case")
]

Wrapper = Callable[[str], str]
ANY: dict[str, Wrapper] = {
    "sh -c": lambda command: f"sh -c {shlex.quote(command)}",
    "bash -lc": lambda command: f"bash -lc {shlex.quote(command)}",
    "eval": lambda command: f"eval {shlex.quote(command)}",
    "subshell": lambda command: f"( {command}\n)",
    "braces": lambda command: f"{{ {command}\n}}",
    "and": lambda command: f"true && {command}",
    "semicolon": lambda command: f"ls; {command}",
    "newline": lambda command: f"ls\n{command}\nls",
    "pipe": lambda command: f"ls | {{ {command}\n}}",
    "substitution": lambda command: f'echo "$( {command}\n)"',
    "process": lambda command: f"cat <( {command}\n)",
    "if": lambda command: f"if true; then {command}\nfi",
    "for": lambda command: f"for i in 1 2; do {command}\ndone",
    "while": lambda command: f"while true; do {command}\ndone",
    "case": lambda command: f"case x in x) {command}\n;; esac",
    "function": lambda command: f"f() {{ {command}\n}}; f",
    "heredoc": lambda command: f"bash <<'END_OF_IT'\n{command}\nEND_OF_IT",
    "cat heredoc": lambda command: f"cat <<'END_OF_IT' | sh\n{command}\nEND_OF_IT",
    "here string": lambda command: f"sh <<< {shlex.quote(command)}",
    "echo to shell": lambda command: f"printf %s {shlex.quote(command)} | sh",
    "base64 to shell": lambda command: f"echo {base64.b64encode(command.encode()).decode()} | base64 -d | bash",
    "script": lambda command: f"printf %s {shlex.quote(command)} > run.sh; sh run.sh",
    "trap": lambda command: f"trap {shlex.quote(command)} EXIT",
    "alias": lambda command: f"alias x={shlex.quote(command)}",
    "su": lambda command: f"su -c {shlex.quote(command)}",
    "ssh": lambda command: f"ssh host {shlex.quote(command)}",
    "watch": lambda command: f"watch {shlex.quote(command)}",
    "docker exec": lambda command: f"docker exec c sh -c {shlex.quote(command)}",
    "kubectl exec": lambda command: f"kubectl exec p -- sh -c {shlex.quote(command)}",
}  # fmt: skip
BEFORE = [
    "env", "env A=b", "timeout 9", "nice -n 3", "nohup", "time", "stdbuf -oL", "command", "exec", "sudo", "sudo -u root", "doas",
    "setsid", "ionice -c 2", "flock /tmp/lock", "xargs", "strace -f", "busybox", "chroot /x", "nsenter -t 1", "poetry run", "uv run",
    "direnv exec .", "mise exec --", "op run --", "docker run --rm alpine", "docker exec c", "kubectl exec p --", "find . -exec",
]  # fmt: skip
SIMPLE_ONLY: dict[str, Wrapper] = {
    **{prefix: f"{prefix} {{}}".format for prefix in BEFORE},
    "quoted": lambda command: " ".join(shlex.quote(word) if word.isalnum() else word for word in command.split(" ")),
    "split quotes": lambda command: command[0] + "''" + command[1:],
    "backslash": lambda command: command[0] + "\\" + command[1:],
    "variable": lambda command: f"P={command.split(' ')[0]}; $P {' '.join(command.split(' ')[1:])}",
    "whole variable": lambda command: f"P={shlex.quote(command)}; eval $P",
    "arguments": lambda command: f'f() {{ "$@"; }}; f {command}',
    "background": lambda command: f"{command} &",
}

GATES = [
    Gate(mode=mode, rules=rules, target=target)
    for mode in ("default", "acceptEdits", "plan", "dontAsk", "bypassPermissions")
    for rules, target in (
        (Rules(), None),
        (Rules.parse(deny=["Bash(git push *)", "Read(secret.txt)"], ask=["Bash(npm *)"], allow=["Bash(terraform fmt *)"]), Target(name="staging", kube_context="staging")),
    )
] + [Gate(mode="plan", rules=Rules(), target=None, sealed=True)]  # fmt: skip


def strictness(gate: Gate, command: str) -> int:
    return STRICTNESS[gate.judge("Bash", {"command": command}).verdict]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLAIN), st.lists(st.sampled_from(sorted(ANY)), min_size=1, max_size=2), st.sampled_from(GATES))
def test_no_wrapping_loosens_a_verdict(command: str, wrappers: list[str], gate: Gate) -> None:
    wrapped = command
    for name in wrappers:
        wrapped = ANY[name](wrapped)
    assert strictness(gate, wrapped) >= strictness(gate, command), wrapped


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SIMPLE), st.sampled_from(sorted(SIMPLE_ONLY)), st.sampled_from(sorted(ANY)), st.sampled_from(GATES)
)
def test_no_prefix_loosens_a_verdict(command: str, prefix: str, wrapper: str, gate: Gate) -> None:
    wrapped = SIMPLE_ONLY[prefix](command)
    assert strictness(gate, wrapped) >= strictness(gate, command), wrapped
    assert strictness(gate, ANY[wrapper](wrapped)) >= strictness(gate, command), ANY[wrapper](wrapped)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300), st.sampled_from(GATES))
def test_no_text_makes_the_gate_raise_or_fault(text: str, gate: Gate) -> None:
    decision = gate.judge("Bash", {"command": text})
    assert decision.rule != "a fault of the gate is a denial", decision.why


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from([*"(){}[];|&<>$`'\"\\\n #=*?~!-", "<<", "EOF", "rm", "-rf", "/", "if", "then", "fi", "do", "done", "for", "x", "in", "case", "esac", "$(", "${", "}}", "<(", "eval", "X="]), max_size=40), st.sampled_from(GATES))  # fmt: skip
def test_no_heap_of_shell_makes_the_gate_raise_or_fault(pieces: list[str], gate: Gate) -> None:
    decision = gate.judge("Bash", {"command": " ".join(pieces)})
    assert decision.rule != "a fault of the gate is a denial", decision.why
