"""A finished attempt as scorers see it: one frozen value, which holds everything and can do nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from agency_evals.case import Case
from agency_evals.tree import Entry, Tree
from agency_runtime.wire import Json, json_object
from agency_tools.workspace import ROOT

SandboxKind = Literal["auto", "docker", "bwrap"]
AgentKind = Literal["replay", "live", "oracle", "nop", "cheat", "imported"]
OWN = (".agency/handoff/", ".agency/sessions/")
"""Where the runtime itself writes; nothing there counts as a change of the agent's."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """One call as it was made. denied: the gate or a person refused it; verdict: the gate's word, where it was asked."""

    tool: str
    input: Json
    turn: int
    ref: str
    failed: bool
    denied: bool
    exit_code: int | None
    text: str
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Box:
    """How a sandbox for scoring is started: its kind and image, and what a public task needs beside the workspace."""

    kind: SandboxKind = "auto"
    image: str | None = None
    aliases: Sequence[str] = ()
    start: str = ROOT
    beside: Mapping[str, Tree] = field(default_factory=dict[str, Tree])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What an attempt came to.

    before, after: the workspace's files, without `.git`. events: the session's, in order. ended: the last one's data;
    empty where there was no session. executes: False in a pure replay, in which no scorer may run anything.
    own_git: the repository was made for the attempt and is no part of the task. grades: a model may be asked to judge.
    files_known: False for a trajectory from elsewhere that came without the files it left.
    """

    case: Case
    agent: AgentKind
    before: Tree
    after: Tree
    events: Sequence[Json] = ()
    ended: Json = field(default_factory=dict[str, Any])
    executes: bool = True
    own_git: bool = True
    grades: bool = False
    files_known: bool = True
    box: Box = Box()
    kept: Path | None = None  # where verdicts of this recording are kept

    @property
    def modelled(self) -> bool:
        """Whether a model acted, so that its conduct can be judged."""
        return self.agent in ("replay", "live", "imported")

    @cached_property
    def changed(self) -> dict[str, list[str]]:
        """The paths the attempt created, modified and deleted, sorted; the runtime's own files are not among them."""
        before = {path: entry for path, entry in self.before.items() if counts(path, entry)}
        after = {path: entry for path, entry in self.after.items() if counts(path, entry)}
        return {
            "created": sorted(after.keys() - before.keys()),
            "modified": sorted(path for path in after.keys() & before.keys() if after[path] != before[path]),
            "deleted": sorted(before.keys() - after.keys()),
        }

    @property
    def written(self) -> list[str]:
        """The paths created or modified, sorted."""
        return sorted((*self.changed["created"], *self.changed["modified"]))

    @cached_property
    def calls(self) -> tuple[Made, ...]:
        """Every call in the order of its end, refused ones included."""
        return tuple(calls_of(self.events))

    @cached_property
    def replies(self) -> str:
        """Everything the model said, in words."""
        blocks = (block for event in self.events if event["type"] == "reply" for block in event["message"]["content"])
        return "\n".join(str(block["text"]) for block in blocks if block.get("type") == "text")

    def handoff(self, name: str) -> str | None:
        """A file of the handoff; None where there is none."""
        folder = str(self.ended.get("handoff") or "")
        entry = self.after.get(f"{folder}/{name}") if folder else None
        return entry.text if entry and entry.kind == "file" else None


def calls_of(events: Iterable[Json]) -> Iterable[Made]:
    """The calls of a log. They are read from events, since what the model is shown may be cut."""
    verdicts: dict[str, str] = {}
    for event in events:
        if event["type"] == "call.judged":
            verdicts[event["ref"]] = str(event["verdict"])
        elif event["type"] == "call.finished":
            yield Made(
                tool=event["tool"],
                input=json_object(event["input"]),
                turn=event["turn"],
                ref=event["ref"],
                failed=bool(event["failed"]),
                denied=bool(event["denied"]),
                exit_code=event["exit_code"],
                text=str(event.get("text") or ""),
                verdict=verdicts.get(event["ref"], ""),
            )


def counts(path: str, entry: Entry) -> bool:
    """Whether a path is the agent's business: a file or link outside of what the runtime writes."""
    return entry.kind != "folder" and not path.startswith(OWN)
