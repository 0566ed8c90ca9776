"""Wrapping a command never gets it past the gate: the verdict stays, or becomes stricter."""

import base64
import json
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
        if table.stem not in ("wrapping", "unclear", "hostile")
        for line in table.read_text(encoding="utf-8").splitlines()
        if "\\n" not in line.split("\t")[0]
    }
)
_PLAIN_WORDS = [
    command
    for command in PLAIN
    if not any(mark in command for mark in ";&|<>$`(){}*~!#") and "=" not in command.split()[0]
]
SIMPLE = [
    command
    for command in _PLAIN_WORDS
    if command.split()[0]
    not in (
        "[",
        "[[",
        "!",
        "time",
        "export",
        "cd",
        "for",
        "if",
        "while",
        "case",
        "trap",
        "set",
        "local",
        "alias",
        "until",
        "select",
        "function",
        "coproc",
        "declare",
        "typeset",
        "readonly",
        "unset",
    )
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
    "tar action": lambda command: f"tar cf x --checkpoint=1 --checkpoint-action=exec={shlex.quote(command)} y",
    "tar filter": lambda command: f"tar xf x --to-command {shlex.quote(command)}",
    "git alias": lambda command: f"git -c alias.x={shlex.quote('!' + command)} x",
    "git bisect": lambda command: f"git bisect run sh -c {shlex.quote(command)}",
    "ssh proxy": lambda command: f"ssh -oProxyCommand={shlex.quote(command)} host",
    "rsync shell": lambda command: f"rsync --rsh={shlex.quote(command)} a host:b",
    "script -c": lambda command: f"script -qc {shlex.quote(command)} /dev/null",
    "flock -c": lambda command: f"flock /tmp/lock -c {shlex.quote(command)}",
    "parallel": lambda command: f"parallel ::: {shlex.quote(command)}",
    "parallel input": lambda command: f"printf %s {shlex.quote(command)} | parallel",
    "nsenter": lambda command: f"nsenter -t 1 -m -- sh -c {shlex.quote(command)}",
    "busybox": lambda command: f"busybox sh -c {shlex.quote(command)}",
    "find sh": lambda command: f"find . -maxdepth 0 -exec sh -c {shlex.quote(command)} \\;",
    "coproc": lambda command: f"coproc {{ {command}\n}}",
    "source": lambda command: f"source /dev/stdin <<< {shlex.quote(command)}",
    "shell on a pipe's name": lambda command: f"bash <(printf %s {shlex.quote(command)})",
    "sudo shell": lambda command: f"sudo -s <<< {shlex.quote(command)}",
    "ssh input": lambda command: f"ssh host <<'END_OF_IT'\n{command}\nEND_OF_IT",
    "read": lambda command: f"read -r -d '' X <<< {shlex.quote(command)}; eval \"$X\"",
    "overwritten script": lambda command: f"printf %s {shlex.quote(command)} > run.sh; sh run.sh; echo ls > run.sh",
    "copied script": lambda command: f"printf %s {shlex.quote(command)} > a.sh; cp a.sh b.sh; sh b.sh",
    "arguments of a script": lambda command: f"printf %s 'eval \"$1\"' > run.sh; sh run.sh {shlex.quote(command)}",
    "until": lambda command: f"until {command}\ndo :; done",
    "array": lambda command: f"A=(sh -c {shlex.quote(command)}); \"${{A[@]}}\"",
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
    "positional": lambda command: f'set -- {command}; "$@"',
    "array of words": lambda command: f'A=({command}); "${{A[@]}}"',
    "make": lambda command: f"printf 'x:\\n\\t%s\\n' {shlex.quote(command)} > Makefile; make x",
    "make from input": lambda command: f"printf 'x:\\n\\t%s\\n' {shlex.quote(command)} | make -f - x",
    "make evaluated": lambda command: f"echo 'y:' > Makefile; make --eval={shlex.quote('x:;' + command)} x",
    "npm": lambda command: f"echo {shlex.quote(json.dumps({'scripts': {'x': command}}))} > package.json; npm run x",
    "just": lambda command: f"printf 'x:\\n  %s\\n' {shlex.quote(command)} > justfile; just x",
    "task": lambda command: (
        f"echo {shlex.quote(json.dumps({'tasks': {'x': {'cmds': [command]}}}))} > Taskfile.yml; task x"
    ),
    "env -S": lambda command: f"env -iS {shlex.quote(command)}",
    "link": lambda command: f"ln -s /usr/bin/{command.split(' ')[0]} here; ./here {' '.join(command.split(' ')[1:])}",
    "hash": lambda command: f"hash -p /usr/bin/{command.split(' ')[0]} here; here {' '.join(command.split(' ')[1:])}",
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
