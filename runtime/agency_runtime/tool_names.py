"""Tool names: ours, and what other systems call them."""

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KNOWN = (
    "Read", "Write", "Edit", "Bash", "TaskOutput", "TaskStop", "Grep", "Glob", "WebFetch", "WebSearch", "Skill", "Task",
    "TodoWrite", "Terraform", "Kubernetes", "Helm", "Docker", "Cloud", "Handoff", "Escalate",
)  # fmt: skip

ALIASES = {
    "multiedit": "Edit", "notebookedit": "Edit", "notebookread": "Read", "ls": "Glob", "agent": "Task",
    "bashoutput": "TaskOutput", "agentoutputtool": "TaskOutput", "killshell": "TaskStop", "killbash": "TaskStop",
    "taskcreate": "TodoWrite", "taskupdate": "TodoWrite", "tasklist": "TodoWrite", "taskget": "TodoWrite", "todoread": "TodoWrite",
    "kubectl": "Kubernetes", "k8s": "Kubernetes", "kustomize": "Kubernetes", "tofu": "Terraform", "opentofu": "Terraform",
    "aws": "Cloud", "gcloud": "Cloud", "az": "Cloud", "cloudformation": "Cloud", "shell": "Bash", "terminal": "Bash",
    "codebase": "Grep", "search": "Grep", "usages": "Grep", "findtestfiles": "Glob", "filesearch": "Glob", "textsearch": "Grep",
    "readfile": "Read", "editfiles": "Edit", "edit/editfiles": "Edit", "createfile": "Write", "new": "Write",
    "runcommands": "Bash", "runinterminal": "Bash", "execute": "Bash", "runtasks": "Bash", "fetch": "WebFetch", "web": "WebFetch",
    "websearchtool": "WebSearch", "todos": "TodoWrite", "todo": "TodoWrite", "exitplanmode": "Escalate", "askuserquestion": "Escalate",
}  # fmt: skip
BY_LOWER = {name.lower(): name for name in KNOWN}
SPLIT = re.compile(r"[,\s]+(?![^()]*\))")


@dataclass(frozen=True, kw_only=True)
class ToolRef:
    """A tool as a persona names it, and what it is here; None where it is nothing."""

    name: str
    resolves_to: str | None
    note: str = ""

    def json(self) -> dict[str, str | None]:
        return {"name": self.name, "resolves_to": self.resolves_to}


def names(value: Any) -> list[str] | None:
    """A list of names as people write it: comma or blank separated, a YAML or JSON list; None where absent or `*`."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if text in ("*", "All tools", "all"):
            return None
        value = _json_list(text) or SPLIT.split(text)
    if not isinstance(value, list):
        return []
    flat = [part.strip().strip("\"'") for item in value for part in SPLIT.split(str(item).strip())]
    return [name for name in dict.fromkeys(flat) if name]


def _json_list(text: str) -> list[Any] | None:
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return [part for part in text.strip("[]").split(",")]
    return value if isinstance(value, list) else None


def resolve(name: str) -> ToolRef:
    """What a name means here; `Bash(git:*)` is Bash, its scope said in the note."""
    bare, _, scope = name.partition("(")
    note = f"scope ({scope} is not applied; write it as an allow rule" if scope else ""
    if bare in KNOWN:
        return ToolRef(name=name, resolves_to=bare, note=note)
    if bare.startswith("mcp__"):
        return ToolRef(name=name, resolves_to=None, note="MCP servers are not connected")
    found = BY_LOWER.get(bare.lower()) or ALIASES.get(bare.lower())
    if found:
        return ToolRef(name=name, resolves_to=found, note=note or f"taken as {found}")
    near = difflib.get_close_matches(bare, KNOWN, n=1)
    return ToolRef(name=name, resolves_to=None, note=f"unknown; did you mean {near[0]}?" if near else "unknown")


def resolved(refs: Sequence[ToolRef]) -> tuple[str, ...]:
    """The tools, each once, in the order first named."""
    return tuple(dict.fromkeys(ref.resolves_to for ref in refs if ref.resolves_to))
