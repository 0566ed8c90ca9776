"""Tool names: ours, what other systems call the same tools, and the nearest of ours for those we lack."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from agency_tools.mcp.names import PREFIX, server_of

KNOWN = (
    "Read", "Write", "Edit", "Bash", "TaskOutput", "TaskStop", "Grep", "Glob", "WebFetch", "WebSearch", "Skill", "Task",
    "TodoWrite", "Terraform", "Kubernetes", "Helm", "Docker", "Cloud", "Handoff", "Escalate",
)  # fmt: skip

SAME: Mapping[str, str] = {
    "agent": "Task", "agentoutputtool": "TaskOutput", "bashoutput": "TaskOutput", "killbash": "TaskStop",
    "killshell": "TaskStop", "killtask": "TaskStop", "bashtool": "Bash", "shell": "Bash", "terminal": "Bash",
    "docker": "Docker", "helm": "Helm", "kubectl": "Kubernetes", "k8s": "Kubernetes", "kustomize": "Kubernetes",
    "terraform": "Terraform", "tofu": "Terraform", "opentofu": "Terraform",
    "aws": "Cloud", "awscli": "Cloud", "az": "Cloud", "azure": "Cloud", "gcloud": "Cloud", "gcp": "Cloud",
    "cloudformation": "Cloud", "websearchtool": "WebSearch",
}  # fmt: skip
"""Other names of our own tools, without case and punctuation; nothing is lost, so nothing is warned of."""

NEAREST: Mapping[str, str] = {
    # Claude Code's tools that are not here
    "multiedit": "Edit", "notebookedit": "Edit", "notebookread": "Read", "ls": "Glob", "lsp": "Grep", "monitor": "TaskOutput",
    "taskcreate": "TodoWrite", "taskget": "TodoWrite", "tasklist": "TodoWrite", "taskupdate": "TodoWrite", "todoread": "TodoWrite",
    "askuserquestion": "Escalate", "exitplanmode": "Escalate", "slashcommand": "Skill", "powershell": "Bash",
    # GitHub Copilot's
    "codebase": "Grep", "search": "Grep", "searchresults": "Grep", "textsearch": "Grep", "usages": "Grep", "grepsearch": "Grep",
    "filesearch": "Glob", "findtestfiles": "Glob", "listdir": "Glob", "listdirectory": "Glob", "listfiles": "Glob",
    "problems": "Bash", "changes": "Bash", "testfailure": "Bash", "runcommands": "Bash", "runcommand": "Bash", "runtasks": "Bash",
    "runtests": "Bash", "runinterminal": "Bash", "executecommand": "Bash", "runnotebooks": "Bash", "execute": "Bash",
    "getterminaloutput": "TaskOutput", "terminallastcommand": "TaskOutput", "readfile": "Read", "readnotebookcelloutput": "Read",
    "editfiles": "Edit", "editfile": "Edit", "editnotebook": "Edit", "replacestringinfile": "Edit", "applypatch": "Edit",
    "createfile": "Write", "writefile": "Write", "new": "Write", "createdirectory": "Write",
    "fetch": "WebFetch", "fetchwebpage": "WebFetch", "web": "WebFetch", "openbrowser": "WebFetch", "opensimplebrowser": "WebFetch",
    "todo": "TodoWrite", "todos": "TodoWrite", "managetodolist": "TodoWrite", "runsubagent": "Task",
    # the API's own and other agents'
    "strreplaceeditor": "Edit", "strreplacebasededittool": "Edit", "texteditor": "Edit", "view": "Read", "executebash": "Bash",
    "exec": "Bash", "googlesearch": "WebSearch",
}  # fmt: skip
"""Tools that are not ours and the one of ours that comes nearest; taken with a warning."""

NO_SERVER = "no MCP server {!r} is configured"
_OURS = {name.lower(): name for name in KNOWN}
_LONGEST_GUESS = 64


@dataclass(frozen=True, kw_only=True)
class ToolRef:
    """A tool as a file names it.

    name: as written, scope included. resolves_to: the tool it is here; None where it is nothing here.
    scope: what stands in its parentheses. note: worth a warning, empty where the name is one of ours.
    """

    name: str
    resolves_to: str | None
    scope: str | None = None
    note: str = ""

    @property
    def bare(self) -> str:
        """The name without a scope."""
        return self.name.partition("(")[0].strip()

    @property
    def mcp(self) -> bool:
        """Whether it names a tool, or all, of an MCP server."""
        return self.bare.startswith(PREFIX)

    def among(self, servers: Collection[str]) -> "ToolRef":
        """Where it names a tool of one of these MCP servers, resolved to it; whether the server has it, the run shows."""
        known = self.mcp and any(fnmatchcase(each, server_of(self.bare)) for each in servers)
        return replace(self, resolves_to=self.bare, note="") if known else self

    def json(self) -> dict[str, str | None]:
        """As `check --json` prints it."""
        return {"name": self.name, "resolves_to": self.resolves_to}


@lru_cache(maxsize=1024)
def resolve(name: str) -> ToolRef:
    """What a name means here; `Bash(git:*)` is Bash with the scope `git:*`."""
    before, bracket, after = name.strip().partition("(")
    bare, scope = before.rstrip(), after.removesuffix(")").strip() if bracket else None
    if bare in KNOWN:
        return ToolRef(name=name, resolves_to=bare, scope=scope)
    if bare.startswith("mcp__"):
        return ToolRef(name=name, resolves_to=None, scope=scope, note=NO_SERVER.format(server_of(bare)))
    key = _key(bare)
    for table, said in (
        (SAME, ""),
        (_OURS, "taken as {}; case matters elsewhere"),
        (NEAREST, "taken as {}, the nearest tool here"),
    ):
        if key in table:
            return ToolRef(name=name, resolves_to=table[key], scope=scope, note=said.format(table[key]))
    if "/" in bare:  # `search/codebase`, as newer Copilot files group their tools
        inner = resolve(bare.rpartition("/")[2])
        return ToolRef(
            name=name, resolves_to=inner.resolves_to, scope=scope, note=inner.note or f"taken as {inner.resolves_to}"
        )
    return ToolRef(name=name, resolves_to=None, scope=scope, note=f"no such tool here{_suggestion(bare)}")


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower()[:_LONGEST_GUESS], _OURS, n=1, cutoff=0.7)
    return f"; did you mean {_OURS[near[0]]}?" if near else ""


def resolved(refs: Iterable[ToolRef]) -> tuple[str, ...]:
    """The tools, each once, in the order first named."""
    return tuple(dict.fromkeys(ref.resolves_to for ref in refs if ref.resolves_to))
