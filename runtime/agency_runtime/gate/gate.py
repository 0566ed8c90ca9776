"""The one gate: every tool call of a run is judged here, whichever road it takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from agency_runtime.gate.decision import Decision, Kind, Segment, Verdict, decide, sentence
from agency_runtime.gate.files import Reader
from agency_runtime.gate.findings import Findings
from agency_runtime.gate.judge import Judge
from agency_runtime.gate.modes import TABLE, WRITES_NOTHING, Mode, lifts, settled
from agency_runtime.gate.places import HOSTILE, absolute, place
from agency_runtime.gate.remote import kind_of, opens
from agency_runtime.gate.rules import ALIASES, TYPED, Rule, Rules
from agency_runtime.gate.targets import Aims
from agency_runtime.gate.typed import TypedCall, typed_call
from agency_tools.mcp.hints import Hints
from agency_tools.mcp.names import PREFIX
from agency_tools.prospect import Prospect
from agency_tools.target import Target

FREE: dict[str, Kind] = {
    "Read": "read", "Grep": "read", "Glob": "read", "TaskOutput": "read", "TaskStop": "read", "WebSearch": "read", "TodoWrite": "read",
    "Skill": "read", "Task": "read", "Handoff": "read", "Escalate": "read",
}  # fmt: skip
"""Tools that change nothing outside the run's own records; a subagent's own calls are judged one by one."""
DOCUMENTATION = frozenset({
    "registry.terraform.io", "developer.hashicorp.com", "opentofu.org", "search.opentofu.org", "kubernetes.io", "helm.sh", "docs.docker.com",
    "docs.aws.amazon.com", "cloud.google.com", "learn.microsoft.com", "docs.github.com", "docs.gitlab.com", "prometheus.io",
    "grafana.com", "docs.ansible.com", "docs.python.org", "pkg.go.dev", "docs.npmjs.com", "artifacthub.io", "argo-cd.readthedocs.io",
})  # fmt: skip
"""Sites of documentation that may be fetched without a rule."""


class Gate:
    """Judges every call of one run by its mode, rules and targets.

    target: the one that is meant where a call names none; further: others that calls may name.
    read: gives files that a command would run. sealed: the repository is mounted read-only, so that checks may run in plan.
    hints: what MCP tools say of themselves.
    """

    def __init__(
        self, *, mode: Mode, rules: Rules, target: Target | None, root: str = "/workspace", read: Reader | None = None,
        sealed: bool = False, further: Sequence[Target] = (), hints: Mapping[str, Hints] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.mode: Mode = mode
        self.rules = rules
        self.aims = Aims(targets=tuple([target, *further] if target else further))
        self.root = root
        self._hints = hints
        self._findings = Findings(rules=rules, aims=self.aims, root=root)
        self._judge = Judge(mode=mode, rules=rules, findings=self._findings, read=read, sealed=sealed)

    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Decision:
        """The decision on one call; never raises, as a fault of the gate itself is a denial.

        prospect: what the call would change, where its tool could say so; the graver class counts.
        """
        try:
            name = ALIASES.get(tool, tool)
            decision = decide(self._segments(name, given, cwd or self.root, prospect))
            unproven = name in TYPED and decision.kind in ("change", "destroy") and self._unproven(given, prospect)
            return replace(decision, prospect=prospect, unproven=unproven) if prospect or unproven else decision
        except Exception as fault:
            why = f"The gate failed: {type(fault).__name__}: {fault}."
            return Decision(
                verdict="deny", kind="unknown", rule="a fault of the gate is a denial", segments=(), why=why
            )

    def _unproven(self, given: Mapping[str, Any], prospect: Prospect | None) -> bool:
        target = self.aims.of(prospect.target if prospect else _named_target(given))
        protected = target is not None and target.protected
        return protected and not (prospect and self.aims.proven(prospect.proven_on))

    def _segments(self, tool: str, given: Mapping[str, Any], cwd: str, prospect: Prospect | None) -> list[Segment]:
        segments = list(self._by_tool(tool, given, cwd, prospect))
        return [*self._on_parameters(tool, given), *segments]

    def _by_tool(self, tool: str, given: Mapping[str, Any], cwd: str, prospect: Prospect | None) -> Iterable[Segment]:
        if tool == "Bash":
            return self._bash(given, cwd)
        if tool in ("Write", "Edit"):
            return [self._edit(tool, str(given.get("file_path", "")), cwd)]
        if tool in ("Read", "Grep", "Glob"):
            return [self._reads(tool, given, cwd)]
        if tool in TYPED:
            return [self._typed(typed_call(tool, given, self.aims, prospect))]
        if tool == "WebFetch":
            return [self._fetch(str(given.get("url", "")))]
        if tool.startswith(PREFIX):
            return [self._remote(tool)]
        return [self._named(tool, given)]

    def _on_parameters(self, tool: str, given: Mapping[str, Any]) -> Iterable[Segment]:
        for which, verdict in _BEFORE_ALLOW:
            rule = self.rules.parameter(tool, which, given)
            if rule is not None:
                yield Segment(
                    command=tool, kind="unknown", verdict=settled(self.mode, verdict, "unknown"), rule=rule.text
                )

    def _bash(self, given: Mapping[str, Any], cwd: str) -> Iterable[Segment]:
        command = given.get("command")
        if not isinstance(command, str):
            return [Segment(command="Bash", kind="unknown", verdict="deny", rule="Bash without a command")]
        whole = self._whole("Bash", command)
        return [whole] if whole else self._judge.script(command, cwd)

    def _whole(self, tool: str, shown: str) -> Segment | None:
        """A deny rule on the tool itself."""
        rule = next((rule for rule in self.rules.about(tool, "deny") if rule.spec is None), None)
        return Segment(command=shown, kind="unknown", verdict="deny", rule=rule.text) if rule else None

    def _edit(self, tool: str, path: str, cwd: str) -> Segment:
        where = absolute(path, cwd)
        for found in sorted(self._findings.write(where), key=lambda found: found.verdict != "deny"):
            if found.verdict == "deny" or found.firm or self._ruled("Edit", "allow", [where]) is None:
                return self._segment(f"{tool} {path}", "local", found.verdict, found.rule)
        bare = next(
            (
                rule
                for name in (tool, "Edit")
                for which in ("deny", "ask")
                for rule in self.rules.about(name, which)
                if rule.spec is None
            ),
            None,
        )
        if bare is not None:
            return self._segment(f"{tool} {path}", "local", "deny" if bare in self.rules.deny else "ask", bare.text)
        if self.mode in WRITES_NOTHING and place(where, self.root) == "scratch":
            return self._segment(f"{tool} {path}", "local", "allow", f"{tool} writes a scratch file")
        allow = self._ruled("Edit", "allow", [where]) or self._ruled(tool, "allow", [where])
        return self._default(f"{tool} {path}", "local", allow, f"{tool} writes a file", f"Edit({self._spec(where)})")

    def _spec(self, path: str) -> str:
        """A path as a rule's pattern."""
        inside = path.startswith(self.root + "/")
        return path[len(self.root) :] if inside else path if path.startswith("~") else f"/{path}"

    def _reads(self, tool: str, given: Mapping[str, Any], cwd: str) -> Segment:
        path = str(given.get("file_path") or given.get("path") or cwd)
        where = absolute(path, cwd)
        names = [where, *([absolute(str(given["pattern"]), where)] if tool == "Glob" and given.get("pattern") else [])]
        for which, verdict in _BEFORE_ALLOW:
            rule = self._ruled(tool, which, names) or self._ruled("Read", which, names)
            if rule is not None:
                return self._segment(f"{tool} {path}", "read", verdict, rule.text)
        if HOSTILE.search(where) or place(where, self.root) == "system":
            return self._segment(f"{tool} {path}", "read", "deny", "sockets and devices are not read")
        return self._default(f"{tool} {path}", "read", self._ruled(tool, "allow", names), f"{tool} only reads")

    def _typed(self, call: TypedCall) -> Segment:
        effect = call.effect
        for which, verdict in _BEFORE_ALLOW:
            rule = self._ruled(call.tool, which, call.texts)
            if rule is not None:
                return self._segment(call.shown, effect.kind, verdict, rule.text)
        if effect.refused or call.nowhere:
            return self._segment(call.shown, effect.kind, "deny", call.nowhere or effect.why)
        for found in sorted(
            self._findings.targeted(effect, only=call.target), key=lambda found: found.verdict != "deny"
        ):
            return self._segment(call.shown, effect.kind, found.verdict, found.rule, why=call.remedy(found.verdict))
        allow = self._ruled(call.tool, "allow", call.texts)
        if allow is not None and not call.covered_by(allow):
            allow = None
        return self._default(call.shown, effect.kind, allow, effect.why, call.permit)

    def _fetch(self, url: str) -> Segment:
        host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower().rstrip(".")
        for which, verdict in _BEFORE_ALLOW:
            rule = self._ruled("WebFetch", which, [host])
            if rule is not None:
                return self._segment(f"WebFetch {url}", "read", verdict, rule.text)
        if HOSTILE.search(url) or not host:
            return self._segment(
                f"WebFetch {url}",
                "unknown",
                "deny",
                "an address where clouds hand out credentials" if host else "no host in the address",
            )
        allow = self._ruled("WebFetch", "allow", [host])
        if allow is not None or host in DOCUMENTATION:
            return self._segment(
                f"WebFetch {url}", "read", "allow", allow.text if allow else f"{host} is a site of documentation"
            )
        new: Verdict = "allow" if self.mode == "bypassPermissions" else "ask"
        return self._segment(f"WebFetch {url}", "read", new, f"{host} is new to this run", f"WebFetch(domain:{host})")

    def _remote(self, tool: str) -> Segment:
        """A tool of an MCP server, by what it says of itself as far as that may count."""
        hints = self._hints.get(tool, Hints())
        kind = kind_of(hints)
        for which, verdict in _BEFORE_ALLOW:
            rule = self._ruled(tool, which, [""])
            if rule is not None:
                return self._segment(tool, kind, verdict, rule.text)
        allow = next((rule for rule in self.rules.about(tool, "allow") if opens(rule.tool, hints)), None)
        return self._default(tool, kind, allow, hints.told, tool)

    def _named(self, tool: str, given: Mapping[str, Any]) -> Segment:
        name = str(given.get("skill") or given.get("name") or given.get("command") or given.get("subagent_type") or "")
        for which, verdict in _BEFORE_ALLOW:
            rule = self._ruled(tool, which, [name])
            if rule is not None:
                return self._segment(f"{tool} {name}".strip(), FREE.get(tool, "unknown"), verdict, rule.text)
        allow = self._ruled(tool, "allow", [name])
        kind = FREE.get(tool, "unknown")
        return self._default(
            f"{tool} {name}".strip(),
            kind,
            allow,
            f"{tool} is free to use" if kind == "read" else f"{tool} is not known to the gate",
            tool,
        )

    def _ruled(self, tool: str, which: str, texts: Iterable[str]) -> Rule | None:
        return self.rules.first(tool, which, texts)

    def _default(self, shown: str, kind: Kind, allow: Rule | None, why: str, permit: str = "") -> Segment:
        if allow is not None and lifts(self.mode, kind):
            return self._segment(shown, kind, "allow", allow.text)
        verdict = TABLE[self.mode][kind]
        told = sentence(f"`{shown}`", verdict, f"as mode {self.mode} treats class {kind}")
        return self._segment(shown, kind, verdict, f"{why} (class {kind}, mode {self.mode})", permit, told)

    def _segment(self, shown: str, kind: Kind, verdict: Verdict, rule: str, permit: str = "", why: str = "") -> Segment:
        settled_ = settled(self.mode, verdict, kind)
        return Segment(command=shown, kind=kind, verdict=settled_, rule=rule, permit=permit, why=why)


_BEFORE_ALLOW: tuple[tuple[str, Verdict], ...] = (("deny", "deny"), ("ask", "ask"))


def _named_target(given: Mapping[str, Any]) -> str | None:
    return str(given["target"]) if given.get("target") else None
