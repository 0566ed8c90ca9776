"""Running the cited checks again, in a clean copy of the tree and a fresh sandbox without a network.

Only what is safe is run: what the gate calls reading, planning or local work. Everything else, and whatever lacks its
tool or its surroundings here, is `not run` and says why; it is never taken for passed.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agency_runtime.answer import done
from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.clean_copy import CleanCopy
from agency_runtime.gate import Gate
from agency_runtime.gate.argv import names
from agency_runtime.gate.reader import repository_reader
from agency_runtime.handoff.freshness import REDIRECT, history
from agency_runtime.handoff.shell_call import Words
from agency_runtime.handoff.support import PRINTS, WRITES, shell_of
from agency_runtime.policy import Policy, build_gate
from agency_runtime.replay import comparable, first_difference
from agency_runtime.staging import PROTECTED
from agency_runtime.wire import Call
from agency_tools.bash import Bash
from agency_tools.errors import WorkspaceError
from agency_tools.glob import Glob
from agency_tools.grep import Grep
from agency_tools.helm import Helm
from agency_tools.helm_commands import Offline
from agency_tools.infrastructure import ShellCompartment
from agency_tools.read import Read
from agency_tools.redaction import Redactor
from agency_tools.sandbox import Kind, start
from agency_tools.seen import Seen
from agency_tools.terraform import Terraform
from agency_tools.terraform_setup import mirrors_here
from agency_tools.tool import Output, Tool
from agency_tools.workspace import Layout, Workspace

SAFE = ("read", "plan", "local")
RUN = frozenset({"Bash", "Read", "Grep", "Glob", "Terraform", "Helm"})
ELSEWHERE: Mapping[str, str] = {
    "Kubernetes": "it needs a cluster, and nothing here is pointed at one",
    "Cloud": "it needs a cloud account, and nothing here is pointed at one",
    "Docker": "it works on the engine outside of the sandbox",
    "WebFetch": "it needs a network",
    "WebSearch": "it needs a network",
    "TaskOutput": "it reads what another call had started",
}
"""Tools whose calls cannot be repeated in a sealed copy, and why."""
OUTSIDE = names(
    "curl wget http ssh scp rsync gh glab kubectl aws gcloud az docker docker-compose podman nerdctl skopeo crane npx"
)
"""Programs that ask something outside of the sandbox: a network, an engine, a cluster."""
LOOPBACK = re.compile(r"\b(?:localhost|127\.0\.0\.1)\b|\[::1\]")
SCRATCH = re.compile(r"/tmp/[\w./-]+")
ABSENT = 'for p in {programs}; do command -v -- "$p" >/dev/null || echo "$p"; done'
MODULE = "python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)' {module} || echo {module}"  # fmt: skip
BUILTINS = frozenset({"test", "[", "[[", ":", ".", "source", "if", "for", "while", "eval", "wait", "read", "shift"})


@dataclass(frozen=True, kw_only=True)
class Again:
    """What came of one cited call when it was run again. `unsteady`: its output differs from run to run."""

    call: Executed
    outcome: Literal["passed", "failed", "not run"]
    why: str = ""
    output: str = ""
    unsteady: bool = False


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where checks are run again: the kind of sandbox, and the image where that is a container."""

    sandbox: Kind = "auto"
    image: str | None = None


async def run_again(
    copy: CleanCopy, calls: Sequence[Executed], files: FilesChanged, where: Surroundings, say: Callable[[str], object]
) -> list[Again]:
    """Each cited call once more, in their order. Raises WorkspaceError where the sandbox that was asked for is absent.

    files: what the handoff changed; a call that writes one of them would only confirm itself.
    """
    gate = build_gate(Policy(), mode="acceptEdits", read=repository_reader(copy.repository.root))
    wanted = [call for call in calls if call.tool not in WRITES]
    refused = {call.ref: why for call in wanted if (why := _refusal(call, gate, files))}
    found = {call.ref: Again(call=call, outcome="not run", why=refused[call.ref]) for call in wanted if call.ref in refused}  # fmt: skip
    able = [call for call in wanted if call.ref not in refused]
    if able:
        found |= {again.call.ref: again for again in await _in_sandbox(copy, able, where, say)}
    return [found[call.ref] for call in wanted]


def _refusal(call: Executed, gate: Gate, files: FilesChanged) -> str:
    """Why the call is not run again; empty where it may be."""
    if call.tool not in RUN:
        return ELSEWHERE.get(call.tool, "it is no check")
    if call.tool == "Helm" and call.input.get("action") not in get_args(Offline):
        return "it needs a cluster, and nothing here is pointed at one"
    if call.tool == "Bash" and call.exit_code is None:
        return "it ran in the background"
    if call.tool == "Bash" and (writes := history([call], files)):
        return f"it writes {writes[0].paths[0]} itself, so that it could only confirm itself"
    decision = gate.judge(call.tool, call.input, cwd=call.cwd or None)
    if decision.kind not in SAFE or decision.verdict != "allow":
        return f"not known to be safe: class {decision.kind}, {decision.rule}"
    return ""


async def _in_sandbox(
    copy: CleanCopy, calls: Sequence[Executed], where: Surroundings, say: Callable[[str], object]
) -> list[Again]:
    mirrors = {mirror: mirror for mirror in mirrors_here()}
    layout = Layout(repository=str(copy.repository.root), protected=PROTECTED, read_only=mirrors, image=where.image)
    try:
        workspace = await start(where.sandbox, layout)
    except WorkspaceError as error:
        if where.sandbox != "auto":
            raise
        return [Again(call=call, outcome="not run", why=f"no sandbox: {error}") for call in calls]
    try:
        return await _Bench(copy, workspace, say).all(calls)
    finally:
        await workspace.close()


class _Bench:
    """One sandbox over the copy; after every call the copy is put back as it was."""

    def __init__(self, copy: CleanCopy, workspace: Workspace, say: Callable[[str], object]) -> None:
        self._copy = copy
        self._workspace = workspace
        self._say = say
        self._clean = Redactor.of_environment()

    async def all(self, calls: Sequence[Executed]) -> list[Again]:
        """Every call; those that fail are tried a last time with what git ignores beside them."""
        found = [await self._judged(call) for call in calls]
        if not any(again.outcome == "failed" for again in found):
            return found
        ignored = self._copy.add_ignored()
        return [await self._with_ignored(again, ignored) if again.outcome == "failed" and ignored else again for again in found]  # fmt: skip

    async def _judged(self, call: Executed) -> Again:
        self._say(call.command)
        scratch = await self._gone(call)
        first = await self._once(call)
        if self._agrees(call, first):
            return Again(call=call, outcome="passed", output=first.text)
        if absent := await self._absent(call):
            return Again(call=call, outcome="not run", why=f"{', '.join(absent)} is not in this sandbox")
        if outside := _outside(call):
            return Again(call=call, outcome="not run", why=f"{outside} asks something outside of the sandbox")
        if scratch:
            return Again(call=call, outcome="not run", why=f"it needs {scratch}, which went with the session")
        second = await self._once(call)
        steady = comparable(call.tool, first.text) == comparable(call.tool, second.text)
        same = _code(first) == _code(second) == (call.exit_code, call.failed)
        return Again(
            call=call, outcome="failed", why=self._difference(call, first), output=self._clean(first.text),
            unsteady=same and not steady,
        )  # fmt: skip

    async def _with_ignored(self, again: Again, ignored: Sequence[str]) -> Again:
        output = await self._once(again.call)
        if not self._agrees(again.call, output):
            return again
        why = f"it agrees only with what git ignores ({', '.join(ignored[:3])}), which a clean copy lacks"
        return Again(call=again.call, outcome="not run", why=why)

    async def _once(self, call: Executed) -> Output:
        tool = self._tool(call)
        output = await done(tool, Call(id=call.id, name=call.tool, input=call.input))
        self._copy.restore()
        return output

    def _tool(self, call: Executed) -> Tool:
        place, seen = self._workspace, Seen()
        compartment = ShellCompartment(workspace=place)
        tools: Iterable[Tool] = (
            Bash(place, seen, cwd=call.cwd or None), Read(place, seen), Grep(place), Glob(place),
            Terraform(compartment), Helm(compartment),
        )  # fmt: skip
        return next(tool for tool in tools if tool.name == call.tool)

    def _agrees(self, call: Executed, output: Output) -> bool:
        if _code(output) != (call.exit_code, call.failed):
            return False
        then, now = (comparable(call.tool, text) for text in (call.output, self._clean(output.text)))
        return then == now or sorted(then.splitlines()) == sorted(now.splitlines())

    def _difference(self, call: Executed, output: Output) -> str:
        if output.exit_code != call.exit_code:
            last = next((line for line in reversed(output.text.splitlines()) if line.strip() and not line.startswith("Exit code")), "")  # fmt: skip
            return f"it ended with exit code {output.exit_code}, then with {call.exit_code}: {self._clean(last)[:160]}"
        return f"its output differs, {first_difference(call.output, self._clean(output.text))}"

    async def _absent(self, call: Executed) -> list[str]:
        """The programs and Python modules that the call starts and this sandbox has not."""
        if call.tool != "Bash":
            return []
        commands = shell_of(call).commands
        named = {words[0] for words in commands} - PRINTS - BUILTINS
        programs = {
            name for name in named if f"/{name}" not in call.command
        }  # one that is named by its path is the tree's
        asked = [ABSENT.format(programs=" ".join(map(shlex.quote, sorted(programs))))] if programs else []
        asked += [MODULE.format(module=shlex.quote(module)) for words in commands for module in _modules(words)]
        return await self._lines("; ".join(asked)) if asked else []

    async def _gone(self, call: Executed) -> str:
        """A scratch file that the call reads and that is not here."""
        made = {found["path"] for found in REDIRECT.finditer(call.command)}
        named = (
            [path for path in dict.fromkeys(SCRATCH.findall(call.command)) if path not in made]
            if call.tool == "Bash"
            else []
        )
        if not named:
            return ""
        lines = await self._lines(
            "; ".join(f"[ -e {shlex.quote(path)} ] || echo {shlex.quote(path)}" for path in named)
        )
        return lines[0] if lines else ""

    async def _lines(self, command: str) -> list[str]:
        answer = await self._workspace.call("exec", command=command, cwd=None, timeout_s=30)
        return str(answer["output"]).splitlines()


def _outside(call: Executed) -> str:
    """The program that asks something outside of the sandbox; empty for none."""
    if call.tool != "Bash" or LOOPBACK.search(call.command):
        return ""
    return next((words[0] for words in shell_of(call).commands if words[0] in OUTSIDE), "")


def _modules(words: Words) -> list[str]:
    """The module that a Python interpreter is told to run."""
    if not words[0].startswith("python") or "-m" not in words[:-1]:
        return []
    return [words[words.index("-m") + 1].partition(".")[0]]


def _code(output: Output) -> tuple[int | None, bool]:
    return output.exit_code, output.failed
