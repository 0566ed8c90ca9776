"""Hooks: a person's own programs, asked before each tool call. They can only tighten what the gate says.

The program reads Claude Code's PreToolUse object on standard input. No objection: exit 0 and no output, or JSON whose
`permissionDecision` is allow or defer. `ask` asks, `deny` and exit 2 deny; so does whatever else may happen: another exit
code, a signal, a time that is over, output that is no such JSON. It runs on the host, outside every sandbox, so it is taken
from what a person trusts alone and may lie nowhere that the agent can write.
"""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.gate import Mode, Verdict
from agency_runtime.gate.modes import settled
from agency_runtime.judgement import Judgement
from agency_runtime.terminal import in_one_line, shortened
from agency_runtime.wire import Call, Json, json_object
from agency_tools.errors import UsageError
from agency_tools.prospect import Prospect

SECONDS = 60.0
MOST_OUTPUT = 1 << 20  # bytes; more is no answer
KEPT = frozenset(
    {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}
)
"""What a hook has of the environment: nothing that names a key."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One program. matcher: a regular expression on the whole name of the tool; seconds: after which it has denied."""

    command: tuple[str, ...]
    matcher: str = ".*"
    seconds: float = SECONDS

    def about(self, tool: str) -> bool:
        """Whether it is asked of this tool."""
        return re.fullmatch(self.matcher, tool) is not None

    @property
    def shown(self) -> str:
        """As a reason names it."""
        return f"hook {' '.join(self.command)}"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a hook said; "allow" is no more than no objection."""

    verdict: Verdict
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Tightened:
    """A judgement that a hook made stricter."""

    verdict: Verdict
    kind: str
    rule: str
    why: str
    prospect: Prospect | None
    unproven: bool
    permits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """The hooks of one run."""

    hooks: Sequence[Hook]
    mode: Mode
    session_id: str
    transcript: Path

    async def tighten(self, call: Call, judgement: Judgement, cwd: str) -> Judgement:
        """The judgement, stricter where a hook says so. What is denied already is no hook's business."""
        for hook in self.hooks:
            if judgement.verdict == "deny":
                break
            if hook.about(call.name):
                judgement = self._tightened(judgement, await asked(hook, self._event(call, cwd)), hook)
        return judgement

    def _tightened(self, judgement: Judgement, said: Answered, hook: Hook) -> Judgement:
        verdict = settled(self.mode, said.verdict, "unknown")
        if verdict == "allow" or verdict == judgement.verdict:
            return judgement
        why = said.why or f"It {'asks for a person' if verdict == 'ask' else 'denies'} without a reason."
        return Tightened(
            verdict=verdict, kind=judgement.kind, rule=hook.shown, why=why, prospect=judgement.prospect,
            unproven=judgement.unproven,
        )  # fmt: skip

    def _event(self, call: Call, cwd: str) -> Json:
        return {
            "session_id": self.session_id,
            "transcript_path": str(self.transcript),
            "cwd": cwd,
            "permission_mode": self.mode,
            "hook_event_name": "PreToolUse",
            "tool_name": call.name,
            "tool_input": call.input,
            "tool_use_id": call.id,
        }


async def asked(hook: Hook, event: Json) -> Answered:
    """What the hook says of a call; never raises but when it is cancelled, and then leaves nothing running."""
    try:
        process = await asyncio.create_subprocess_exec(
            *hook.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",  # relative names would lead into the repository
            env={name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Answered(verdict="deny", why=f"It could not be started: {error}.")
    try:
        async with asyncio.timeout(hook.seconds):
            out, err = await _spoken(process, json.dumps(event).encode())
            code = await process.wait()
    except TimeoutError:
        return Answered(verdict="deny", why=f"It did not answer within {hook.seconds:g} s.")
    finally:
        await _ended(process)
    return heard(code, out, err)


async def _spoken(process: asyncio.subprocess.Process, given: bytes) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    telling = _told(process.stdin, given)  # beside reading: it may say much before it listens
    out, err, _ = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr), telling)
    return out, err


async def _told(stream: asyncio.StreamWriter, given: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it need not read what it is given
        stream.write(given)
        await stream.drain()
    stream.close()


async def _bounded(stream: asyncio.StreamReader) -> bytes:
    """All of it, or one byte more than is taken."""
    held = b""
    while piece := await stream.read(1 << 16):
        held = (held + piece)[: MOST_OUTPUT + 1]
    return held


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill it with what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # asyncio's `wait` waits for the pipes too, which nobody reads any more, or which an escaped process may hold
    transport: asyncio.SubprocessTransport = getattr(process, "_transport")  # noqa: B009 - it has no public name
    transport.close()


def heard(code: int, out: bytes, err: bytes) -> Answered:
    """What an ended hook said."""
    said = _words(err)
    if code == 2:
        return Answered(verdict="deny", why=said)
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return Answered(verdict="deny", why=f"It {how}{f': {said}' if said else ''}.")
    if not out.strip():
        return Answered(verdict="allow")
    try:
        answer: object = json.loads(out) if len(out) <= MOST_OUTPUT else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return Answered(verdict="deny", why="It answered with what is no JSON object.")
    return _decided(json_object(answer))  # pyright: ignore[reportUnknownArgumentType]


DECISIONS: Mapping[str, Verdict] = {
    "allow": "allow",
    "approve": "allow",
    "defer": "allow",
    "ask": "ask",
    "deny": "deny",
    "block": "deny",
}


def _decided(answer: Json) -> Answered:
    specific = json_object(answer.get("hookSpecificOutput"))
    word = specific.get("permissionDecision", answer.get("decision", "allow"))
    why = _words(
        str(specific.get("permissionDecisionReason") or answer.get("reason") or answer.get("stopReason") or "")
    )
    if answer.get("continue") is False:
        return Answered(verdict="deny", why=why)
    if "updatedInput" in specific:
        return Answered(verdict="deny", why="It would change the call's input, which no hook may.")
    if not isinstance(word, str) or word not in DECISIONS:
        return Answered(verdict="deny", why=f"It answered with a decision that is none: {word!r}.")
    return Answered(verdict=DECISIONS[word], why=why)


def _words(text: str | bytes) -> str:
    """At most a few hundred characters in one line, for the model and the log."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return shortened(in_one_line(plain.strip()), 500)


def refuse_within(hooks: Iterable[Hook], repository: Path) -> None:
    """Raises UsageError for a hook of which any part lies in the repository: the agent could write what the host runs."""
    root = repository.resolve()
    for hook in hooks:
        for word in hook.command:
            if _within(word, root) or _within(word.partition("=")[2], root):
                raise UsageError(
                    f"{hook.shown}: {word} leads into the repository, where the agent can write; keep it outside and name it "
                    "by its whole path"
                )


def _within(word: str, root: Path) -> bool:
    """Whether the word is a path in the folder, taken from the folder where it is relative, or speaks of the folder."""
    path = root / word
    there = bool(word) and len(word) < 4096 and "\0" not in word and os.path.lexists(path)
    return f"{root}/" in f"{word}/" or (there and path.resolve().is_relative_to(root))
